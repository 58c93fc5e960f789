package adminapi

import (
	"net/http"
	"path"
	"strings"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// API is the management plane of one gateway.
type API struct {
	// Service returns the token service. It is asked on every request, so that
	// a handler outlives a reload of the configuration.
	Service func() (*tokenstore.Service, error)

	// Routes returns the routes that tokens guard, for listings and checks.
	Routes func() []Route

	// Actor says who makes a request. An error is answered with 401, unless it
	// is a [*Problem]. What the returned Actor tells beside an error (its IP)
	// goes to the audit trail.
	Actor func(*http.Request) (tokenstore.Actor, error)

	// Logger gets what callers are not told: the cause of a 500.
	Logger *zap.Logger
}

// Route is one place in the configuration that asks for a token.
type Route struct {
	// Name is how listings, logs and checks call the route.
	Name string

	// Audience is the name that tokens bound to audiences must carry.
	Audience string

	// Policy is what the route demands.
	Policy *policy.Policy
}

// unknownCallersPerSecond bounds how many refusals of callers without a valid
// credential are written to the audit trail: nobody shall fill the disk from
// outside.
const unknownCallersPerSecond = 1

// Handler returns the API, rooted at "/".
func (a *API) Handler() http.Handler {
	table := endpoints()
	s := &server{
		API:       a,
		document:  newDocument(table),
		strangers: rate.NewLimiter(unknownCallersPerSecond, 60),
	}
	if s.Logger == nil {
		s.Logger = zap.NewNop()
	}
	byPath := map[string]map[string]*endpoint{}
	for _, e := range table {
		if byPath[e.path] == nil {
			byPath[e.path] = map[string]*endpoint{}
		}
		byPath[e.path][e.method] = &e
	}
	mux := http.NewServeMux()
	for pattern, methods := range byPath {
		allow := allowed(methods)
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			method := r.Method
			if method == http.MethodHead {
				method = http.MethodGet // net/http drops the body
			}
			s.serve(w, r, methods[method], allow)
		})
	}
	unknown := func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, nil, "") }
	mux.HandleFunc("/", unknown)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would answer a path that is not clean with a redirect and a
		// body of its own; here such a path does not exist, like any other.
		if p := r.URL.EscapedPath(); path.Clean(p) != p {
			unknown(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// allowed lists methods as the Allow header does.
func allowed(methods map[string]*endpoint) string {
	var names []string
	for _, m := range []string{"GET", "POST", "PATCH", "DELETE"} {
		if methods[m] != nil {
			names = append(names, m)
			if m == "GET" {
				names = append(names, "HEAD")
			}
		}
	}
	return strings.Join(names, ", ")
}
