package page

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

var paths = []string{"/", "/tokens", "/tokens/new", "/groups", "/groups/new", "/access", "/audit", "/check", "/nowhere", "/api/tokens"}

func TestWithoutASessionNothingIsShown(t *testing.T) {
	s := open(t)
	s.token("payroll agent", "blog.view_article")
	for _, path := range paths {
		got := s.get(path)
		if got.status != http.StatusUnauthorized || strings.Contains(got.body, "payroll agent") {
			t.Errorf("%s: status %d\n%s", path, got.status, got.body)
		}
	}
}

func TestEveryAnswerBindsTheBrowser(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	for _, path := range append(paths, "/assets/app.css") {
		h := s.get(path).header
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if !strings.Contains(h.Get(name), want) {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if csp := h.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: %s", path, csp)
		}
		if got := h.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s allows other origins", path)
		}
	}
}

func TestOnlyManagementTokensSignIn(t *testing.T) {
	s := open(t)
	_, data := s.token("agent", "blog.view_article", "*")
	_, disabled := s.token("gone", "mcp_token.*")
	if _, err := s.service.SetActive(t.Context(), local, disabled[4:20], 0, false, ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, secret string
		status       int
	}{
		{"a data token, even one that may do everything", data, http.StatusForbidden},
		{"a disabled one", disabled, http.StatusUnauthorized},
		{"nonsense", "hunter2", http.StatusUnauthorized},
		{"nothing", "", http.StatusUnauthorized},
	} {
		got := s.post("/", url.Values{"token": {c.secret}})
		if got.status != c.status || len(got.header.Values("Set-Cookie")) != 0 {
			t.Errorf("%s: status %d, cookies %v", c.name, got.status, got.header.Values("Set-Cookie"))
		}
	}
}

func TestFailedSignInsAreLimitedAndARightTokenPassesAlways(t *testing.T) {
	s := open(t)
	var last answer
	for range failuresBurst + 5 {
		last = s.post("/", url.Values{"token": {"wrong"}})
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" {
		t.Errorf("status %d", last.status)
	}
	s.signIn("admin", "mcp_token.*")
}

func TestTheSessionCookieIsOutOfReach(t *testing.T) {
	s := open(t)
	_, secret := s.token("admin", "mcp_token.*")
	got := s.post("/", url.Values{"token": {secret}})
	cookie := got.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("%q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, secret) || strings.Contains(cookie, secret[4:20]) {
		t.Error("the cookie holds the token")
	}
}

func TestASignInCountsAsAUse(t *testing.T) {
	s := open(t)
	admin := s.signIn("admin", "mcp_token.*")
	if now, err := s.service.Token(admin.ID); err != nil || now.LastUsedAt == nil {
		t.Errorf("last used %v, %v", now.LastUsedAt, err)
	}
}

func TestASignInMakesANewSession(t *testing.T) {
	s := open(t)
	base, _ := url.Parse(s.url)
	planted := &http.Cookie{Name: "mcp_token_session", Value: "planted-by-somebody", Path: "/"}
	s.browser.Jar.SetCookies(base, []*http.Cookie{planted})
	s.signIn("admin", "mcp_token.*")
	if now := s.browser.Jar.Cookies(base); len(now) != 1 || now[0].Value == planted.Value {
		t.Errorf("the session goes by %v", now)
	}
}

func TestASessionEndsWithItsToken(t *testing.T) {
	for name, end := range map[string]func(*site, tokenstore.Record) error{
		"disabled": func(s *site, r tokenstore.Record) error {
			_, err := s.service.SetActive(s.Context(), local, r.ID, 0, false, "")
			return err
		},
		"deleted": func(s *site, r tokenstore.Record) error {
			return s.service.DeleteToken(s.Context(), local, r.ID, 0)
		},
		"rotated": func(s *site, r tokenstore.Record) error {
			_, _, err := s.service.RotateToken(s.Context(), local, r.ID, 0, tokenstore.RotateOptions{})
			return err
		},
		"stripped of its rights": func(s *site, r tokenstore.Record) error {
			_, err := s.service.UpdateToken(s.Context(), local, r.ID, 0, tokenstore.TokenPatch{Permissions: &[]string{"blog.view_article"}})
			return err
		},
		"bound to another address": func(s *site, r tokenstore.Record) error {
			_, err := s.service.UpdateToken(s.Context(), local, r.ID, 0, tokenstore.TokenPatch{AllowedCIDRs: &[]string{"192.0.2.0/24"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			admin := s.signIn("admin", "mcp_token.*")
			if got := s.get("/tokens"); got.status != http.StatusOK {
				t.Fatalf("before: status %d", got.status)
			}
			if err := end(s, admin); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/tokens", "/api/tokens"} {
				if got := s.get(path); got.status != http.StatusUnauthorized {
					t.Errorf("%s after: status %d", path, got.status)
				}
			}
		})
	}
}

func TestASessionEndsAfterIdleAndAbsoluteTime(t *testing.T) {
	begin := time.Now()
	all := newSessions()
	request := func(value string) *http.Request {
		r, _ := http.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "mcp_token_session", Value: value})
		return r
	}
	idle := all.open("tok_a", "key", begin)
	if _, _, ok := all.find(request(idle), begin.Add(idleTimeout-time.Second)); !ok {
		t.Error("ended before the idle time")
	}
	if _, _, ok := all.find(request(idle), begin.Add(2*idleTimeout)); ok {
		t.Error("lives on after the idle time")
	}
	busy := all.open("tok_a", "key", begin)
	for at := begin; at.Before(begin.Add(maxSession)); at = at.Add(10 * time.Minute) {
		if _, _, ok := all.find(request(busy), at); !ok {
			t.Fatalf("ended after %s", at.Sub(begin))
		}
	}
	if _, _, ok := all.find(request(busy), begin.Add(maxSession)); ok {
		t.Error("lives on after the absolute time")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	all, now := newSessions(), time.Now()
	for i := range maxSessions + 10 {
		all.open("tok_a", "key", now.Add(time.Duration(i)))
	}
	if len(all.m) != maxSessions {
		t.Errorf("%d sessions", len(all.m))
	}
}

