package caddymodule

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestEveryCredentialGetsTheRightAnswer(t *testing.T) {
	r := newRig(t, "require a.b")
	_, good := r.token("a.b")
	_, other := r.token("a.b")
	disabled, off := r.token("a.b")
	if _, err := r.service.SetActive(t.Context(), admin, disabled.ID, 0, false, ""); err != nil {
		t.Fatal(err)
	}
	const bare, request, token = `Bearer realm="mcp"`, `error="invalid_request"`, `error="invalid_token"`
	for _, tt := range []struct {
		name      string
		lines     []string
		status    int
		challenge string
		reason    tokenstore.Reason
	}{
		{"a valid token", []string{bearer(good)}, 200, "", ""},
		{"a scheme in lower case", []string{"Authorization: bearer " + good}, 200, "", ""},
		{"a scheme in upper case", []string{"Authorization: BEARER " + good}, 200, "", ""},
		{"a header name in lower case", []string{"authorization: Bearer " + good}, 200, "", ""},
		{"several spaces", []string{"Authorization: Bearer    " + good}, 200, "", ""},
		{"spaces at the end", []string{bearer(good) + "  "}, 200, "", ""},
		{"a folded line", []string{"Authorization: Bearer", " " + good}, 200, "", ""},

		{"nothing", nil, 401, bare, tokenstore.ReasonMissing},
		{"another scheme", []string{"Authorization: Basic dXNlcjpwYXNz"}, 401, bare, tokenstore.ReasonMissing},
		{"a scheme that begins with Bearer", []string{"Authorization: Bearers " + good}, 401, bare, tokenstore.ReasonMissing},
		{"the token alone", []string{"Authorization: " + good}, 401, bare, tokenstore.ReasonMissing},

		{"an empty header", []string{"Authorization:"}, 400, request, tokenstore.ReasonMalformed},
		{"no token", []string{"Authorization: Bearer"}, 400, request, tokenstore.ReasonMalformed},
		{"a tab", []string{"Authorization: Bearer\t" + good}, 400, request, tokenstore.ReasonMalformed},
		{"a space and a tab", []string{"Authorization: Bearer \t" + good}, 400, request, tokenstore.ReasonMalformed},
		{"a space inside", []string{bearer(good[:30] + " " + good[30:])}, 400, request, tokenstore.ReasonMalformed},
		{"a list", []string{bearer(good + "," + other)}, 400, request, tokenstore.ReasonMalformed},
		{"a list of schemes", []string{bearer(good) + ", Basic eDp5"}, 400, request, tokenstore.ReasonMalformed},
		{"no space", []string{"Authorization: Bearer,mcp"}, 400, request, tokenstore.ReasonMalformed},
		{"the same line twice", []string{bearer(good), bearer(good)}, 400, request, tokenstore.ReasonMalformed},
		{"two tokens", []string{bearer(good), bearer(other)}, 400, request, tokenstore.ReasonMalformed},
		{"an empty line besides", []string{bearer(good), "Authorization:"}, 400, request, tokenstore.ReasonMalformed},

		{"not our format", []string{bearer("abc")}, 401, token, tokenstore.ReasonMalformed},
		{"a dot too many", []string{bearer(good[:40] + "." + good[41:])}, 401, token, tokenstore.ReasonMalformed},
		{"an empty key", []string{bearer("mcp_." + good[21:])}, 401, token, tokenstore.ReasonMalformed},
		{"one character more", []string{bearer(good + "A")}, 401, token, tokenstore.ReasonMalformed},
		{"one character less", []string{bearer(good[:63])}, 401, token, tokenstore.ReasonMalformed},
		{"other letters' case", []string{bearer("MCP_" + good[4:])}, 401, token, tokenstore.ReasonMalformed},
		{"letters beyond ASCII", []string{bearer(good[:63] + "ä")}, 401, token, tokenstore.ReasonMalformed},
		{"a no-break space", []string{bearer("\u00a0" + good)}, 401, token, tokenstore.ReasonMalformed},
		{"15 kB", []string{bearer(strings.Repeat("a", 15<<10))}, 401, token, tokenstore.ReasonMalformed},
		{"an unknown key", []string{bearer("mcp_" + strings.Repeat("A", 16) + good[20:])}, 401, token, tokenstore.ReasonUnknown},
		{"one's key and another's secret", []string{bearer(good[:21] + other[21:])}, 401, token, tokenstore.ReasonBadSecret},
		{"a disabled token", []string{bearer(off)}, 401, token, tokenstore.ReasonInactive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := r.got()
			a := r.get("/mcp", tt.lines...)
			r.want(a, tt.status, tt.reason)
			if passed := r.got() > before; passed != (tt.status == 200) {
				t.Errorf("reached the upstream: %v", passed)
			}
			challenge := a.Header.Get("WWW-Authenticate")
			if tt.challenge == bare && challenge != bare || !strings.Contains(challenge, tt.challenge) {
				t.Errorf("challenge %q, want %q", challenge, tt.challenge)
			}
		})
	}
	for _, entry := range r.logs.All() {
		for name, value := range entry.ContextMap() {
			if text, ok := value.(string); ok && strings.Contains(text, good[21:]) {
				t.Errorf("the log shows a secret in %s", name)
			}
		}
	}
}

