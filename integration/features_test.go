package integration

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func TestAuthorizationServersAreAnnounced(t *testing.T) {
	t.Parallel()
	server := newMCPServer(t, modernEra)
	g := start(t, ruled(server.url, "authorization_servers https://login.example.com"))
	challenge := func(request string, status int) string {
		t.Helper()
		a := g.raw(t, request)
		if a.status != status {
			t.Fatalf("status %d, want %d", a.status, status)
		}
		return a.header.Get("WWW-Authenticate")
	}
	_, rest, _ := strings.Cut(challenge(post("/mcp", callOK), http.StatusUnauthorized), `resource_metadata="`)
	metadata, _, _ := strings.Cut(rest, `"`)
	if metadata == "" {
		t.Fatal("no resource_metadata in the challenge")
	}
	path := metadata[strings.Index(metadata, "/.well-known/"):]
	var document struct {
		Resource             string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers"`
	}
	a := g.raw(t, get(path))
	a.into(t, &document)
	if a.status != http.StatusOK || !slices.Equal(document.AuthorizationServers, []string{"https://login.example.com"}) || !strings.HasSuffix(document.Resource, "/mcp") {
		t.Errorf("%s: status %d, %s", path, a.status, a.body)
	}
	denied := challenge(post("/mcp", strings.Replace(callOK, "ok", "secret", 1), "Authorization: "+g.holder(t).bearer()), http.StatusForbidden)
	if !strings.Contains(denied, `error="insufficient_scope"`) || !strings.Contains(denied, `scope="app.secret"`) {
		t.Errorf("challenge %q", denied)
	}
}

func TestAllowedOriginsArePreflighted(t *testing.T) {
	t.Parallel()
	g := start(t, ruled(newMCPServer(t, modernEra).url, "allowed_origins https://app.example.com"))
	preflight := func(origin string) answer {
		return g.raw(t, "OPTIONS"+strings.TrimPrefix(get("/mcp", "Origin: "+origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization, mcp-session-id"), "GET"))
	}
	yes := preflight("https://app.example.com")
	if yes.status/100 != 2 || yes.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || !strings.Contains(strings.ToLower(yes.header.Get("Access-Control-Allow-Headers")), "authorization") {
		t.Errorf("status %d, %v", yes.status, yes.header)
	}
	if no := preflight("https://evil.example.com"); no.status/100 == 2 || no.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("status %d, %v", no.status, no.header)
	}
	auth := "Authorization: " + g.holder(t).bearer()
	a := g.raw(t, post("/mcp", callOK, auth, acceptBoth, "Origin: https://app.example.com"))
	if a.status != http.StatusOK || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Mcp-Session-Id") {
		t.Errorf("status %d, %v", a.status, a.header)
	}
}

func TestAnAssertionProvesWhoCalls(t *testing.T) {
	t.Parallel()
	upstream, closeUpstream, err := newRecorder()
	if err != nil {
		t.Fatal(err)
	}
	defer closeUpstream()
	g := start(t, limited(upstream.url, "assertion on\naudience blog"))
	tok := g.newToken(t, object{"permissions": []string{"blog.view_article"}, "user": "ada"})
	_, reached := send(t, g, upstream, get("/", "Authorization: "+tok.bearer(), "X-Mcp-Assertion: forged", "Connection: x-mcp-assertion"))
	if len(reached) != 1 || len(reached[0].lines("X-Mcp-Assertion")) != 1 {
		t.Fatalf("the upstream got %q", reached)
	}
	var keys jose.JSONWebKeySet
	g.raw(t, get("/.well-known/mcp-token-jwks.json")).into(t, &keys)
	assertion, err := jwt.ParseSigned(reached[0].header.Get("X-Mcp-Assertion"), []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.Claims
	var more struct {
		TokenID     string   `json:"token_id"`
		Permissions []string `json:"permissions"`
	}
	if err := assertion.Claims(keys, &claims, &more); err != nil {
		t.Fatal("the served keys do not verify it:", err)
	}
	if err := claims.ValidateWithLeeway(jwt.Expected{AnyAudience: jwt.Audience{"blog"}, Subject: "ada", Time: time.Now()}, 5*time.Second); err != nil {
		t.Error(err)
	}
	if err := claims.ValidateWithLeeway(jwt.Expected{Time: time.Now().Add(10 * time.Minute)}, 0); !errors.Is(err, jwt.ErrExpired) {
		t.Errorf("after ten minutes: %v", err)
	}
	if more.TokenID != tok.ID || !slices.Equal(more.Permissions, tok.Permissions) {
		t.Errorf("%+v", more)
	}
}

func TestATokenHasOnlySoManyStreams(t *testing.T) {
	t.Parallel()
	upstream := newTicker(t)
	c := limited(upstream.url, "max_streams 3")
	g := start(t, c)
	tok, other := g.holder(t, "blog.view_article"), g.holder(t, "blog.view_article")
	client := protocols()["HTTP1"]()
	defer client.CloseIdleConnections()
	all := streams(t.Context(), t, g, client, tok.secret, 3)
	a := g.raw(t, get("/idle", "Authorization: "+tok.bearer()))
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the fourth: status %d", a.status)
	}
	streams(t.Context(), t, g, client, other.secret, 3)
	g.admin(t, http.StatusOK, http.MethodDelete, "/tokens/"+tok.ID+"/requests", nil)
	for _, s := range all {
		within(t, 5*time.Second, "the end of a stream", s.done)
	}
	eventually(t, 5*time.Second, func() error {
		s, err := follow(t.Context(), client, g.url("/idle"), tok.secret)
		_ = s
		return err
	})
}

// access is an entry of the access log.
type access struct {
	Logger  string `json:"logger"`
	UserID  string `json:"user_id"`
	Status  int    `json:"status"`
	Reason  string `json:"mcp_token_reason"`
	Method  string `json:"mcp_method"`
	Name    string `json:"mcp_name"`
	Request struct {
		URI     string              `json:"uri"`
		Headers map[string][]string `json:"headers"`
	} `json:"request"`
}

// accessLog reads the entries of the access log for a path.
func (g *gateway) accessLog(t tb, uri string) (found []access) {
	t.Helper()
	f, err := os.Open(g.Log())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		var entry access
		if json.Unmarshal(scanner.Bytes(), &entry) == nil && strings.HasPrefix(entry.Logger, "http.log.access") && entry.Request.URI == uri {
			found = append(found, entry)
		}
	}
	return found
}

