package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/policy"
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

	// Audience is what this route is called by tokens that are bound to some
	// routes. Tokens bound to others only are refused; unbound tokens are
	// welcome everywhere.
	Audience string `json:"audience,omitempty"`

	// IdentityHeaders tells the upstream who calls, in X-Mcp-Token-Id, -Name,
	// -User and -Permissions: percent-encoded outside visible ASCII, the
	// permissions separated by spaces. The default is true. Headers of these
	// names that the client sends are deleted in any case.
	IdentityHeaders *bool `json:"identity_headers,omitempty"`

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
	if h.Realm == "" {
		h.Realm = "mcp"
	}
	compiled, err := policy.Compile(h.Config)
	if err != nil {
		return err
	}
	h.policy = compiled
	app, err := ctx.App("mcp_token")
	if err != nil {
		return fmt.Errorf("getting the mcp_token app: %w", err)
	}
	h.app = app.(*App)
	return h.app.routes.add(h)
}

// Validate checks what the policy does not.
func (h *Handler) Validate() error {
	if h.Realm != "" && quote(h.Realm) != `"`+h.Realm+`"` {
		return errors.New("realm: must be visible ASCII without quotation marks and backslashes")
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
		h.serveOwnPath(w, r)
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
	(*exchange).checkTarget,
	(*exchange).authenticate,
	(*exchange).authorize,
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
