package caddymodule

import (
	"net/http"
	"net/netip"

	"github.com/caddyserver/caddy/v2"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func init() {
	caddy.RegisterModule(AdminRouter{})
}

// adminPrefix is where the API is on Caddy's admin endpoint. It is one prefix,
// so that access to the remote endpoint can be granted by path.
const adminPrefix = "/mcp_token"

// AdminRouter serves the admin API on Caddy's admin endpoint. Who reaches that
// endpoint may do everything there, tokens included.
//
// It holds nothing: Caddy keeps the admin routers of a configuration that
// failed to load, so the app is looked up on every request.
type AdminRouter struct{}

// CaddyModule returns the Caddy module information.
func (AdminRouter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.mcp_token",
		New: func() caddy.Module { return AdminRouter{} },
	}
}

// Routes returns the API's one route.
func (AdminRouter) Routes() []caddy.AdminRoute {
	api := adminapi.API{
		Service: activeService,
		Routes:  activeRoutes,
		Actor:   localActor,
		Logger:  caddy.Log().Named("admin.api.mcp_token"),
	}
	handler := http.StripPrefix(adminPrefix, api.Handler())
	return []caddy.AdminRoute{{
		Pattern: adminPrefix + "/",
		Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			handler.ServeHTTP(w, r)
			return nil
		}),
	}}
}

// activeApp is the app of the configuration that serves requests now.
func activeApp() (*App, error) {
	app, err := caddy.ActiveContext().AppIfConfigured("mcp_token")
	if err != nil {
		return nil, err
	}
	return app.(*App), nil
}

func activeService() (*tokenstore.Service, error) {
	app, err := activeApp()
	if err != nil {
		return nil, err
	}
	return app.Service()
}

func activeRoutes() []adminapi.Route {
	app, err := activeApp()
	if err != nil {
		return nil
	}
	return app.routes.list()
}

// localActor is whoever reaches the admin endpoint. On the remote endpoint the
// client certificate says who that is.
func localActor(r *http.Request) (tokenstore.Actor, error) {
	actor := tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorAdminEndpoint}}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		actor.IP = addr.Addr().Unmap().String()
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		actor.Name = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	return actor, nil
}

// Interface guards
var _ caddy.AdminRouter = AdminRouter{}