func TestTheAccessLogTellsWhoAndWhatAndWhy(t *testing.T) {
	t.Parallel()
	server := newMCPServer(t, modernEra)
	g := start(t, ruled(server.url, ""))
	ada := g.newToken(t, object{"user": "ada"})
	auth := "Authorization: " + ada.bearer()
	for path, test := range map[string]struct {
		request string
		want    access
	}{
		"/allowed":  {post("/allowed", callOK, auth, acceptBoth), access{UserID: "ada", Status: 200, Method: "tools/call", Name: "ok"}},
		"/denied":   {post("/denied", strings.Replace(callOK, "ok", "secret", 1), auth), access{Status: 403, Reason: "permission", Method: "tools/call", Name: "secret"}},
		"/missing":  {post("/missing", callOK), access{Status: 401, Reason: "missing"}},
		"/unknown":  {post("/unknown", callOK, "Authorization: Bearer mcp_AAAAAAAAAAAAAAAA."+strings.Repeat("0", 43)), access{Status: 401, Reason: "unknown"}},
		"/bad":      {post("/bad", callOK, "Authorization: Bearer "+ada.secret[:21]+strings.Repeat("0", 43)), access{Status: 401, Reason: "bad_secret"}},
		"/origin":   {post("/origin", callOK, auth, "Origin: http://evil.test"), access{Status: 403, Reason: "origin"}},
		"/body":     {post("/body", "[]", auth), access{Status: 400, Reason: "body"}},
		"/twolines": {post("/twolines", callOK, auth, auth), access{Status: 400, Reason: "malformed"}},
	} {
		if a := g.raw(t, test.request); a.status != test.want.Status {
			t.Errorf("%s: status %d", path, a.status)
		}
		var entry access
		eventually(t, 5*time.Second, func() error {
			found := g.accessLog(t, path)
			if len(found) != 1 {
				return errors.New(path + " is not in the access log")
			}
			entry = found[0]
			return nil
		})
		for _, value := range entry.Request.Headers["Authorization"] {
			if value != "REDACTED" {
				t.Errorf("%s: the log shows the credential", path)
			}
		}
		got := access{UserID: entry.UserID, Status: entry.Status, Reason: entry.Reason, Method: entry.Method, Name: entry.Name}
		if test.want.Status != 200 {
			got.UserID = "" // who was refused is no user
			if entry.UserID != "" {
				t.Errorf("%s: refused, but logged as user %q", path, entry.UserID)
			}
		}
		if got.UserID != test.want.UserID || got.Reason != test.want.Reason || got.Method != test.want.Method || got.Name != test.want.Name {
			t.Errorf("%s: the log says %+v, want %+v", path, got, test.want)
		}
	}
	all := g.metrics(t)
	for reason, want := range map[string]float64{"permission": 1, "missing": 1, "unknown": 1, "bad_secret": 1, "origin": 1, "body": 1, "malformed": 1} {
		if got := all.sum("caddy_mcp_token_requests_total", `reason="`+reason+`"`); got != want {
			t.Errorf("%v requests are counted as %s, want %v", got, reason, want)
		}
	}
}

