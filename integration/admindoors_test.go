package integration

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// doors is a gateway that is also managed on a site of its own.
func doors(t *testing.T) *gateway {
	c := guarded(newUpstream(t), 0)
	c.sites += "http://:{$OTHER_PORT} {\n\tbind 127.0.0.1\n\tlog\n\tmcp_token_admin\n}\n"
	return start(t, c)
}

// at sends a raw request to another address than the site's.
func (g *gateway) at(t tb, addr, request string) answer {
	t.Helper()
	other := *g
	other.site = addr
	return other.raw(t, strings.Replace(request, "Host: gateway.test", "Host: "+addr, 1))
}

func TestTheManagementSiteAsksForAManagementToken(t *testing.T) {
	t.Parallel()
	g := doors(t)
	manager := g.holder(t, "mcp_token.view_token", "mcp_token.add_token")
	data, wild := g.holder(t, "blog.view_article"), g.holder(t, "*")
	for who, test := range map[string]struct {
		lines []string
		want  int
	}{
		"nobody, though on loopback": {nil, http.StatusUnauthorized},
		"a data token":               {[]string{"Authorization: " + data.bearer()}, http.StatusUnauthorized},
		"a token for everything":     {[]string{"Authorization: " + wild.bearer()}, http.StatusUnauthorized},
		"a manager":                  {[]string{"Authorization: " + manager.bearer()}, http.StatusOK},
		"two lines":                  {[]string{"Authorization: " + manager.bearer(), "Authorization: " + manager.bearer()}, http.StatusUnauthorized},
	} {
		a := g.at(t, g.other, get("/api/tokens", test.lines...))
		if a.status != test.want {
			t.Errorf("%s: status %d, want %d: %.200s", who, a.status, test.want, a.body)
		}
		if got := a.header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
			t.Errorf("%s: Cache-Control %q", who, got)
		}
		if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", who, got)
		}
	}
	// A manager is refused where data is served, and cannot give what it lacks.
	status(t, g, "/", manager.secret, http.StatusForbidden)
	auth := "Authorization: " + manager.bearer()
	for body, want := range map[string]int{
		`{"name":"a data token","permissions":["blog.view_article"]}`:            http.StatusCreated,
		`{"name":"as much as I","permissions":["mcp_token.view_token"]}`:         http.StatusCreated,
		`{"name":"more than I","permissions":["mcp_token.delete_token"]}`:        http.StatusForbidden,
		`{"name":"everything","permissions":["mcp_token.*"]}`:                    http.StatusForbidden,
		`{"name":"hashed","permissions":[],"token_hash":"x"}`:                    http.StatusUnprocessableEntity,
		`{"name":"by id","permissions":[],"id":"tok_AAAAAAAAAAAAAAAA"}`:          http.StatusUnprocessableEntity,
		`{"name":"doubled","permissions":["a.b"],"permissions":["mcp_token.*"]}`: http.StatusBadRequest,
	} {
		a := g.at(t, g.other, post("/api/tokens", body, auth))
		if a.status != want {
			t.Errorf("%s: status %d, want %d: %.300s", body, a.status, want, a.body)
		}
		if a.status == http.StatusCreated {
			created(t, a)
		}
	}
	if a := g.at(t, g.other, strings.Replace(post("/api/tokens/"+data.ID, `{"name":"x"}`, auth, "If-Match: *"), "POST", "PATCH", 1)); a.status != http.StatusForbidden {
		t.Errorf("an edit without the right: status %d", a.status)
	}
}

func TestTheManagementDoorsRefuseForeignPages(t *testing.T) {
	t.Parallel()
	g := doors(t)
	manager := g.holder(t, "mcp_token.*")
	auth := "Authorization: " + manager.bearer()
	_, port, err := net.SplitHostPort(g.other)
	if err != nil {
		t.Fatal(err)
	}
	// A name that was rebound to this address.
	for _, host := range []string{"evil.test", "evil.test:" + port, "127.0.0.1.evil.test:" + port, "localhost.evil.test:" + port, "127.0.0.1:1"} {
		a := g.at(t, g.other, strings.Replace(get("/api/tokens", auth), "gateway.test", host, 1))
		if a.status != http.StatusMisdirectedRequest {
			t.Errorf("%s: status %d", host, a.status)
		}
		other := *g
		other.site = g.Admin
		if a := other.raw(t, strings.Replace(get("/mcp_token/tokens"), "gateway.test", host, 1)); a.status != http.StatusForbidden && a.status != http.StatusMisdirectedRequest {
			t.Errorf("the admin endpoint as %s: status %d", host, a.status)
		}
	}
	// A page of another site, whatever it sends.
	for _, lines := range [][]string{
		{"Origin: http://evil.test"}, {"Origin: null"}, {"Sec-Fetch-Site: cross-site", "Origin: http://evil.test"},
	} {
		body := `{"name":"by a page"}`
		if a := g.at(t, g.other, post("/api/tokens", body, append(lines, auth)...)); a.status != http.StatusForbidden {
			t.Errorf("%q: status %d", lines, a.status)
		}
		if a := g.at(t, g.Admin, post("/mcp_token/tokens", body, lines...)); a.status != http.StatusForbidden && a.status != http.StatusBadRequest {
			t.Errorf("%q, to the admin endpoint: status %d", lines, a.status)
		}
	}
	// A form, which a page may send without asking.
	form := strings.Replace(post("/api/tokens", "name=x", auth), "application/json", "application/x-www-form-urlencoded", 1)
	if a := g.at(t, g.other, form); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a form: status %d", a.status)
	}
}

func TestTheGatewayNeverServesItsManagementToClients(t *testing.T) {
	t.Parallel()
	f := shared(t)
	auth := "Authorization: " + f.holder(t, "blog.view_article").bearer()
	for _, path := range []string{"/mcp_token/tokens", "/api/tokens", "/config/", "/metrics"} {
		f.refuses(t, get(path), missing)
		if reached := f.passes(t, get(path, auth)); reached.target != path {
			t.Errorf("%s: the upstream got %q", path, reached.target)
		}
	}
}

func TestADatabaseThatCannotBeReadStopsTheStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(suite.dir, "broken-database")
	file := filepath.Join(dir, "tokens.db")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("this is no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := assign(dir, config{"mcp_token {\n\tstore bbolt " + file + "\n}\n", "http://{$SITE} {\n\tbind 127.0.0.1\n\tmcp_token require a.b\n\trespond open\n}\n"})
	if err != nil {
		t.Fatal(err)
	}
	caddyfile := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(caddyfile, []byte(g.text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := command(t, dir, "run", "--config", caddyfile, "--adapter", "caddyfile")
	if out.code == 0 || !strings.Contains(out.stderr, file) || strings.Contains(out.stderr, "panic") {
		t.Errorf("code %d: %s", out.code, out.stderr)
	}
}
