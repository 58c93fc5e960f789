// Package page is the management plane for a browser: sign-in, the page itself,
// and the admin API beside it under api/. Everything is rendered on the server
// from embedded templates; nothing is loaded from anywhere else.
package page

import (
	"net/http"
	"net/netip"
	"sync"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Site serves the page at its root and the API under api/. Its fields are set
// once, before the first request.
type Site struct {
	// Service returns the token service; an error makes the answer 503.
	Service func() (*tokenstore.Service, error)

	// Routes returns the routes of the running configuration.
	Routes func() []adminapi.Route

	// AllowedHosts are the values of Host that are answered, each a name with
	// its port if that is not the scheme's own. Any other gets 421. The default
	// is the loopback names with the port that the request came in on.
	AllowedHosts []string

	// ClientAddr is the address a request comes from, behind trusted proxies
	// too.
	ClientAddr func(*http.Request) netip.Addr

	Logger *zap.Logger

	once     sync.Once
	handler  http.Handler
	sessions *sessions
	failures *rate.Limiter
	secrets  *secrets
}

func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.once.Do(s.build)
	s.handler.ServeHTTP(w, r)
}

func (s *Site) build() {
	s.sessions = newSessions()
	s.secrets = newSecrets()
	s.failures = newFailures()
	api := &adminapi.API{Service: s.Service, Routes: s.Routes, Actor: s.apiActor, Logger: s.Logger}

	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", api.Handler()))
	mux.HandleFunc("GET /assets/{name}", serveAsset)
	mux.HandleFunc("GET /{$}", s.root)
	mux.HandleFunc("POST /{$}", s.signIn)
	mux.HandleFunc("/", s.signedIn(s.notFound))
	for pattern, screen := range map[string]screen{
		"POST /sign-out": s.signOut,

		"GET /tokens":                     s.listTokens,
		"POST /tokens":                    s.createToken,
		"POST /tokens/bulk":               s.bulk,
		"POST /tokens/summary":            s.summary,
		"GET /tokens/new":                 s.newToken,
		"GET /tokens/{id}":                s.showToken,
		"GET /tokens/{id}/edit":           s.editToken,
		"POST /tokens/{id}/edit":          s.updateToken,
		"POST /tokens/{id}/rotate":        s.rotateToken,
		"POST /tokens/{id}/rotate/finish": s.finishRotation,
		"POST /tokens/{id}/disable":       s.disableToken,
		"POST /tokens/{id}/enable":        s.enableToken,
		"POST /tokens/{id}/delete":        s.deleteToken,
		"POST /tokens/{id}/end":           s.endRequests,
		"GET /groups":                     s.listGroups,
		"POST /groups":                    s.createGroup,
		"GET /groups/new":                 s.newGroup,
		"GET /groups/{name}":              s.editGroup,
		"POST /groups/{name}":             s.updateGroup,
		"POST /groups/{name}/delete":      s.deleteGroup,
		"GET /access":                     s.showAccess,
		"GET /audit":                      s.listAudit,
		"GET /check":                      s.showCheck,
		"POST /check":                     s.decide,
	} {
		mux.HandleFunc(pattern, s.signedIn(screen))
	}
	s.handler = s.guard(mux)
}

// guard is what stands before every path: the Host allow-list, the refusal of
// requests from other sites, and the headers that bind the browser.
func (s *Site) guard(next http.Handler) http.Handler {
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if service, err := s.Service(); err == nil {
			service.RecordAccess(r.Context(), s.stranger(r), tokenstore.ActionRefused, "request from another site")
		}
		s.fail(w, r, http.StatusForbidden, "Refused", "This request came from another site.")
	}))
	protected := csrf.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		if !s.allowed(r) {
			s.fail(w, r, http.StatusMisdirectedRequest, "Unknown host",
				"This page answers only to the hosts in allowed_hosts.")
			return
		}
		protected.ServeHTTP(w, r)
	})
}

func setHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	// Nothing inline, nothing foreign, no markup from script (Trusted Types).
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "+
		"require-trusted-types-for 'script'; trusted-types 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}
