package adminapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

// gateway is an API over a database of its own. A request without credential
// comes from the admin endpoint, one with a Bearer token from a site.
type gateway struct {
	testing.TB
	url     string
	service *tokenstore.Service
	disk    *disk
	routes  []Route
	down    atomic.Bool // the store cannot be opened
}

var local = tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorAdminEndpoint, Name: "root"}}

// disk is a real store that can fail to write.
type disk struct {
	tokenstore.Store
	failure atomic.Pointer[error]
}

func (d *disk) fail(err error) { d.failure.Store(&err) }

func (d *disk) Commit(ctx context.Context, c tokenstore.Change) error {
	if err := d.failure.Load(); err != nil && *err != nil {
		return *err
	}
	return d.Store.Commit(ctx, c)
}

// start makes a gateway whose database holds these tokens already.
func start(t testing.TB, tokens ...*tokenstore.Token) *gateway {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "db", "tokens.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		change := tokenstore.Change{Tokens: []tokenstore.TokenChange{{After: token}}}
		if err := store.Commit(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	g := &gateway{TB: t, disk: &disk{Store: store}}
	if g.service, err = tokenstore.Open(t.Context(), g.disk, tokenstore.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.service.Close() })
	api := &API{
		Service: func() (*tokenstore.Service, error) {
			if g.down.Load() {
				return nil, errors.New("open /var/lib/caddy/tokens.db: permission denied")
			}
			return g.service, nil
		},
		Routes: func() []Route { return g.routes },
		Actor:  g.actor,
	}
	server := httptest.NewServer(http.StripPrefix("/mcp_token", api.Handler()))
	t.Cleanup(server.Close)
	g.url = server.URL + "/mcp_token"
	return g
}

func (g *gateway) actor(r *http.Request) (tokenstore.Actor, error) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return local, nil
	}
	if text == "slow.down" {
		return tokenstore.Actor{}, &tokenstore.Refusal{Reason: tokenstore.ReasonRateLimited}
	}
	secret, err := tokenstore.ParseSecret(text)
	if err != nil {
		return tokenstore.Actor{}, &tokenstore.Refusal{Reason: tokenstore.ReasonMalformed}
	}
	found := g.service.Inspect(secret, tokenstore.Caller{})
	if found.Refusal != nil {
		return tokenstore.Actor{}, found.Refusal
	}
	return tokenstore.Actor{
		ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorToken, ID: found.Record.ID, Name: found.Record.Name},
		Grants:    found.Grants,
	}, nil
}

// route adds a route with these rules.
func (g *gateway) route(audience string, c policy.Config) {
	g.Helper()
	p, err := policy.Compile(c)
	if err != nil {
		g.Fatal(err)
	}
	g.routes = append(g.routes, Route{Name: c.Name, Audience: audience, Policy: p})
}

// token makes a token and returns it with its secret.
func (g *gateway) token(name string, permissions ...string) (tokenstore.Record, string) {
	g.Helper()
	record, secret, err := g.service.CreateToken(g.Context(), local, tokenstore.NewToken{Name: name, Permissions: permissions})
	if err != nil {
		g.Fatal(err)
	}
	return record, secret.Reveal()
}

func (g *gateway) group(name string, permissions ...string) tokenstore.GroupRecord {
	g.Helper()
	group, err := g.service.CreateGroup(g.Context(), local, tokenstore.NewGroup{Name: name, Permissions: permissions})
	if err != nil {
		g.Fatal(err)
	}
	return group
}

// answer is a response with its body.
type answer struct {
	*http.Response
	text []byte
}

// into reads the body into v, in which every member must have a place.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.text, v, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%v: %s", err, a.text)
	}
}

func (a answer) problem(t testing.TB) Problem {
	t.Helper()
	var p Problem
	a.into(t, &p)
	return p
}

