package caddymodule

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler guards an MCP server: it lets requests through that carry a valid
// token with the permissions that the route asks for, and answers the others
// itself. The token never reaches the upstream.
//
// It sets the placeholders {http.auth.user.id} (the token's user, or the
// token's id if it has none), {http.auth.user.token_id} and
// {http.auth.user.token_name}. For a token that was recognised and refused
// they are {http.auth.candidate.*} instead.
type Handler struct {
	// What requests need.
	policy.Config

	// DenyAs is the form of a denied message: "http", the default, is status 403
	// with a JSON-RPC error; "jsonrpc" is the same error with status 200, for
	// clients that lose their session over an HTTP error; "tool_result" is the
	// result of a tool that failed, which models get to read.
	DenyAs string `json:"deny_as,omitempty"`

	// HideDenied answers as if what is denied did not exist.
	HideDenied bool `json:"hide_denied,omitempty"`

	// MaxBody is how many bytes a message may have on a route with MCP rules,
	// and the largest message from the upstream that is filtered. The default
	// is 4 MiB.
	MaxBody int64 `json:"max_body,omitempty"`

	// AllowedOrigins lists the origins whose pages may use the server from a
	// browser; "*" is all of them. The server's own origin always may. Without
	// the list there is no CORS.
	AllowedOrigins []string `json:"allowed_origins,omitempty"`

	// AuthorizationServers are the issuers that can give out tokens. With them,
	// the gateway serves RFC 9728 metadata, and its challenges name what is
	// missing as scopes.
	AuthorizationServers []string `json:"authorization_servers,omitempty"`

	// Audience is what this route is called by tokens that are bound to some
	// routes. Tokens bound to others only are refused; unbound tokens are
	// welcome everywhere.
	Audience string `json:"audience,omitempty"`

	// IdentityHeaders tells the upstream who calls, in X-Mcp-Token-Id, -Name,
	// -User and -Permissions: percent-encoded outside visible ASCII, the
	// permissions separated by spaces. The default is true. Headers of these
	// names that the client sends are deleted in any case.
	IdentityHeaders *bool `json:"identity_headers,omitempty"`

	// Assertion gives the upstream proof of who calls: a JWT in X-Mcp-Assertion,
	// good for a minute and signed (EdDSA) by a key that the site shows at
	// /.well-known/mcp-token-jwks.json.
	Assertion bool `json:"assertion,omitempty"`

	// UpstreamAuthorization is the Authorization that the upstream gets in place
	// of the client's, which it never gets. Placeholders are replaced on every
	// request: "Bearer {file./run/secrets/upstream}".
	UpstreamAuthorization string `json:"upstream_authorization,omitempty"`

	// BindSessions makes a session (Mcp-Session-Id, until 2025-11-25) the token's
	// that opened it: others get 404. The default is true.
	BindSessions *bool `json:"bind_sessions,omitempty"`

	// RateLimit is how many requests each token may make on the route, as "60/m"
	// or "60/m burst 20". A token's own limit takes its place. The default is no
	// limit.
	RateLimit string `json:"rate_limit,omitempty"`

	// AuthFailureLimit is how many requests with credentials that do not exist a
	// client address may make, in the form of RateLimit; further ones get 429.
	// Requests with a valid token pass in any case. An IPv6 address counts with
	// its /64. The default is no limit.
	AuthFailureLimit string `json:"auth_failure_limit,omitempty"`

	// MaxStreams is how many requests each token may have running at once, event
	// streams included. The default is no limit.
	MaxStreams int `json:"max_streams,omitempty"`

	// Realm is shown in challenges. The default is "mcp".
	Realm string `json:"realm,omitempty"`

	app    *App
	policy *policy.Policy
	logger *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.mcp_token",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision compiles the rules and announces the route to the app.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	app, err := ctx.App("mcp_token")
	if err != nil {
		return fmt.Errorf("getting the mcp_token app: %w", err)
	}
	return h.join(app.(*App))
}

func (h *Handler) join(app *App) (err error) {
	h.app = app
	h.Realm = cmp.Or(h.Realm, "mcp")
	h.MaxBody = cmp.Or(h.MaxBody, defaultMaxBody)
	h.DenyAs = cmp.Or(h.DenyAs, denyAsHTTP)
	for i, origin := range h.AllowedOrigins {
		h.AllowedOrigins[i] = strings.ToLower(origin)
	}
	if h.policy, err = policy.Compile(h.Config); err != nil {
		return err
	}
	return app.routes.add(h)
}

// Validate checks what the policy does not.
func (h *Handler) Validate() error {
	if quote(h.Realm) != `"`+h.Realm+`"` {
		return fmt.Errorf("realm: %q must be visible ASCII without quotation marks and backslashes", h.Realm)
	}
	if h.MaxBody < 0 {
		return fmt.Errorf("max_body: %d is negative", h.MaxBody)
	}
	switch h.DenyAs {
	case denyAsHTTP, denyAsJSONRPC, denyAsToolResult:
	default:
		return fmt.Errorf("deny_as: expected http, jsonrpc or tool_result, not %q", h.DenyAs)
	}
	for name, limit := range map[string]string{"rate_limit": h.RateLimit, "auth_failure_limit": h.AuthFailureLimit} {
		if limit == "" {
			continue
		}
		if _, err := tokenstore.ParseRate(limit); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if h.MaxStreams < 0 {
		return fmt.Errorf("max_streams: %d is negative", h.MaxStreams)
	}
	for _, origin := range h.AllowedOrigins {
		if err := checkOriginSyntax(origin); err != nil {
			return err
		}
	}
	for _, issuer := range h.AuthorizationServers {
		if err := checkIssuer(issuer); err != nil {
			return err
		}
	}
	return nil
}

// ServeHTTP lets the request through or answers it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	e := &exchange{h: h, w: w, r: r, began: time.Now()}
	defer e.end()
	if key := secretInURL(r); key != "" {
		e.hideFromAccessLog(key)
		e.refuse(malformed("A token must not be sent in the URL. It should be considered leaked: rotate it."))
		return nil
	}
	if ownPath(r.URL.Path) {
		e.serveOwnPath()
		return nil
	}
	if e.serveJWKS() || e.preflight() {
		return nil
	}
	for _, check := range checks {
		if refused := check(e); refused != nil {
			e.refuse(refused)
			return nil
		}
	}
	return e.forward(next)
}

// checks are made in this order; the first that refuses is the answer.
var checks = [...]func(*exchange) *refusal{
	(*exchange).checkOrigin,
	(*exchange).checkTarget,
	(*exchange).authenticate,
	(*exchange).checkRate,
	(*exchange).authorize,
	(*exchange).readMessage,
	(*exchange).checkSession,
	(*exchange).checkStreams,
	(*exchange).admit,
	(*exchange).credentialForUpstream,
	(*exchange).assert,
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
