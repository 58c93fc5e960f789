package page

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

var local = tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorAdminEndpoint, Name: "root"}}

// site is a page over a database of its own, and a browser without script that
// visits it.
type site struct {
	testing.TB
	url     string
	service *tokenstore.Service
	browser *http.Client
}

// open starts a site whose database holds these tokens already.
func open(t testing.TB, tokens ...*tokenstore.Token) *site {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "tokens", "tokens.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var change tokenstore.Change
	for _, token := range tokens {
		change.Tokens = append(change.Tokens, tokenstore.TokenChange{After: token})
	}
	if err := store.Commit(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	s := &site{TB: t}
	if s.service, err = tokenstore.Open(t.Context(), store, tokenstore.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.service.Close() })
	rules, err := policy.Compile(policy.Config{Rules: []policy.Rule{
		{Kind: "tool", Match: []string{"list_*"}, Effect: policy.EffectRequire, Require: []string{"blog.view_{1}"}},
		{Kind: "tool", Match: []string{"delete_*"}, Effect: policy.EffectRequire, Require: []string{"blog.delete_{1}"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&Site{
		Service:    func() (*tokenstore.Service, error) { return s.service, nil },
		Routes:     func() []adminapi.Route { return []adminapi.Route{{Name: "blog", Policy: rules}} },
		ClientAddr: func(r *http.Request) netip.Addr { return netip.MustParseAddrPort(r.RemoteAddr).Addr() },
		Logger:     zap.NewNop(),
	})
	t.Cleanup(server.Close)
	s.url = server.URL
	s.browser = newBrowser()
	return s
}

// newBrowser keeps cookies and shows redirects.
func newBrowser() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// token makes a token and returns its record and secret.
func (s *site) token(name string, permissions ...string) (tokenstore.Record, string) {
	s.Helper()
	t, secret, err := s.service.CreateToken(s.Context(), local, tokenstore.NewToken{Name: name, Permissions: permissions})
	if err != nil {
		s.Fatal(err)
	}
	return t, secret.Reveal()
}

// signIn signs the browser in with a new token that holds these permissions.
func (s *site) signIn(name string, permissions ...string) tokenstore.Record {
	s.Helper()
	t, secret := s.token(name, permissions...)
	if got := s.post("/", url.Values{"token": {secret}}); got.status != http.StatusSeeOther {
		s.Fatalf("signing in: status %d\n%s", got.status, got.body)
	}
	return t
}

// answer is a response, read whole.
type answer struct {
	status   int
	header   http.Header
	body     string
	location string // resolved
}

func (s *site) get(path string) answer {
	s.Helper()
	r, _ := http.NewRequestWithContext(s.Context(), "GET", s.url+path, nil)
	return s.send(r)
}

func (s *site) post(path string, form url.Values) answer {
	s.Helper()
	r, _ := http.NewRequestWithContext(s.Context(), "POST", s.url+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.send(r)
}

func (s *site) send(r *http.Request) answer {
	s.Helper()
	response, err := s.browser.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	if to, err := response.Location(); err == nil {
		a.location = to.RequestURI()
	}
	return a
}

var secretPattern = regexp.MustCompile(`mcp_[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{43}`)