func TestAllBadCredentialsGetTheSameAnswer(t *testing.T) {
	r := newRig(t, "{\n audience here\n}")
	_, bound := r.newToken(tokenstore.NewToken{Audiences: []string{"elsewhere"}})
	_, good := r.token()
	disabled, off := r.token()
	if _, err := r.service.SetActive(t.Context(), admin, disabled.ID, 0, false, ""); err != nil {
		t.Fatal(err)
	}
	want := r.get("/", bearer("x"))
	for name, secret := range map[string]string{
		"unknown":  "mcp_" + strings.Repeat("A", 16) + good[20:],
		"secret":   good[:60] + "AAAA",
		"disabled": off,
		"audience": bound,
	} {
		a := r.get("/", bearer(secret))
		want.Header.Del("Date")
		a.Header.Del("Date")
		if a.StatusCode != want.StatusCode || a.body != want.body || len(a.Header) != len(want.Header) ||
			a.Header.Get("WWW-Authenticate") != want.Header.Get("WWW-Authenticate") {
			t.Errorf("%s: answer differs:\n%v %s\nwant\n%v %s", name, a.Header, a.body, want.Header, want.body)
		}
	}
}

func TestATokenInTheURLIsRefusedAndNotLogged(t *testing.T) {
	r := newRig(t, "require a.b")
	_, secret := r.token("a.b")
	escaped := strings.ReplaceAll(url.QueryEscape(secret), ".", "%2E")
	for _, path := range []string{
		"/mcp?access_token=" + secret,
		"/mcp?token=Bearer+" + secret,
		"/mcp?%zz&x=" + escaped,
		"/" + secret + "/mcp",
		"/register?token=" + secret,
	} {
		before := r.got()
		a := r.get(path, bearer(secret))
		r.want(a, http.StatusBadRequest, tokenstore.ReasonMalformed)
		if r.got() > before {
			t.Errorf("%s reached the upstream", path)
		}
	}
	if a := r.get("/mcp?access_token=mcp_x&mcp_="+secret[21:], bearer(secret)); a.StatusCode != 200 {
		t.Errorf("a query without a token: status %d", a.StatusCode)
	}
	for _, entry := range r.logs.All() {
		for name, value := range entry.ContextMap() {
			if text, ok := value.(string); ok && strings.Contains(text, secret[21:]) {
				t.Errorf("the log shows the secret in %s", name)
			}
		}
	}
}

func FuzzCredential(f *testing.F) {
	for _, line := range []string{"", "Bearer", "Bearer x", "bearer\tx", "Basic x", "Bearer a,b", bearer("x")[15:]} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		secret, refused := credential(&http.Request{Header: http.Header{"Authorization": {line}}})
		if (refused == nil) != (secret.Key() != "") {
			t.Fatalf("%q: secret %v, refusal %v", line, secret, refused)
		}
		if refused == nil && !strings.HasSuffix(line, secret.Reveal()) {
			t.Fatalf("%q: found another secret in it", line)
		}
	})
}