// snippet is the example of the documentation: django-admin-mcp's tools, whose
// names hold the verb and the model, and whose arguments hold the app.
const snippet = `
	tool find_models allow
	tool list_* get_* describe_* require {args[0]}.view_{1}
	tool create_* require {args[0]}.add_{1}
	tool delete_* require {args[0]}.delete_{1}
	tool action_* where ` + "`args.action == \"delete_selected\"`" + ` require {args[0]}.delete_{1}
	tool action_* require {args[0]}.change_{1}
	tool bulk_* where ` + "`args.operation == \"create\"`" + ` require {args[0]}.add_{1}
	tool bulk_* where ` + "`args.operation == \"delete\"`" + ` require {args[0]}.delete_{1}
`

func TestArgumentsDecideWhereRulesLookAtThem(t *testing.T) {
	t.Parallel()
	upstream, closeUpstream, err := newRecorder()
	if err != nil {
		t.Fatal(err)
	}
	defer closeUpstream()
	g := start(t, site("mcp_token {\n"+strings.ReplaceAll(snippet, "{args[0]}", "blog")+"}\n"+proxy(upstream.url)))
	auth := "Authorization: " + g.holder(t, "blog.view_article", "blog.add_article", "blog.change_article").bearer()
	for _, test := range []struct {
		tool, arguments string
		allowed         bool
	}{
		{"find_models", `{}`, true},
		{"list_article", `{}`, true},
		{"get_author", `{}`, false},
		{"create_article", `{"a":1}`, true},
		{"delete_article", `{"id":1}`, false},
		{"action_article", `{"action":"publish"}`, true},
		{"action_article", `{"action":"delete_selected"}`, false},
		{"action_article", `{"action":["delete_selected"]}`, false},
		{"action_article", `{}`, false},
		{"bulk_article", `{"operation":"create"}`, true},
		{"bulk_article", `{"operation":"delete"}`, false},
		{"bulk_article", `{"operation":"Delete"}`, false},
		{"bulk_article", `{"operation":"drop"}`, false},
		{"bulk_article", `{}`, false},
		{"list_", `{}`, false},
		{"list_article.x", `{}`, false},
		{"list_ article", `{}`, false},
		{"LIST_article", `{}`, false},
		{"drop_article", `{}`, false},
	} {
		body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + test.tool + `","arguments":` + test.arguments + `}}`
		a, reached := send(t, g, upstream, post("/mcp", body, auth))
		if allowed := a.status == http.StatusOK && len(reached) == 1; allowed != test.allowed || !allowed && len(reached) != 0 {
			t.Errorf("%s %s: status %d, %d requests upstream: %.200s", test.tool, test.arguments, a.status, len(reached), a.body)
		}
	}
}
