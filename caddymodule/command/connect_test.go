package command

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

// offline runs a command where no server answers at the default address.
func offline(t *testing.T, args ...string) result {
	t.Helper()
	return invocation{}.run(t, args...)
}

// noServer makes an address at which nothing listens the default, and a new
// directory the home of the default database.
func noServer(t *testing.T) (home string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	before := caddy.DefaultAdminListen
	caddy.DefaultAdminListen = address
	t.Cleanup(func() { caddy.DefaultAdminListen = before })
	home = t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	return home
}

func TestWithoutAServerTheDatabaseIsOpenedDirectly(t *testing.T) {
	path := filepath.Join(noServer(t), "caddy", "mcp_token", "tokens.db")
	r := offline(t, "list")
	wantCode(t, r, exitServer, "There is no database at "+path, "no server answers at 127.0.0.1:")
	if _, err := os.Stat(path); err == nil {
		t.Fatal("list made a database")
	}

	r = offline(t, "create", "x", "a.b", "-q")
	wantCode(t, r, 0, "Offline: no server answers at 127.0.0.1:", path+" is made directly")
	if strings.Count(r.stdout, "\n") != 1 || !strings.HasPrefix(r.stdout, "mcp_") {
		t.Errorf("stdout is %q", r.stdout)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	r = offline(t, "list")
	wantCode(t, r, 0, path+" is opened directly")
	if !strings.Contains(r.stdout, "mcp_") || !strings.Contains(r.stdout, "active") {
		t.Errorf("list says\n%s", r.stdout)
	}
	if r := offline(t, "audit", "-o", "json"); !strings.Contains(r.stdout, `"type": "cli"`) {
		t.Errorf("the audit trail does not name the door:\n%s", r.stdout)
	}
}

func TestTheStoreFlagAsksNoServer(t *testing.T) {
	s := newServer(t)
	before := caddy.DefaultAdminListen
	caddy.DefaultAdminListen = s.Listener.Addr().String()
	t.Cleanup(func() { caddy.DefaultAdminListen = before })

	path := filepath.Join(t.TempDir(), "new", "other.db")
	wantCode(t, offline(t, "--store", path, "list"), exitServer, "There is no database at "+path)
	wantCode(t, offline(t, "--store", path, "create", "x"), 0, "Offline: "+path+" is made directly")
	wantCode(t, s.run(t, "list"), 0, "No tokens match.")
	wantCode(t, s.run(t, "list", "--store", path), exitUsage, "[address store]")
}

func TestADatabaseInUseEndsTheCommandSoonWithWhatToDo(t *testing.T) {
	noServer(t)
	path := filepath.Join(t.TempDir(), "tokens.db")
	store, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	began := time.Now()
	wantCode(t, offline(t, "--store", path, "list"), exitServer, path+" is in use by another process", "Leave out --store")
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	wantCode(t, offline(t, "--config", writeCaddyfile(t, path), "list"), exitServer, path+" is in use by another process", "by --address or --config")
}

func writeCaddyfile(t *testing.T, store string, options ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	text := "{\n" + strings.Join(options, "\n") + "\nmcp_token {\nstore bbolt " + store + "\ndefault_expiry 7d\n}\n}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheConfigTellsTheAddressTheStoreAndTheSettings(t *testing.T) {
	noServer(t)
	path := filepath.Join(t.TempDir(), "mine.db")
	wantCode(t, offline(t, "--config", writeCaddyfile(t, path), "create", "x"), 0, path+" is made directly", "(in 7d)")
	wantCode(t, offline(t, "--config", writeCaddyfile(t, path, "admin off"), "list"), 0, "turns the admin endpoint off, so "+path)

	s := newServer(t)
	s.must(t, "create", "on the server")
	r := offline(t, "--config", writeCaddyfile(t, path, "admin "+s.Listener.Addr().String()), "list")
	wantCode(t, r, 0)
	if !strings.Contains(r.stdout, "on the server") {
		t.Errorf("list says\n%s", r.stdout)
	}
	wantCode(t, offline(t, "--config", filepath.Join(t.TempDir(), "none"), "list"), exitUsage, "no such file")
	broken := writeCaddyfile(t, path, "nonsense")
	wantCode(t, offline(t, "--config", broken, "list"), exitUsage, broken+":2")
	wantCode(t, offline(t, "--config", broken, "--adapter", "none", "list"), exitUsage, `no config adapter named "none"`)
}

func TestAServerThatIsNamedMustAnswer(t *testing.T) {
	noServer(t)
	wantCode(t, offline(t, "--address", caddy.DefaultAdminListen, "list"), exitServer, "No server answers at "+caddy.DefaultAdminListen)
	wantCode(t, offline(t, "--address", "unix//"+filepath.Join(t.TempDir(), "none.sock"), "list"), exitServer, "No server answers")
	wantCode(t, offline(t, "--address", "127.0.0.1:1-9", "list"), exitUsage, "not an admin address")
}

func TestAnAdminEndpointCanBeASocket(t *testing.T) {
	s := newServer(t)
	socket := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s.Config.Handler}
	go server.Serve(l)
	defer server.Close()
	wantCode(t, offline(t, "--address", "unix/"+socket, "list"), 0, "No tokens match.")
}

func TestTheCommandWaitsForAServerThatHasJustStarted(t *testing.T) {
	t.Parallel() // it takes seconds
	s := newServer(t)
	var asked int
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if asked++; asked > 3 {
			return false
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		json.NewEncoder(w).Encode(map[string]any{"status": 503, "code": "store_unavailable", "detail": "Not yet."})
		return true
	}
	wantCode(t, s.run(t, "list"), 0, "No tokens match.")

	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		json.NewEncoder(w).Encode(map[string]any{"status": 503, "code": "store_unavailable", "detail": "Not at all."})
		return true
	}
	wantCode(t, s.run(t, "list"), exitServer, "Not at all.", "without mcp_token")
}

func TestAServerWithoutTheGatewayIsRecognised(t *testing.T) {
	for _, tt := range []struct {
		handler http.HandlerFunc
		want    string
	}{
		{http.NotFound, "has no token gateway"},
		{func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte(`{"error":"client is not allowed to access from origin ''"}`))
		}, "client is not allowed to access from origin"},
		{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, "418"},
		{func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "302"},
		{func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, "does not answer"},
	} {
		server := httptest.NewServer(tt.handler)
		wantCode(t, offline(t, "--address", server.Listener.Addr().String(), "list"), exitServer, tt.want)
		server.Close()
	}
}
