package adminapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// scene is a gateway on which every endpoint has something to work on.
type scene struct {
	*gateway
	token   tokenstore.Record
	weak    string // the secret of a token without any right
	paths   *strings.Replacer
	request string // a live request of token
}

func newScene(t *testing.T) *scene {
	past := time.Now().Add(-time.Hour)
	g := start(t, &tokenstore.Token{
		ID: "tok_expired000000000", Name: "expired", CreatedAt: past, UpdatedAt: past, ExpiresAt: &past, Version: 1,
		Credential: tokenstore.NewCredential(tokenstore.NewSecret()),
	})
	g.route("", policy.Config{Name: "blog", Require: []string{"blog.view_article"}})
	s := &scene{gateway: g}
	var secret string
	s.token, secret = g.token("reader", "blog.view_article")
	_, s.weak = g.token("weak")
	g.group("staff", "blog.*")
	parsed, err := tokenstore.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	session, err := g.service.Begin(t.Context(), parsed, tokenstore.Caller{Method: "GET", Path: "/mcp"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.End)
	s.request = g.service.Live(s.token.ID)[0].ID
	s.paths = strings.NewReplacer("{id}", s.token.ID, "{name}", "staff", "{rid}", s.request)
	return s
}

// bodies are valid requests, by operation.
var bodies = map[string]string{
	"createToken":  `{"name": "new"}`,
	"updateToken":  `{"description": "new"}`,
	"rotateToken":  `{"grace": "1h"}`,
	"disableToken": `{"reason": "lost"}`,
	"enableToken":  `{}`,
	"editTokens":   `{"action": "disable", "filter": {"never_used": true}}`,
	"createGroup":  `{"name": "new"}`,
	"updateGroup":  `{"description": "new"}`,
	"check":        `{"id": "ID"}`,
	"verify":       `{"secret": "SECRET"}`,
}

// valid returns the parts of a request that e fulfils, but for what the
// endpoint itself needs to be found.
func (s *scene) valid(e endpoint) (path, body string, header []string) {
	if e.match == ifMatchRequired {
		header = []string{"If-Match", `"1"`}
	}
	body = strings.NewReplacer("ID", s.token.ID, "SECRET", s.weak).Replace(bodies[e.id])
	return s.paths.Replace(e.path), body, header
}

// changing are the problems that take an edit to provoke.
var changing = map[string]bool{codeConflict: true, codeNameTaken: true, tokenstore.StateLastManager: true}

// provocations bring every problem about, at an endpoint that knows it.
var provocations = map[string]func(s *scene, e endpoint) Problem{
	codeUnauthenticated: func(s *scene, e endpoint) Problem {
		path, body, header := s.valid(e)
		return s.refused(codeUnauthenticated, e.method, path, body, append(header, "Authorization", "Bearer mcp_nobody")...)
	},
	codeRateLimited: func(s *scene, e endpoint) Problem {
		path, body, header := s.valid(e)
		return s.refused(codeRateLimited, e.method, path, body, append(header, "Authorization", "Bearer slow.down")...)
	},
	codeForbidden: func(s *scene, e endpoint) Problem {
		path, body, header := s.valid(e)
		return s.refused(codeForbidden, e.method, path, body, append(header, "Authorization", "Bearer "+s.weak)...)
	},
	codeNotFound: func(s *scene, e endpoint) Problem {
		_, body, header := s.valid(e)
		path := strings.NewReplacer("{id}", "tok_0123456789abcdef", "{name}", "nobody", "{rid}", "req_0").Replace(e.path)
		if e.id == "verify" {
			body = `{"secret": "mcp_nobody"}`
		}
		return s.refused(codeNotFound, e.method, path, body, header...)
	},
	codeInvalidParameter: func(s *scene, e endpoint) Problem {
		path, body, header := s.valid(e)
		p := s.refused(codeInvalidParameter, e.method, path+"?token_hash=0&token_hash=1", body, header...)
		if len(p.Errors) != 1 || p.Errors[0].Parameter != "token_hash" {
			s.Errorf("errors are %v", p.Errors)
		}
		return p
	},
	codeBadRequest: func(s *scene, e endpoint) Problem {
		path, body, header := s.valid(e)
		if e.request == nil {
			return s.refused(codeBadRequest, e.method, path, `{}`, header...)
		}
		if e.match != ifMatchUnused {
			s.refused(codeBadRequest, e.method, path, body, "If-Match", `"1", "2"`)
		}
		return s.tornBody(e.method, path, header)
	},
	codeMalformedJSON: func(s *scene, e endpoint) Problem {
		path, _, header := s.valid(e)
		return s.refused(codeMalformedJSON, e.method, path, `{"name": "a", "name": "b"}`, header...)
	},
	codeBodyTooLarge: func(s *scene, e endpoint) Problem {
		path, _, header := s.valid(e)
		return s.refused(codeBodyTooLarge, e.method, path, `{"name": "`+strings.Repeat("a", maxBody)+`"}`, header...)
	},
	codeUnsupportedMediaType: func(s *scene, e endpoint) Problem {
		path, body, header := s.valid(e)
		return s.refused(codeUnsupportedMediaType, e.method, path, body, append(header, "Content-Type", "text/plain")...)
	},
	codeValidationFailed: func(s *scene, e endpoint) Problem {
		path, _, header := s.valid(e)
		p := s.refused(codeValidationFailed, e.method, path, `{"token_hash": "0"}`, header...)
		if len(p.Errors) != 1 || p.Errors[0].Pointer != "/token_hash" {
			s.Errorf("errors are %v", p.Errors)
		}
		return p
	},
	codePreconditionRequired: func(s *scene, e endpoint) Problem {
		path, body, _ := s.valid(e)
		return s.refused(codePreconditionRequired, e.method, path, body)
	},
	codeVersionMismatch: func(s *scene, e endpoint) Problem {
		path, body, _ := s.valid(e)
		for _, stale := range []string{`"99"`, `W/"1"`, `"one"`, `1`} {
			s.refused(codeVersionMismatch, e.method, path, body, "If-Match", stale)
		}
		return s.refused(codeVersionMismatch, e.method, path, body, "If-Match", `"0"`)
	},
	codeStoreUnavailable: func(s *scene, e endpoint) Problem {
		path, body, header := s.valid(e)
		s.down.Store(true)
		defer s.down.Store(false)
		return s.refused(codeStoreUnavailable, e.method, path, body, header...)
	},
	codeConflict: func(s *scene, e endpoint) Problem {
		s.makeRotating(e)
		s.disk.fail(tokenstore.ErrConflict)
		defer s.disk.fail(nil)
		path, body, header := s.valid(e)
		if e.match == ifMatchRequired {
			header = []string{"If-Match", "*"}
		}
		return s.refused(codeConflict, e.method, path, body, header...)
	},
	codeNameTaken: func(s *scene, e endpoint) Problem {
		s.group("new")
		s.gateway.token("new")
		path, _, header := s.valid(e)
		return s.refused(codeNameTaken, e.method, path, `{"name": "NEW"}`, header...)
	},
	tokenstore.StateExpired: func(s *scene, e endpoint) Problem {
		_, _, header := s.valid(e)
		body := ""
		if e.id == "updateToken" {
			body = `{"is_active": true}`
		}
		return s.refused(tokenstore.StateExpired, e.method, strings.Replace(e.path, "{id}", "tok_expired000000000", 1), body, header...)
	},
	tokenstore.StateNoRotation: func(s *scene, e endpoint) Problem {
		path, _, _ := s.valid(e)
		return s.refused(tokenstore.StateNoRotation, e.method, path, "")
	},
	tokenstore.StateCount: func(s *scene, e endpoint) Problem {
		path, _, _ := s.valid(e)
		return s.refused(tokenstore.StateCount, e.method, path, `{"action": "disable", "filter": {}, "expect_count": 1}`)
	},
	tokenstore.StateLastManager: func(s *scene, e endpoint) Problem {
		manager, secret := s.gateway.token("manager", "mcp_token.*")
		group, err := s.service.CreateGroup(s.Context(), local, tokenstore.NewGroup{Name: "managers", Permissions: []string{"mcp_token.*"}})
		if err != nil {
			s.Fatal(err)
		}
		if strings.Contains(e.path, "group") {
			none := []string{}
			if _, err := s.service.UpdateToken(s.Context(), local, manager.ID, 0, tokenstore.TokenPatch{
				Permissions: &none, Groups: &[]string{group.Name}}); err != nil {
				s.Fatal(err)
			}
		}
		path := strings.NewReplacer("{id}", manager.ID, "{name}", "managers").Replace(e.path)
		body := map[string]string{
			"updateToken": `{"permissions": []}`,
			"updateGroup": `{"permissions": []}`,
		}[e.id]
		header := []string{"Authorization", "Bearer " + secret}
		if e.match == ifMatchRequired {
			header = append(header, "If-Match", "*")
		}
		return s.refused(tokenstore.StateLastManager, e.method, path, body, header...)
	},
	codeInternal: func(s *scene, e endpoint) Problem {
		s.Skip("see TestAnErrorThatNobodyForesawIsNotTold")
		return Problem{}
	},
}

// tornBody sends a request that ends before its body does.
func (s *scene) tornBody(method, path string, header []string) Problem {
	s.Helper()
	at, err := url.Parse(s.url)
	if err != nil {
		s.Fatal(err)
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 10\r\n", method, at.Path, path, at.Host)
	for pair := range slices.Chunk(header, 2) {
		fmt.Fprintf(conn, "%s: %s\r\n", pair[0], pair[1])
	}
	fmt.Fprint(conn, "\r\n{")
	conn.(*net.TCPConn).CloseWrite()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	a := answer{resp, text}
	s.checkAnswer(method, path, a)
	p := a.problem(s)
	if p.Code != codeBadRequest {
		s.Errorf("%s: %s", resp.Status, text)
	}
	return p
}

// makeRotating gives the endpoints that need it a rotation to finish.
func (s *scene) makeRotating(e endpoint) {
	if e.id == "finishRotation" {
		if _, _, err := s.service.RotateToken(s.Context(), local, s.token.ID, 0, tokenstore.RotateOptions{Grace: time.Hour}); err != nil {
			s.Fatal(err)
		}
	}
	if e.id == "enableToken" {
		if _, err := s.service.SetActive(s.Context(), local, s.token.ID, 0, false, ""); err != nil {
			s.Fatal(err)
		}
	}
}

func TestEveryEndpointGivesEveryProblemOfTheDocument(t *testing.T) {
	for _, e := range endpoints() {
		t.Run(e.id, func(t *testing.T) {
			shared := newScene(t)
			for _, code := range e.problems() {
				t.Run(code, func(t *testing.T) {
					provoke, ok := provocations[code]
					if !ok {
						t.Fatalf("nobody knows how %s comes about", code)
					}
					s := shared
					if changing[code] {
						s = newScene(t)
					}
					s.TB = t
					provoke(s, e)
				})
			}
		})
	}
}

func TestEveryEndpointSucceeds(t *testing.T) {
	for _, e := range endpoints() {
		t.Run(e.id, func(t *testing.T) {
			s := newScene(t)
			s.makeRotating(e)
			path, body, header := s.valid(e)
			if e.match == ifMatchRequired {
				header = []string{"If-Match", "*"}
			}
			a := s.want(e.status, e.method, path, body, header...)
			for name := range e.headers() {
				if a.Header.Get(name) == "" {
					t.Errorf("no header %s", name)
				}
			}
		})
	}
}

func TestUnknownPathsAreProblems(t *testing.T) {
	g := start(t)
	for _, path := range []string{"/", "", "/nothing", "/tokens/", "//tokens", "/tokens/../groups", "/tokens/x/y", "/./tokens",
		"/tokens/%2e%2e/groups", "/groups/", "/index.html", "/tokens/a%2Fb/rotate/x"} {
		g.refused(codeNotFound, "GET", path, "")
	}
}

func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	s := newScene(t)
	methods := map[string][]string{}
	for _, e := range endpoints() {
		methods[e.path] = append(methods[e.path], e.method)
	}
	for pattern, known := range methods {
		path := s.paths.Replace(pattern)
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if slices.Contains(known, method) {
				continue
			}
			a := s.want(405, method, path, "")
			for _, m := range known {
				if !slices.Contains(strings.Split(a.Header.Get("Allow"), ", "), m) {
					t.Errorf("%s %s: Allow: %q lacks %s", method, path, a.Header.Get("Allow"), m)
				}
			}
			if head := strings.Contains(a.Header.Get("Allow"), "HEAD"); head != slices.Contains(known, "GET") {
				t.Errorf("%s: Allow: %q", path, a.Header.Get("Allow"))
			}
		}
	}
}

