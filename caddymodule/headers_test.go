package caddymodule

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestTheUpstreamLearnsWhoCallsAndNeverTheToken(t *testing.T) {
	r := newRig(t, "require a.b")
	record, secret := r.newToken(tokenstore.NewToken{Name: "Ann's “laptop” 100%", User: "ann", Permissions: []string{"a.b", "c.*"}})
	r.get("/mcp", bearer(secret))
	h := r.last().Header
	want := http.Header{
		headerID:          {record.ID},
		headerName:        {"Ann's%20%E2%80%9Claptop%E2%80%9D%20100%25"},
		headerUser:        {"ann"},
		headerPermissions: {"a.b c.*"},
	}
	for name, value := range want {
		if !slices.Equal(h[name], value) {
			t.Errorf("%s: %q, want %q", name, h[name], value)
		}
	}
	if h.Get("Authorization") != "" {
		t.Error("the upstream got the token")
	}
}

func TestIdentityThatTheClientClaimsNeverArrives(t *testing.T) {
	for _, setting := range []string{"on", "off"} {
		r := newRig(t, "{\n identity_headers "+setting+"\n}")
		record, secret := r.token()
		r.get("/mcp", bearer(secret),
			"X-Mcp-Token-Id: forged", "x-mcp-token-id: forged", "X_Mcp_Token_Id: forged", "X.Mcp.Token.Id: forged", "X-Mcp_Token.Id: forged",
			"X-MCP-TOKEN-ADMIN: forged", "X-Mcp-Assertion: forged", "X_MCP_ASSERTION: forged",
			"X-HTTP-Method-Override: DELETE", "X_HTTP_Method: DELETE", "X-Method-Override: DELETE", "Mcp_Session_Id: forged",
			"Connection: X-Mcp-Token-Id, X-Mcp-Token-User, close")
		h := r.last().Header
		for name, values := range h {
			if slices.Contains(values, "forged") || slices.Contains(values, "DELETE") {
				t.Errorf("identity_headers %s: the upstream got %s: %q", setting, name, values)
			}
		}
		if id := h.Get(headerID); setting == "on" && id != record.ID || setting == "off" && id != "" {
			t.Errorf("identity_headers %s: the upstream got the id %q", setting, id)
		}
		if got := h.Get("Connection"); strings.Contains(got, "-") {
			t.Errorf("Connection: %q would make the proxy drop headers", got)
		}
	}
}

func TestNoNameBreaksAHeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		escaped := escape(name)
		if strings.ContainsFunc(escaped, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			t.Fatalf("%q holds more than visible ASCII", escaped)
		}
		if back, err := url.PathUnescape(escaped); err != nil || back != name {
			t.Fatalf("%q is read back as %q (%v), not %q", escaped, back, err, name)
		}
	})
}

func TestUpstreamAuthorizationReplacesTheClients(t *testing.T) {
	r := newRig(t, "{\n upstream_authorization \"Bearer {http.auth.user.token_id} {http.auth.user.token_name}\"\n}")
	record, secret := r.newToken(tokenstore.NewToken{Name: "{env.HOME}"})
	r.get("/mcp", bearer(secret))
	if got, want := r.last().Header.Get("Authorization"), "Bearer "+record.ID+" {env.HOME}"; got != want {
		t.Errorf("the upstream got %q, want %q", got, want)
	}
}

func TestWithoutItsCredentialNothingGoesToTheUpstream(t *testing.T) {
	r := newRig(t, "{\n upstream_authorization \"Bearer {file./does/not/exist}\"\n}")
	_, secret := r.token()
	r.want(r.get("/mcp", bearer(secret)), http.StatusServiceUnavailable, tokenstore.ReasonStore)
	if r.got() != 0 {
		t.Error("the request reached the upstream")
	}
}

func TestADirectiveBehindAnotherKnowsTheTokenToo(t *testing.T) {
	r := newRig(t, "require a.b", "require c.d")
	_, both := r.token("a.b", "c.d")
	_, one := r.token("a.b")
	r.want(r.get("/mcp", bearer(both)), http.StatusOK, "")
	r.want(r.get("/mcp", bearer(one)), http.StatusForbidden, tokenstore.ReasonPermission)
}
