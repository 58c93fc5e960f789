package caddymodule

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// rig is a handler before an upstream, behind a real server, over a real
// database.
type rig struct {
	t        testing.TB
	app      *App
	service  *tokenstore.Service
	handlers []*Handler // as in a site: each calls the next
	logs     *observer.ObservedLogs

	// upstream is called with what the handlers let through.
	upstream caddyhttp.HandlerFunc

	mu       sync.Mutex
	reached  []*http.Request // what the upstream got
	replacer *caddy.Replacer // of the last request
	server   *httptest.Server
}

// newRig starts a site with one or more mcp_token directives.
func newRig(t testing.TB, directives ...string) *rig {
	t.Helper()
	r := &rig{t: t, app: newApp(t, filepath.Join(t.TempDir(), "store", "tokens.db"))}
	service, err := r.app.Service()
	if err != nil {
		t.Fatal(err)
	}
	r.service = service
	core, logs := observer.New(zapcore.DebugLevel)
	r.logs = logs
	for _, directive := range directives {
		h := new(Handler)
		if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("mcp_token " + directive)); err != nil {
			t.Fatal(err)
		}
		h.logger = zap.New(core)
		if err := h.join(r.app); err != nil {
			t.Fatal(err)
		}
		if err := h.Validate(); err != nil {
			t.Fatal(err)
		}
		r.handlers = append(r.handlers, h)
	}
	r.upstream = func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
		return err
	}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

// newApp is an app over the database at path, as Caddy would provision it.
func newApp(t testing.TB, path string) *App {
	t.Helper()
	store := &BboltStore{Path: path}
	if err := store.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	app := &App{store: store, logger: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		if err := app.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	return app
}

// ServeHTTP does what Caddy's server does.
func (r *rig) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	replacer := caddy.NewReplacer()
	req = caddyhttp.PrepareRequest(req, replacer, w, new(caddyhttp.Server))
	r.mu.Lock()
	r.replacer = replacer
	r.mu.Unlock()
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, req *http.Request) error {
		r.mu.Lock()
		r.reached = append(r.reached, req)
		r.mu.Unlock()
		return r.upstream(w, req)
	})
	for i := len(r.handlers) - 1; i >= 0; i-- {
		h, inner := r.handlers[i], next
		next = func(w http.ResponseWriter, req *http.Request) error { return h.ServeHTTP(w, req, inner) }
	}
	if err := next(w, req); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

var admin = tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorSystem}}

// token makes a token with permissions and returns it with its secret.
func (r *rig) token(permissions ...string) (tokenstore.Record, string) {
	r.t.Helper()
	return r.newToken(tokenstore.NewToken{Permissions: permissions})
}

func (r *rig) newToken(n tokenstore.NewToken) (tokenstore.Record, string) {
	r.t.Helper()
	if n.Name == "" {
		page, err := r.service.Tokens(tokenstore.TokenQuery{})
		if err != nil {
			r.t.Fatal(err)
		}
		n.Name = fmt.Sprintf("token %d", page.Total+1)
	}
	record, secret, err := r.service.CreateToken(r.t.Context(), admin, n)
	if err != nil {
		r.t.Fatal(err)
	}
	return record, secret.Reveal()
}

// got is how many requests have reached the upstream.
func (r *rig) got() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.reached)
}

// last is the last request that reached the upstream.
func (r *rig) last() *http.Request {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reached) == 0 {
		r.t.Fatal("nothing reached the upstream")
	}
	return r.reached[len(r.reached)-1]
}

// placeholder is a placeholder's value after the last request.
func (r *rig) placeholder(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	value, _ := r.replacer.GetString(name)
	return value
}

// answer is a response, read to its end.
type answer struct {
	*http.Response
	body string
}

// raw sends a request byte by byte as it is written, but for line ends.
func (r *rig) raw(lines ...string) answer {
	r.t.Helper()
	return r.send(strings.Join(lines, "\r\n") + "\r\n\r\n")
}

func (r *rig) send(bytes string) answer {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, bytes); err != nil {
		r.t.Fatal(err)
	}
	return r.read(bufio.NewReader(conn))
}

func (r *rig) read(from *bufio.Reader) answer {
	r.t.Helper()
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{response, string(body)}
}

// get sends a GET with header lines besides Host.
func (r *rig) get(path string, lines ...string) answer {
	r.t.Helper()
	return r.raw(append([]string{"GET " + path + " HTTP/1.1", "Host: localhost", "Connection: close"}, lines...)...)
}

// post sends a JSON-RPC message with header lines.
func (r *rig) post(body string, lines ...string) answer {
	r.t.Helper()
	head := append([]string{
		"POST /mcp HTTP/1.1", "Host: localhost", "Content-Type: application/json",
		fmt.Sprintf("Content-Length: %d", len(body)), "Connection: close",
	}, lines...)
	return r.send(strings.Join(head, "\r\n") + "\r\n\r\n" + body)
}

// reason is why the last request was refused, by the log.
func (r *rig) reason() string {
	entries := r.logs.FilterMessage("refused a request").All()
	if len(entries) == 0 {
		return ""
	}
	reason, _ := entries[len(entries)-1].ContextMap()["reason"].(string)
	return reason
}

func (r *rig) want(a answer, status int, reason tokenstore.Reason) {
	r.t.Helper()
	if a.StatusCode != status {
		r.t.Errorf("status %d, want %d; body %s", a.StatusCode, status, a.body)
	}
	if status != http.StatusOK && r.reason() != string(reason) {
		r.t.Errorf("reason %q, want %q", r.reason(), reason)
	}
}

func bearer(secret string) string { return "Authorization: Bearer " + secret }
