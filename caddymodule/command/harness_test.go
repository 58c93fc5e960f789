package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

// server is the real admin API over a real database, where a gateway has it.
type server struct {
	*httptest.Server
	service *tokenstore.Service
	path    string // of the database

	// before, if set, sees each request first.
	before func(w http.ResponseWriter, r *http.Request) (answered bool)
}

func newServer(t *testing.T, routes ...adminapi.Route) *server {
	t.Helper()
	s := &server{path: filepath.Join(t.TempDir(), "tokens.db")}
	store, err := bolt.Open(s.path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.service, err = tokenstore.Open(t.Context(), store, tokenstore.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.service.Close() })
	api := &adminapi.API{
		Service: func() (*tokenstore.Service, error) { return s.service, nil },
		Routes:  func() []adminapi.Route { return routes },
		Actor: func(*http.Request) (tokenstore.Actor, error) {
			return tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorAdminEndpoint}}, nil
		},
	}
	handler := http.StripPrefix(apiPrefix, api.Handler())
	mux := http.NewServeMux()
	mux.HandleFunc(apiPrefix+"/", func(w http.ResponseWriter, r *http.Request) {
		if s.before == nil || !s.before(w, r) {
			handler.ServeHTTP(w, r)
		}
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// use presents a secret as a client of the gateway does.
func (s *server) use(t *testing.T, text string) {
	t.Helper()
	secret, err := tokenstore.ParseSecret(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	session, err := s.service.Begin(t.Context(), secret, tokenstore.Caller{Addr: netip.MustParseAddr("192.0.2.7")})
	if err != nil {
		t.Fatal(err)
	}
	session.End()
}

// accepts reports whether the gateway accepts a secret now.
func (s *server) accepts(text string) bool {
	secret, err := tokenstore.ParseSecret(strings.TrimSpace(text))
	if err != nil {
		return false
	}
	found := s.service.Inspect(secret, tokenstore.Caller{})
	return found.Record.ID != "" && found.Refusal == nil
}

// result is what a command did.
type result struct {
	stdout, stderr string
	code           int
}

// invocation is how a command is run.
type invocation struct {
	stdin    string
	later    time.Duration // how far the command's clock is ahead
	colour   bool
	terminal bool
	ctx      context.Context
}

func (i invocation) run(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := 0
	c := &cli{
		stdin: strings.NewReader(i.stdin), stdout: &stdout, stderr: &stderr,
		prompt: func() bool { return i.terminal },
		secret: func() ([]byte, error) { return []byte(i.stdin), nil },
		colour: i.colour,
		now:    func() time.Time { return time.Now().Add(i.later) },
		exit: func(_ *cobra.Command, n int) error {
			code = n
			return errors.New("exit " + strconv.Itoa(n))
		},
	}
	root := &cobra.Command{Use: "caddy", SilenceUsage: true}
	cmd := &cobra.Command{Use: "mcp-token"}
	c.addTokenCommands(cmd)
	root.AddCommand(cmd)
	root.SetArgs(append([]string{"mcp-token"}, args...))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	ctx := i.ctx
	if ctx == nil {
		ctx = t.Context()
	}
	if err := root.ExecuteContext(ctx); err != nil && code == 0 {
		t.Fatalf("%v: an error that was not told: %v", args, err)
	}
	return result{stdout.String(), stderr.String(), code}
}

// run runs a command against s.
func (s *server) run(t *testing.T, args ...string) result {
	t.Helper()
	return s.with(t, invocation{}, args...)
}

func (s *server) with(t *testing.T, i invocation, args ...string) result {
	t.Helper()
	return i.run(t, append([]string{"--address", s.Listener.Addr().String()}, args...)...)
}

// must is run where anything but success ends the test; it returns stdout
// without the line feed at its end.
func (s *server) must(t *testing.T, args ...string) string {
	t.Helper()
	r := s.run(t, args...)
	if r.code != 0 {
		t.Fatalf("%v: exit %d: %s", args, r.code, r.stderr)
	}
	return strings.TrimSuffix(r.stdout, "\n")
}

// show returns what show --output json says of a token.
func (s *server) show(t *testing.T, ref string) tokenstore.Record {
	t.Helper()
	var record tokenstore.Record
	if err := json.Unmarshal([]byte(s.must(t, "show", ref, "-o", "json")), &record); err != nil {
		t.Fatal(err)
	}
	return record
}

func wantCode(t *testing.T, r result, code int, inStderr ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit %d, want %d: %s", r.code, code, r.stderr)
	}
	for _, want := range inStderr {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, r.stderr)
		}
	}
}

// blogRoute is a route with rules.
func blogRoute(t *testing.T) adminapi.Route {
	t.Helper()
	p, err := policy.Compile(policy.Config{Name: "blog", Rules: []policy.Rule{
		{Kind: "tool", Match: []string{"list_*", "get_*"}, Require: []string{"blog.view_{1}"}, Effect: policy.EffectRequire},
		{Kind: "tool", Match: []string{"delete_*"}, Require: []string{"blog.delete_{1}"}, Effect: policy.EffectRequire},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return adminapi.Route{Name: "blog", Policy: p}
}

// completions is what the shell would offer.
func completions(t *testing.T, s *server, args ...string) string {
	t.Helper()
	var stdout bytes.Buffer
	c := &cli{stdout: &stdout, stderr: &stdout, now: time.Now}
	root, cmd := &cobra.Command{Use: "caddy"}, &cobra.Command{Use: "mcp-token"}
	c.addTokenCommands(cmd)
	root.AddCommand(cmd)
	root.SetArgs(append([]string{"__complete", "mcp-token", "--address", s.Listener.Addr().String()}, args...))
	root.SetOut(&stdout)
	root.SetErr(&stdout)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return stdout.String()
}
