package integration

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/integration/process"
)

// config is what a test's gateway runs. In both texts {$SITE} and {$OTHER} are
// free host:port pairs, {$PORT} and {$OTHER_PORT} their ports, and {$DIR} is a
// directory of the gateway's own.
type config struct {
	global string // inside the global options
	sites  string // everything after them
}

// site is a config of one site, with an access log.
func site(body string) config {
	return config{sites: "http://:{$PORT} {\n\tbind 127.0.0.1\n\tlog\n" + indent(body) + "}\n"}
}

// gateway is one running binary.
type gateway struct {
	*process.Process
	site  string // host:port
	other string // host:port
	dir   string // outlives a restart
	text  string // the Caddyfile it was started with
}

// instances numbers the gateways' directories.
var instances atomic.Int64

// start runs a gateway of t's own and stops it with t.
func start(t testing.TB, c config) *gateway {
	t.Helper()
	g, err := launch(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.stop(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func launch(ctx context.Context, c config) (*gateway, error) {
	dir := filepath.Join(suite.dir, fmt.Sprintf("gateway-%03d", instances.Add(1)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	// A port that was free a moment ago may be taken by now: try others.
	for range 3 {
		var g *gateway
		if g, err = assign(dir, c); err != nil {
			return nil, err
		}
		if g.Process, err = process.Run(ctx, suite.binary, dir, g.Admin, g.text); err == nil {
			return g, nil
		}
		if !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	return nil, err
}

// assign gives c its addresses.
func assign(dir string, c config) (*gateway, error) {
	var addrs [3]string
	for i := range addrs {
		addr, err := process.FreeAddr()
		if err != nil {
			return nil, err
		}
		addrs[i] = addr
	}
	g := &gateway{Process: &process.Process{Admin: addrs[0]}, site: addrs[1], other: addrs[2], dir: dir}
	g.text = g.caddyfile(c)
	return g, nil
}

// caddyfile is the text that g runs for c: also what a reload takes.
func (g *gateway) caddyfile(c config) string {
	_, port, _ := net.SplitHostPort(g.site)
	_, otherPort, _ := net.SplitHostPort(g.other)
	text := "{\n\tadmin " + g.Admin + "\n\tdebug\n\tauto_https off\n\tgrace_period 1s\n\tmetrics\n" +
		"\tlog {\n\t\toutput stderr\n\t\tformat json\n\t}\n" + indent(c.global) + "}\n" + c.sites
	return strings.NewReplacer("{$SITE}", g.site, "{$PORT}", port, "{$OTHER}", g.other, "{$OTHER_PORT}", otherPort, "{$DIR}", g.dir).Replace(text)
}

// url is the address of a path on g's site.
func (g *gateway) url(path string) string { return "http://" + g.site + path }

// stop ends g after noting what only a running process can tell.
func (g *gateway) stop() error {
	g.note()
	return g.Process.Stop()
}

// note writes down what the world can see of a running process, so that it is
// searched for secrets with everything else.
func (g *gateway) note() {
	for _, name := range []string{"cmdline", "environ"} { // Linux; elsewhere there is nothing to note
		if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", g.Pid(), name)); err == nil {
			_ = os.WriteFile(filepath.Join(g.dir, name), data, 0o600)
		}
	}
	for _, path := range []string{"/metrics", "/config/"} {
		if body, err := fetch(context.Background(), "http://"+g.Admin+path); err == nil {
			_ = os.WriteFile(filepath.Join(g.dir, strings.Trim(path, "/")), body, 0o600)
		}
	}
}

// restart runs g's Caddyfile again, after a stop or a kill, on the same data.
func (g *gateway) restart(t tb) {
	t.Helper()
	p, err := process.Run(t.Context(), suite.binary, g.dir, g.Admin, g.text)
	if err != nil {
		t.Fatal(err)
	}
	g.Process = p
}

// eventually waits for a condition, and fails with what it last said.
func eventually(t tb, within time.Duration, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %v", within, err)
		}
		time.Sleep(min(10*time.Millisecond, cmp.Or(within/100, time.Millisecond)))
	}
}

// indent puts a tab before each line.
func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSuffix(s, "\n") + "\n") {
		if strings.TrimSpace(line) != "" {
			b.WriteString("\t")
		}
		b.WriteString(line)
	}
	return b.String()
}