func TestSignOutEndsTheSessionOnTheServer(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	base, _ := url.Parse(s.url)
	kept := s.browser.Jar.Cookies(base)
	s.post("/sign-out", nil)
	s.browser.Jar.SetCookies(base, kept)
	if got := s.get("/tokens"); got.status != http.StatusUnauthorized {
		t.Errorf("the cookie still works: status %d", got.status)
	}
}

func TestAForeignHostGetsNothing(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	for _, host := range []string{"evil.example", "evil.example:8090", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""} {
		for _, path := range []string{"/", "/tokens", "/api/tokens", "/assets/app.js"} {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
			if r.Host = host; host == "" {
				r.Host = "x"
			}
			if got := s.send(r); got.status != http.StatusMisdirectedRequest {
				t.Errorf("Host %q, %s: status %d", host, path, got.status)
			}
		}
	}
}

func TestAnotherSiteChangesNothing(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	victim, _ := s.token("victim")
	for name, set := range map[string]func(http.Header){
		"another site":               func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
		"another port of this host":  func(h http.Header) { h.Set("Sec-Fetch-Site", "same-site") },
		"an older browser":           func(h http.Header) { h.Set("Origin", "https://evil.example") },
		"an origin that is withheld": func(h http.Header) { h.Set("Origin", "null") },
	} {
		for _, path := range []string{"/tokens/" + victim.ID + "/disable", "/api/tokens/" + victim.ID + "/disable", "/tokens/bulk", "/sign-out"} {
			r, _ := http.NewRequestWithContext(t.Context(), "POST", s.url+path, strings.NewReader("action=disable&id="+victim.ID))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			set(r.Header)
			if got := s.send(r); got.status != http.StatusForbidden {
				t.Errorf("%s, %s: status %d", name, path, got.status)
			}
		}
	}
	if now, _ := s.service.Token(victim.ID); !now.IsActive {
		t.Error("the token was disabled")
	}
}

func TestReadingNeverChanges(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	victim, _ := s.token("victim")
	for _, action := range []string{"disable", "enable", "rotate", "delete", "end"} {
		if got := s.get("/tokens/" + victim.ID + "/" + action); got.status != http.StatusNotFound && got.status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: status %d", action, got.status)
		}
	}
	if now, _ := s.service.Token(victim.ID); now.Version != victim.Version {
		t.Error("a GET changed the token")
	}
}

func TestTheAPITakesTheSessionOrABearerToken(t *testing.T) {
	s := open(t)
	_, data := s.token("agent", "*")
	_, reader := s.token("reader", "mcp_token.view_token")
	bearer := func(lines ...string) answer {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/api/tokens", nil)
		r.Header["Authorization"] = lines
		return s.send(r)
	}
	for _, c := range []struct {
		name  string
		lines []string
		want  int
	}{
		{"a management token", []string{"bearer " + reader}, http.StatusOK},
		{"a data token", []string{"Bearer " + data}, http.StatusUnauthorized},
		{"another scheme", []string{"Basic " + reader}, http.StatusUnauthorized},
		{"two lines", []string{"Bearer " + reader, "Bearer " + reader}, http.StatusUnauthorized},
	} {
		if got := bearer(c.lines...); got.status != c.want {
			t.Errorf("%s: status %d, want %d: %s", c.name, got.status, c.want, got.body)
		}
	}
	s.signIn("admin", "mcp_token.*")
	got := s.get("/api/tokens")
	var list struct{ Total int }
	if json.Unmarshal([]byte(got.body), &list) != nil || got.status != http.StatusOK || list.Total != 3 {
		t.Errorf("with the session: status %d, %s", got.status, got.body)
	}
}
