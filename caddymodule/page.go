package caddymodule

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/adminapi/page"
)

func init() {
	caddy.RegisterModule(new(AdminPage))
	httpcaddyfile.RegisterHandlerDirective("mcp_token_admin", parseAdminPage)
	httpcaddyfile.RegisterDirectiveOrder("mcp_token_admin", httpcaddyfile.Before, "respond")
}

// AdminPage is the page for managing tokens, and the admin API under api/, on
// a site. It always asks for a management token: one that holds a right under
// mcp_token.
type AdminPage struct {
	// AllowedHosts are the values of the Host header that are answered, with
	// the port where it is not the scheme's own; others get 421, so that a
	// hostile name pointed at this address opens nothing. The default is
	// localhost, 127.0.0.1 and [::1] with the port that the request came in on.
	AllowedHosts []string `json:"allowed_hosts,omitempty"`

	site *page.Site
}

// CaddyModule returns the Caddy module information.
func (*AdminPage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.mcp_token_admin",
		New: func() caddy.Module { return new(AdminPage) },
	}
}

// Provision finds the app whose tokens are managed.
func (p *AdminPage) Provision(ctx caddy.Context) error {
	module, err := ctx.App("mcp_token")
	if err != nil {
		return fmt.Errorf("getting the mcp_token app: %w", err)
	}
	app := module.(*App)
	p.site = &page.Site{
		Service:      app.Service,
		Routes:       func() []adminapi.Route { return app.routes.list() },
		AllowedHosts: p.AllowedHosts,
		ClientAddr:   clientAddr,
		Logger:       ctx.Logger(),
	}
	return nil
}

// ServeHTTP serves the page; nothing behind it is reached.
func (p *AdminPage) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	p.site.ServeHTTP(w, r)
	return nil
}

// parseAdminPage reads
//
//	mcp_token_admin [<matcher>] {
//		allowed_hosts <host...>
//	}
func parseAdminPage(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	p := new(AdminPage)
	h.Next() // the directive's name
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	for nesting := h.Nesting(); h.NextBlock(nesting); {
		switch word := h.Val(); word {
		case "allowed_hosts":
			if p.AllowedHosts != nil {
				return nil, h.Errf("%s is set twice", word)
			}
			if p.AllowedHosts = h.RemainingArgs(); len(p.AllowedHosts) == 0 {
				return nil, h.Err("allowed_hosts: expected at least one host, as tokens.example.com or 127.0.0.1:8090")
			}
		default:
			return nil, h.Errf("unrecognized subdirective '%s': expected allowed_hosts", word)
		}
	}
	return p, nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*AdminPage)(nil)
	_ caddyhttp.MiddlewareHandler = (*AdminPage)(nil)
)