// do sends a request; header holds names and values in turn. What comes back
// must be what the document says of the endpoint.
func (g *gateway) do(method, path, body string, header ...string) answer {
	g.Helper()
	r, err := http.NewRequestWithContext(g.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(header, 2) {
		if pair[1] == "" {
			r.Header.Del(pair[0])
			continue
		}
		r.Header.Set(pair[0], pair[1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		g.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.Fatal(err)
	}
	a := answer{resp, text}
	g.checkAnswer(method, path, a)
	return a
}

// want is do for a status that the test goes on with.
func (g *gateway) want(status int, method, path, body string, header ...string) answer {
	g.Helper()
	a := g.do(method, path, body, header...)
	if a.StatusCode != status {
		g.Fatalf("%s %s %s: %s, want %d: %s", method, path, body, a.Status, status, a.text)
	}
	return a
}

// refused is do for a problem with this code.
func (g *gateway) refused(code, method, path, body string, header ...string) Problem {
	g.Helper()
	a := g.want(statusFor(code), method, path, body, header...)
	if method == http.MethodHead {
		return Problem{}
	}
	p := a.problem(g)
	if p.Code != code {
		g.Fatalf("%s %s: code %q, want %q: %s", method, path, p.Code, code, a.text)
	}
	return p
}

// checkAnswer holds an answer against the document.
func (g *gateway) checkAnswer(method, path string, a answer) {
	g.Helper()
	h := a.Header
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Request-Id") == "" {
		g.Errorf("%s %s: headers %v", method, path, h)
	}
	for _, leak := range []string{"tokenstore.", "adminapi.", "/var/lib", "tokens.db:", ".go:", "Go string", "goroutine"} {
		if bytes.Contains(a.text, []byte(leak)) {
			g.Errorf("%s %s: %q leaks: %s", method, path, leak, a.text)
		}
	}
	isProblem := a.StatusCode >= 400
	if method == http.MethodHead {
		if len(a.text) > 0 {
			g.Errorf("%s %s: a body: %s", method, path, a.text)
		}
		return
	}
	if isProblem {
		p := a.problem(g)
		if h.Get("Content-Type") != "application/problem+json" || p.Status != a.StatusCode ||
			p.RequestID != h.Get("X-Request-Id") || p.Title == "" || p.Detail == "" || p.Code == "" {
			g.Errorf("%s %s: a poor problem: %v %s", method, path, h, a.text)
		}
		g.checkValue(method+" "+path, a.text, "Problem")
	}
	e := find(method, path)
	switch {
	case e == nil:
		if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusMethodNotAllowed && a.StatusCode != http.StatusUnauthorized {
			g.Errorf("%s %s: %s for no endpoint", method, path, a.Status)
		}
	case isProblem:
		if p := a.problem(g); !slices.Contains(e.problems(), p.Code) {
			g.Errorf("%s %s: the document does not know %q here", method, path, p.Code)
		}
	case a.StatusCode != e.status:
		g.Errorf("%s %s: %s, the document says %d", method, path, a.Status, e.status)
	case e.response != nil && h.Get("Content-Type") == "application/json" && e.id != "getDocument":
		g.checkValue(method+" "+path, a.text, schemaName(e.response))
	}
}

// find returns the endpoint of a request, or nil. A literal segment goes before
// a wildcard.
func find(method, path string) *endpoint {
	path, _, _ = strings.Cut(path, "?")
	segments := strings.Split(path, "/")
	var best *endpoint
	for _, e := range endpoints() {
		pattern := strings.Split(e.path, "/")
		fits := len(pattern) == len(segments) && e.method == method
		for i := 0; fits && i < len(pattern); i++ {
			fits = pattern[i] == segments[i] || strings.HasPrefix(pattern[i], "{") && path != "/tokens/bulk"
		}
		if fits && (best == nil || !strings.Contains(e.path, "{")) {
			best = &e
		}
	}
	return best
}

// checkValue holds a body against its schema: every member that is required is
// there, and null only where the document says so.
func (g *gateway) checkValue(at string, text []byte, name string) {
	g.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		g.Fatalf("%s: %v: %s", at, err, text)
	}
	var all map[string]schema
	if err := json.Unmarshal(schemas, &all); err != nil {
		g.Fatal(err)
	}
	for _, fault := range faults(all, all[name], v) {
		g.Errorf("%s: %s %s: %s", at, name, fault, text)
	}
}

func faults(all map[string]schema, s schema, v any) (found []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = all[name]
	}
	if len(s.AnyOf) > 0 {
		if v == nil {
			return nil
		}
		return faults(all, s.AnyOf[0], v)
	}
	types, _ := s.Type.([]any)
	if text, ok := s.Type.(string); ok {
		types = []any{text}
	}
	var is string
	switch v := v.(type) {
	case nil:
		is = "null"
	case bool:
		is = "boolean"
	case float64:
		is = "integer"
	case string:
		is = "string"
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			found = append(found, "is "+strconv.Quote(v))
		}
	case []any:
		is = "array"
		for i, item := range v {
			if s.Items != nil {
				found = append(found, prefix(strconv.Itoa(i), faults(all, *s.Items, item))...)
			}
		}
	case map[string]any:
		is = "object"
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				found = append(found, name+" is missing")
			}
		}
		for name, member := range v {
			p, ok := s.Properties[name]
			switch {
			case ok:
				found = append(found, prefix(name, faults(all, p, member))...)
			case s.Additional == nil && s.Properties != nil:
				found = append(found, name+" is not in the document")
			}
		}
	}
	if len(types) > 0 && !slices.Contains(types, any(is)) {
		found = append(found, "is "+is)
	}
	return found
}

func prefix(at string, faults []string) []string {
	for i := range faults {
		faults[i] = at + "." + faults[i]
	}
	return faults
}
