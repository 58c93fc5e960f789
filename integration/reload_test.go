package integration

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// guarded is a site that needs blog.view_article, plain the same without the
// gateway. A generation makes each text another configuration.
func guarded(upstream string, generation int) config {
	c := plain(upstream, generation)
	c.sites = strings.Replace(c.sites, "reverse_proxy", "mcp_token require blog.view_article\n\treverse_proxy", 1)
	return c
}

func plain(upstream string, generation int) config {
	return site(fmt.Sprintf("header X-Generation %d\n%s", generation, proxy(upstream)))
}

// proxy is a reverse_proxy as MCP servers need it: most refuse a Host that is
// not their own.
func proxy(upstream string) string {
	return "reverse_proxy " + upstream + " {\n\theader_up Host {upstream_hostport}\n}\n"
}

func TestAReloadUnderLoadLosesNothing(t *testing.T) {
	const clients, reloads = 32, 10
	upstream := newUpstream(t)
	g, p := start(t, guarded(upstream, 0)), start(t, plain(upstream, 0))

	var callers []*caller
	var tokens []token
	for i := range 8 {
		tok, want := g.holder(t, "blog.view_article"), http.StatusOK
		if i%4 == 3 {
			tok, want = g.holder(t), http.StatusForbidden
		}
		tokens = append(tokens, tok)
		callers = append(callers, &caller{secret: tok.secret, want: want})
	}
	guardedLoad := call(t, g.url("/"), clients, callers...)
	plainLoad := call(t, p.url("/"), clients, &caller{want: http.StatusOK})
	for i := range reloads {
		g.reload(t, guarded(upstream, i+1))
		p.reload(t, plain(upstream, i+1))
		guardedLoad.reaches(t, clients*4)
	}
	guardedLoad.end()
	plainLoad.end()
	t.Logf("through the gateway: %v", guardedLoad)
	t.Logf("through plain Caddy: %v", plainLoad)
	if guardedLoad.wrong.Load()+guardedLoad.lost.Load() > 0 {
		t.Errorf("answered wrongly or lost: %v", guardedLoad)
	}
	// Caddy drops a few new connections at each reload: ours no more than it.
	share := func(l *load) float64 { return float64(l.dropped.Load()) / float64(l.dropped.Load()+l.answered.Load()) }
	if ours, theirs := share(guardedLoad), share(plainLoad); ours > 2*theirs+0.01 {
		t.Errorf("%.1f %% dropped, and %.1f %% by plain Caddy", 100*ours, 100*theirs)
	}

	check := func(when string) {
		for i, tok := range tokens {
			if callers[i].want != http.StatusOK {
				continue
			}
			last := time.Unix(0, callers[i].last.Load())
			if got := g.token(t, tok).LastUsedAt; got == nil || got.Before(last.Truncate(time.Second)) {
				t.Errorf("%s: token %d was last used %v, but the trail says %v", when, i, last, got)
			}
		}
	}
	check("after the reloads")
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	g.restart(t)
	check("after a restart")
}

