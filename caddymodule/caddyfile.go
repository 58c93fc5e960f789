package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("mcp_token", parseApp)
	httpcaddyfile.RegisterDirective("mcp_token", parseDirective)
	// Before basic_auth: no other directive that authenticates, proxies or
	// encodes sees the client's token or the upstream's raw answer.
	httpcaddyfile.RegisterDirectiveOrder("mcp_token", httpcaddyfile.Before, "basic_auth")
}

// parseApp reads the global option.
//
//	mcp_token {
//		store <backend> ...
//		default_expiry <duration>
//		max_expiry <duration>
//		last_used_flush <duration>
//		audit_retention <duration>
//	}
func parseApp(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next() // for the line in the error
		return nil, d.Err("the global option mcp_token is set twice")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "mcp_token", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile reads the block that parseApp shows.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the option's name
	if d.NextArg() {
		return d.ArgErr()
	}
	var seen words
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := seen.once(d); err != nil {
			return err
		}
		var err error
		switch d.Val() {
		case "store":
			err = a.unmarshalStore(d)
		case "default_expiry":
			err = duration(d, &a.DefaultExpiry)
		case "max_expiry":
			err = duration(d, &a.MaxExpiry)
		case "last_used_flush":
			err = duration(d, &a.LastUsedFlush)
		case "audit_retention":
			err = duration(d, &a.AuditRetention)
		default:
			err = d.Errf("unrecognized option '%s': expected store, default_expiry, max_expiry, last_used_flush or audit_retention", d.Val())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *App) unmarshalStore(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	backend := d.Val()
	if _, err := caddy.GetModule("mcp_token.stores." + backend); err != nil {
		return d.Errf("unknown store '%s': expected %s", backend, strings.Join(backends(), " or "))
	}
	store, err := caddyfile.UnmarshalModule(d, "mcp_token.stores."+backend)
	if err != nil {
		return err
	}
	a.StoreRaw = caddyconfig.JSONModuleObject(store, "backend", backend, nil)
	return nil
}

// backends are the stores built into this binary.
func backends() []string {
	var names []string
	for _, module := range caddy.GetModules("mcp_token.stores") {
		names = append(names, module.ID.Name())
	}
	return names
}

// parseDirective reads the directive. One with a matcher gives two routes: the
// one that it says, and one for the paths at which clients look for an
// authorization server, which are elsewhere on the site and must not reach the
// upstream either.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	values := h.NewRoute(matcher, handler)
	if matcher != nil {
		own := caddy.ModuleMap{"path_regexp": h.JSON(caddyhttp.MatchRegexp{Pattern: handler.ownPaths()})}
		values = append(values, h.NewRoute(own, handler)...)
	}
	return values, nil
}

// UnmarshalCaddyfile reads
//
//	mcp_token [<matcher>] [require <permission...>] {
//		name             <word>
//		require          <permission...>
//		require_any      <permission...>
//		tool             <glob...> [where <CEL>] require <permission...> | allow | deny
//		prompt           <glob...> ...
//		resource         <uri-glob...> ...
//		method           <glob...> ...
//		filter_lists     on|off
//		deny_as          http|jsonrpc|tool_result
//		hide_denied
//		max_body         <size>
//		allowed_origins  <origin...>
//		authorization_servers <url...>
//		audience         <name>
//		identity_headers on|off
//		assertion        on|off
//		upstream_authorization <value>
//		bind_sessions    on|off
//		rate_limit       <n>/<s|m|h> [burst <n>]
//		auth_failure_limit <n>/<s|m|h> [burst <n>]
//		max_streams      <n>
//		realm            <text>
//	}
//
// What can stand in the block can also stand, once, on the line.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	var seen words
	if d.NextArg() {
		if err := h.unmarshalWord(d, &seen); err != nil {
			return err
		}
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := h.unmarshalWord(d, &seen); err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) unmarshalWord(d *caddyfile.Dispenser, seen *words) error {
	switch d.Val() {
	case "require":
		return permissions(d, &h.Require)
	case "require_any":
		return permissions(d, &h.RequireAny)
	case "tool", "prompt", "resource", "method":
		return h.unmarshalRule(d)
	}
	if err := seen.once(d); err != nil {
		return err
	}
	switch d.Val() {
	case "name":
		return text(d, &h.Name)
	case "filter_lists":
		return onOff(d, &h.FilterLists)
	case "deny_as":
		return oneOf(d, &h.DenyAs, denyAsHTTP, denyAsJSONRPC, denyAsToolResult)
	case "hide_denied":
		h.HideDenied = true
		return end(d)
	case "max_body":
		return size(d, &h.MaxBody)
	case "allowed_origins":
		return checked(d, &h.AllowedOrigins, checkOriginSyntax)
	case "authorization_servers":
		return checked(d, &h.AuthorizationServers, checkIssuer)
	case "audience":
		return text(d, &h.Audience)
	case "identity_headers":
		return onOff(d, &h.IdentityHeaders)
	case "assertion":
		var assertion *bool
		if err := onOff(d, &assertion); err != nil {
			return err
		}
		h.Assertion = *assertion
		return nil
	case "upstream_authorization":
		return text(d, &h.UpstreamAuthorization)
	case "bind_sessions":
		return onOff(d, &h.BindSessions)
	case "rate_limit":
		return limit(d, &h.RateLimit)
	case "auth_failure_limit":
		return limit(d, &h.AuthFailureLimit)
	case "max_streams":
		return count(d, &h.MaxStreams)
	case "realm":
		return text(d, &h.Realm)
	default:
		return d.Errf("unrecognized subdirective '%s': expected %s", d.Val(), handlerWords)
	}
}

// handlerWords are what unmarshalWord knows, for whoever mistypes one.
const handlerWords = "require, require_any, tool, prompt, resource, method, name, filter_lists, deny_as, hide_denied, " +
	"max_body, allowed_origins, authorization_servers, audience, identity_headers, assertion, upstream_authorization, " +
	"bind_sessions, rate_limit, auth_failure_limit, max_streams or realm"

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*App)(nil)
	_ caddyfile.Unmarshaler = (*Handler)(nil)
)
