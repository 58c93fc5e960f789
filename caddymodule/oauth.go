package caddymodule

import (
	"net/http"
	"strings"
)

// ownPath reports whether path is one that MCP clients ask for authorization
// servers. Such requests are answered here, before authentication, and never
// proxied: clients send their token along with them, and a 401 would make them
// ask again.
func ownPath(path string) bool {
	if path == "/register" {
		return true
	}
	// Also below the MCP path, as in /mcp/.well-known/openid-configuration.
	_, name, found := strings.Cut(path, "/.well-known/")
	if !found {
		return false
	}
	for _, probe := range [...]string{"oauth-protected-resource", "oauth-authorization-server", "openid-configuration"} {
		if rest, ok := strings.CutPrefix(name, probe); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// errNoOAuth is the answer to those probes. The SDKs show the description of
// invalid_client_metadata to the user, and give up.
const errNoOAuth = `{"error":"invalid_client_metadata","error_description":"This gateway takes static bearer tokens only; ` +
	`there is no OAuth here. Check the token in the client's configuration."}`

func (h *Handler) serveOwnPath(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound, []byte(errNoOAuth))
}