func TestHEADIsAnsweredAsGET(t *testing.T) {
	s := newScene(t)
	for _, e := range endpoints() {
		if e.method != "GET" {
			continue
		}
		path, _, _ := s.valid(e)
		get, head := s.want(e.status, "GET", path, ""), s.want(e.status, "HEAD", path, "")
		for _, name := range []string{"Content-Type", "ETag", "Content-Length", "Content-Disposition"} {
			if e.id == "getBackup" && name == "Content-Length" || e.id == "listAudit" {
				continue // streamed; and an audit trail grows
			}
			if get.Header.Get(name) != head.Header.Get(name) {
				t.Errorf("%s %s: GET %q, HEAD %q", path, name, get.Header.Get(name), head.Header.Get(name))
			}
		}
		s.refused(codeInvalidParameter, "HEAD", path+"?x=1", "")
	}
}

// An error that nobody foresaw can hold anything.
func TestAnErrorThatNobodyForesawIsNotTold(t *testing.T) {
	s := newScene(t)
	s.disk.fail(errors.New("write /var/lib/caddy/tokens.db: no space left on device"))
	a := s.do("POST", "/tokens", `{"name": "x"}`)
	if a.StatusCode != 500 && a.StatusCode != 503 {
		t.Fatalf("%s: %s", a.Status, a.text)
	}
	if strings.Contains(string(a.text), "space") {
		t.Errorf("leaks: %s", a.text)
	}
}

// The statuses of the document are those that the code table gives.
func TestEveryCodeHasAStatus(t *testing.T) {
	for _, e := range endpoints() {
		for _, code := range e.problems() {
			if _, ok := e.responses()[fmt.Sprint(statusFor(code))]; !ok {
				t.Errorf("%s: no response for %s", e.id, code)
			}
		}
	}
	for code := range maps.Keys(statusOf) {
		if provocations[code] == nil && code != codeMethodNotAllowed {
			t.Errorf("no test provokes %s", code)
		}
	}
}
