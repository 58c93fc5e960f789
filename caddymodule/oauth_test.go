package caddymodule

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestOAuthProbesAreAnsweredHere(t *testing.T) {
	r := newRig(t, "require a.b")
	_, secret := r.token("a.b")
	for _, path := range []string{
		"/register",
		"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp",
		"/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/mcp",
		"/.well-known/openid-configuration", "/.well-known/openid-configuration/mcp",
		"/mcp/.well-known/openid-configuration", "/a/.well-known/x/.well-known/openid-configuration", "/mcp/.well-known/oauth-authorization-server",
	} {
		for _, head := range []string{"GET ", "POST ", "OPTIONS "} {
			a := r.raw(head+path+" HTTP/1.1", "Host: localhost", "Connection: close", bearer(secret))
			if a.StatusCode != http.StatusNotFound || a.body != errNoOAuth || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s%s: %d %s", head, path, a.StatusCode, a.body)
			}
		}
	}
	if r.got() != 0 {
		t.Error("one of them reached the upstream")
	}
	for _, path := range []string{"/registered", "/mcp/register", "/.well-known/oauth-protected-resources", "/.well-known/security.txt"} {
		if a := r.get(path, bearer(secret)); a.StatusCode != http.StatusOK {
			t.Errorf("%s is the upstream's: %d", path, a.StatusCode)
		}
	}
}

func TestAuthorizationServersAreAnnounced(t *testing.T) {
	r := newRig(t, "{\n require a.b c.d\n authorization_servers https://auth.example.com/tenant\n}")
	a := r.raw("GET /.well-known/oauth-protected-resource/mcp HTTP/1.1", "Host: mcp.example.com", "Connection: close")
	var got map[string]any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"resource":                 "http://mcp.example.com/mcp",
		"authorization_servers":    []any{"https://auth.example.com/tenant"},
		"scopes_supported":         []any{"a.b", "c.d"},
		"bearer_methods_supported": []any{"header"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a := r.get("/.well-known/oauth-authorization-server"); a.StatusCode != http.StatusNotFound {
		t.Errorf("the gateway passes for an authorization server: %d", a.StatusCode)
	}

	_, secret := r.token("a.b")
	missing := r.get("/mcp").Header.Get("WWW-Authenticate")
	if want := `Bearer realm="mcp", scope="a.b c.d", resource_metadata="http://localhost/.well-known/oauth-protected-resource/mcp"`; missing != want {
		t.Errorf("challenge\n%s\nwant\n%s", missing, want)
	}
	denied := r.get("/mcp", bearer(secret))
	r.want(denied, http.StatusForbidden, tokenstore.ReasonPermission)
	for _, part := range []string{`error="insufficient_scope"`, `scope="a.b c.d"`, `resource_metadata=`} {
		if got := denied.Header.Get("WWW-Authenticate"); !strings.Contains(got, part) {
			t.Errorf("challenge %s lacks %s", got, part)
		}
	}
}

func TestAHostCannotBreakOutOfTheChallenge(t *testing.T) {
	r := newRig(t, "{\n authorization_servers https://auth.example.com\n}")
	a := r.raw("GET /mcp HTTP/1.1", `Host: a"b`, "Connection: close")
	if got := a.Header.Get("WWW-Authenticate"); strings.Count(got, `"`)%2 != 0 || strings.Contains(got, `a"b`) {
		t.Errorf("challenge %s", got)
	}
}
