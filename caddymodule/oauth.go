package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// ownPaths are where MCP clients ask for authorization servers, also below the
// MCP path as in /mcp/.well-known/openid-configuration. Such requests are
// answered here, before authentication, and never proxied: clients send their
// token along with them, and a 401 would make them ask again.
const ownPaths = `^/register$|/\.well-known/(oauth-protected-resource|oauth-authorization-server|openid-configuration)(/|$)`

var ownPathPattern = regexp.MustCompile(ownPaths)

func ownPath(path string) bool {
	return path == "/register" || strings.Contains(path, "/.well-known/") && ownPathPattern.MatchString(path)
}

// ownPaths matches all paths that h answers itself, for a route of their own.
func (h *Handler) ownPaths() string {
	if h.Assertion {
		return ownPaths + `|^` + regexp.QuoteMeta(jwksPath) + `$`
	}
	return ownPaths
}

// errNoOAuth is the answer to those probes. The SDKs show the description of
// invalid_client_metadata to the user, and give up.
const errNoOAuth = `{"error":"invalid_client_metadata","error_description":"This gateway takes static bearer tokens only; ` +
	`there is no OAuth here. Check the token in the client's configuration."}`

// serveOwnPath answers a probe: with the metadata of RFC 9728 if there is an
// authorization server, else with 404.
func (e *exchange) serveOwnPath() {
	suffix, found := strings.CutPrefix(e.r.URL.Path, resourceMetadata)
	if !found || len(e.h.AuthorizationServers) == 0 {
		writeJSON(e.w, http.StatusNotFound, []byte(errNoOAuth))
		return
	}
	metadata := struct {
		Resource             string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers"`
		Scopes               []string `json:"scopes_supported,omitempty"`
		Methods              []string `json:"bearer_methods_supported"`
	}{e.baseURL() + suffix, e.h.AuthorizationServers, e.h.Require, []string{"header"}}
	body, err := json.Marshal(metadata)
	if err != nil {
		e.h.logger.Error("writing resource metadata", zap.Error(err))
		writeJSON(e.w, http.StatusInternalServerError, []byte(`{"error":"server_error"}`))
		return
	}
	e.allowOrigin(e.w.Header())
	writeJSON(e.w, http.StatusOK, body)
}

const resourceMetadata = "/.well-known/oauth-protected-resource"

// metadataURL is where a client finds the metadata of the path it asked for.
func (e *exchange) metadataURL() string {
	path := e.r.URL.EscapedPath()
	if original, ok := e.r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		path = original.URL.EscapedPath()
	}
	if path == "/" {
		path = ""
	}
	return e.baseURL() + resourceMetadata + path
}

// baseURL is the site as the client sees it.
func (e *exchange) baseURL() string {
	scheme := "http"
	if e.r.TLS != nil {
		scheme = "https"
	}
	if trusted, _ := caddyhttp.GetVar(e.r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted {
		if proto := e.r.Header.Get("X-Forwarded-Proto"); proto == "http" || proto == "https" {
			scheme = proto
		}
	}
	return scheme + "://" + e.r.Host
}

// checkIssuer refuses what cannot be an issuer of RFC 8414: an https URL, or an
// http one on this machine.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
	if !secure || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("authorization_servers: %q is not an issuer: expected an https URL without query and fragment", issuer)
	}
	return nil
}