func TestTheDatabaseIsClosedWithItsLastConfig(t *testing.T) {
	t.Parallel()
	upstream := newUpstream(t)
	g := start(t, guarded(upstream, 0))
	tok := g.holder(t, "blog.view_article")
	status(t, g, "/", tok.secret, http.StatusOK)

	g.reload(t, plain(upstream, 1))
	db, err := bbolt.Open(g.DefaultStore(), 0o600, &bbolt.Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal("another process cannot open the database:", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if a, err := g.adminCall(t.Context(), http.MethodGet, "/mcp_token/tokens", nil); err != nil || a.status != http.StatusServiceUnavailable {
		t.Errorf("the admin API of no gateway: status %d, %v", a.status, err)
	}
	g.reload(t, guarded(upstream, 2))
	status(t, g, "/", tok.secret, http.StatusOK)
}

func TestABrokenReloadChangesNothing(t *testing.T) {
	t.Parallel()
	upstream := newUpstream(t)
	g := start(t, guarded(upstream, 0))
	tok := g.holder(t, "blog.view_article")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	elsewhere := filepath.Join(g.dir, "elsewhere", "tokens.db")
	other := "mcp_token {\n\tstore bbolt " + elsewhere + "\n}\n"
	blocked := filepath.Join(g.dir, "a-file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string]config{
		"a listener that is taken": {other, guarded(upstream, 1).sites + "http://" + taken.Addr().String() + " {\n\tbind 127.0.0.1\n\trespond ok\n}\n"},
		"a word that is none":      {other, strings.Replace(guarded(upstream, 1).sites, "require", "requite", 1)},
		"a permission that is none": {
			other, strings.Replace(guarded(upstream, 1).sites, "blog.view_article", "no-permission", 1),
		},
		"a module that is none":           {other, guarded(upstream, 1).sites + "http://{$OTHER} {\n\tnonsense\n}\n"},
		"a store that cannot be opened":   {"mcp_token {\n\tstore bbolt " + blocked + "/tokens.db\n}\n", guarded(upstream, 1).sites},
		"a store that is no database":     {"mcp_token {\n\tstore bbolt " + g.Log() + "\n}\n", guarded(upstream, 1).sites},
		"a matcher that does not compile": {other, strings.Replace(guarded(upstream, 1).sites, "header X", "@m path_regexp (\n\trespond @m ok\n\theader X", 1)},
	} {
		a, err := g.load(t.Context(), broken)
		if err != nil {
			t.Fatal(err)
		}
		if a.status/100 == 2 {
			t.Fatalf("%s: the configuration was taken", name)
		}
		status(t, g, "/", tok.secret, http.StatusOK)
		// What the admin API makes now is good at the site that is running.
		status(t, g, "/", g.holder(t, "blog.view_article").secret, http.StatusOK)
		if got := g.token(t, tok).ID; got != tok.ID {
			t.Errorf("%s: the admin API does not know the token", name)
		}
	}
	g.reload(t, guarded(upstream, 9))
	status(t, g, "/", tok.secret, http.StatusOK)
}

func TestAReloadMayMoveToAnotherDatabaseAndBack(t *testing.T) {
	t.Parallel()
	upstream := newUpstream(t)
	g := start(t, guarded(upstream, 0))
	here := g.holder(t, "blog.view_article")

	moved := guarded(upstream, 1)
	moved.global = "mcp_token {\n\tstore bbolt " + filepath.Join(g.dir, "second", "tokens.db") + "\n}\n"
	g.reload(t, moved)
	there := g.holder(t, "blog.view_article")
	status(t, g, "/", here.secret, http.StatusUnauthorized)
	status(t, g, "/", there.secret, http.StatusOK)

	g.reload(t, guarded(upstream, 2))
	status(t, g, "/", here.secret, http.StatusOK)
	status(t, g, "/", there.secret, http.StatusUnauthorized)
}

// status fails t unless a request with a secret gets the status.
func status(t tb, g *gateway, path, secret string, want int) {
	t.Helper()
	if got := g.statusOf(t, path, secret); got != want {
		t.Fatalf("%s: status %d, want %d", path, got, want)
	}
}

func TestValidateAndAdaptTouchNoDatabase(t *testing.T) {
	t.Parallel()
	g := start(t, guarded(newUpstream(t), 0))
	caddyfile := filepath.Join(g.dir, "Caddyfile")
	for _, verb := range []string{"validate", "adapt"} {
		home := filepath.Join(g.dir, "home-of-"+verb)
		if out := command(t, home, verb, "--config", caddyfile, "--adapter", "caddyfile"); out.code != 0 {
			t.Errorf("%s: code %d: %s", verb, out.code, out.stderr)
		}
		if _, err := os.Stat(filepath.Join(home, "data", "caddy", "mcp_token")); !os.IsNotExist(err) {
			t.Errorf("%s made a database: %v", verb, err)
		}
		// And while the server holds the very database.
		if out := command(t, g.Home(), verb, "--config", caddyfile, "--adapter", "caddyfile"); out.code != 0 {
			t.Errorf("%s beside a running server: code %d: %s", verb, out.code, out.stderr)
		}
	}
}

func TestMetricsSurviveReloads(t *testing.T) {
	t.Parallel()
	upstream := newUpstream(t)
	g := start(t, guarded(upstream, 0))
	tok := g.holder(t, "blog.view_article")
	for i := range 11 {
		if i > 0 {
			g.reload(t, guarded(upstream, i))
		}
		status(t, g, "/", tok.secret, http.StatusOK)
		status(t, g, "/", "mcp_AAAAAAAAAAAAAAAA."+strings.Repeat("0", 43), http.StatusUnauthorized)
		all := g.metrics(t)
		if got, want := all.sum("caddy_mcp_token_requests_total"), float64(2*(i+1)); got != want {
			t.Fatalf("after %d reloads %v requests are counted, want %v", i, got, want)
		}
		if got := all.sum("caddy_mcp_token_requests_total", `reason="unknown"`); got != float64(i+1) {
			t.Fatalf("after %d reloads %v unknown tokens are counted, want %v", i, got, i+1)
		}
	}
	for line := range g.metrics(t) {
		if strings.Contains(line, tok.Key) || strings.Contains(line, tok.ID) || strings.Contains(line, tok.Name) {
			t.Errorf("a metric tells of a token: %s", line)
		}
	}
}

// metrics are the lines of a scrape, with their values.
type metrics map[string]float64

func (g *gateway) metrics(t tb) metrics {
	t.Helper()
	body, err := fetch(t.Context(), "http://"+g.Admin+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	m := metrics{}
	for line := range strings.Lines(string(body)) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			if value, err := strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64); err == nil {
				m[line[:i]] = value
			}
		}
	}
	return m
}

// sum adds the series of a metric that have all the labels.
func (m metrics) sum(name string, labels ...string) (total float64) {
next:
	for series, value := range m {
		if series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(series, label) {
				continue next
			}
		}
		total += value
	}
	return total
}
