package integration

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestIdentityHeadersAreTheGatewaysAlone(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.newToken(t, object{"permissions": []string{"blog.view_article"}, "user": "ada"})
	auth := "Authorization: " + tok.bearer()
	for _, name := range []string{"X-Mcp-Token-Id", "X-Mcp-Token-Name", "X-Mcp-Token-User", "X-Mcp-Token-Permissions", "X-Mcp-Assertion", "X-Mcp-Token-Anything"} {
		for _, spelling := range []string{
			name, strings.ToLower(name), strings.ToUpper(name),
			strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", "."), strings.Replace(strings.ToLower(name), "-", "_", 1),
		} {
			reached := f.passes(t, get("/read", auth, spelling+": forged", spelling+": forged twice"))
			for _, line := range reached.lines(name) {
				if strings.Contains(line, "forged") {
					t.Errorf("%s: the upstream got %q", spelling, line)
				}
			}
		}
	}
}

func TestAClientCannotRemoveIdentityHeaders(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.newToken(t, object{"permissions": []string{"blog.view_article"}, "user": "ada"})
	auth := "Authorization: " + tok.bearer()
	want := map[string]string{
		"X-Mcp-Token-Id":          tok.ID,
		"X-Mcp-Token-Name":        tok.Name,
		"X-Mcp-Token-User":        "ada",
		"X-Mcp-Token-Permissions": "blog.view_article",
	}
	for _, connection := range []string{
		"", "X-Mcp-Token-Id", "x-mcp-token-id, x-mcp-token-name", "close, X-Mcp-Token-User, keep-alive",
		"X-Mcp-Token-Permissions,X-Mcp-Token-Id,X-Mcp-Token-Name,X-Mcp-Token-User", "Authorization", " ,X-Mcp-Token-Id;q=1, X-Mcp-Token-Id",
	} {
		lines := []string{auth}
		if connection != "" {
			lines = append(lines, "Connection: "+connection)
		}
		reached := f.passes(t, get("/read", lines...))
		for name, value := range want {
			got, err := url.PathUnescape(reached.header.Get(name))
			if n := len(reached.lines(name)); n != 1 || err != nil || got != value {
				t.Errorf("Connection %q: %s is %d lines, %q, want %q", connection, name, n, got, value)
			}
		}
		if reached.lines("Authorization") != nil {
			t.Errorf("Connection %q: the upstream got the credential", connection)
		}
	}
}

func TestAHostileNameCannotBreakTheIdentityHeaders(t *testing.T) {
	t.Parallel()
	f := shared(t)
	for _, name := range []string{"Ünï ✓ " + unique(t), "100% \"a\", b; c=\\d " + unique(t), "%0d%0aX-Injected: y " + unique(t)} {
		tok := f.newToken(t, object{"name": name, "user": name, "permissions": []string{"blog.view_article"}})
		reached := f.passes(t, get("/read", "Authorization: "+tok.bearer()))
		for _, header := range []string{"X-Mcp-Token-Name", "X-Mcp-Token-User"} {
			value := reached.header.Get(header)
			if i := strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
				t.Errorf("%s holds %q", header, value[i:])
			}
			if got, err := url.PathUnescape(value); err != nil || got != name {
				t.Errorf("%s: %q is not %q: %v", header, got, name, err)
			}
		}
		if reached.lines("X-Injected") != nil {
			t.Error("a header was injected")
		}
	}
}

func TestPathTricksDoNotReachAnotherRoute(t *testing.T) {
	t.Parallel()
	f := shared(t)
	auth := "Authorization: " + f.holder(t, "blog.view_article").bearer() // may /read, not /both
	for _, target := range []string{
		"/read/../both", "/read/..%2fboth", "/read/%2e%2e/both", "/read/%2E%2e%2Fboth", "/read%2f..%2fboth",
		"/read/./../both", "/read/..;/both", "/read;/../both", "/read/x/../../both", "//both", "/./both", "/%2e/both",
		"/%62oth", "/both%00", "/both/%00/../../read", "/BOTH/../both", "/read/..\\both", "/read/..%5cboth",
		"/read/%252e%252e/both", "/both/../read", "/both/%2e%2e/read", "///read/..//both", "http://gateway.test/both", "http://gateway.test/read/../both",
		"/read/.%2e/both", "/read/%2e./both", "/read/..?/read", "/read/..#/read",
	} {
		a, reached := f.send(t, get(target, auth))
		if a.status/100 == 5 {
			t.Errorf("%s: status %d", target, a.status)
		}
		for _, r := range reached {
			for _, reading := range readings(r.target) {
				if slices.Contains(strings.Split(reading, "/"), "..") || strings.HasPrefix(strings.ToLower(path.Clean("/"+reading)), "/both") {
					t.Errorf("%s: the upstream got %q, which may be read as %q", target, r.target, reading)
				}
			}
		}
	}
}

// readings are the paths that an upstream may take a target for.
func readings(target string) []string {
	p, _, _ := strings.Cut(target, "?")
	all := []string{p}
	if decoded, err := url.PathUnescape(p); err == nil {
		all = append(all, decoded, strings.ReplaceAll(decoded, "\\", "/"))
	}
	return all
}

func TestAnAbsoluteTargetIsJudgedLikeAnyOther(t *testing.T) {
	t.Parallel()
	f := shared(t)
	auth := "Authorization: " + f.holder(t, "blog.view_article").bearer()
	f.refuses(t, get("http://evil.test/read"), missing)
	f.refuses(t, get("http://evil.test/both", auth), forbidden)
	if _, reached := f.send(t, get("http://evil.test/read", auth)); len(reached) == 1 && reached[0].target != "/read" {
		t.Errorf("the upstream got %q", reached[0].target)
	}
}

func TestMethodsOfNoUseAreRefused(t *testing.T) {
	t.Parallel()
	f := shared(t)
	auth := "Authorization: " + f.holder(t, "blog.view_article").bearer()
	for _, method := range []string{"TRACE", "TRACK", "FOO", "get", "PROPFIND"} {
		a, reached := f.send(t, method+strings.TrimPrefix(get("/read", auth), "GET"))
		if a.status != http.StatusMethodNotAllowed || len(reached) != 0 {
			t.Errorf("%s: status %d, %d requests upstream", method, a.status, len(reached))
		}
	}
	if a, reached := f.send(t, crlf("CONNECT upstream.test:443 HTTP/1.1\nHost: upstream.test:443\n"+auth+"\n\n")); a.status/100 == 2 || len(reached) != 0 {
		t.Errorf("CONNECT: status %d, %d requests upstream", a.status, len(reached))
	}
}

func TestEveryMethodNeedsAToken(t *testing.T) {
	t.Parallel()
	f := shared(t)
	may, mayNot := f.holder(t, "blog.view_article"), f.holder(t)
	for _, method := range []string{"GET", "POST", "DELETE", "HEAD"} {
		request := func(lines ...string) string {
			return method + strings.TrimPrefix(get("/read", append(lines, "Accept: text/event-stream", "Mcp-Session-Id: s")...), "GET")
		}
		for _, lines := range [][]string{nil, {"Authorization: " + mayNot.bearer()}, {"X-HTTP-Method-Override: OPTIONS"}, {"X-Method-Override: GET"}} {
			if a, reached := f.send(t, request(lines...)); a.status != http.StatusUnauthorized && a.status != http.StatusForbidden || len(reached) != 0 {
				t.Errorf("%s: status %d, %d requests upstream", method, a.status, len(reached))
			}
		}
		if method == "GET" || method == "POST" {
			// A session id that the gateway did not give out is no business of a
			// token check, but GET and POST without one are.
			f.passes(t, method+strings.TrimPrefix(get("/read", "Authorization: "+may.bearer()), "GET"))
		}
	}
}

func TestAForgedForwardedForIsNotBelieved(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	lines := []string{"X-Forwarded-For: 10.1.1.1", "X-Real-IP: 10.1.1.1", "Forwarded: for=10.1.1.1", "X-Forwarded-Proto: https", "Client-IP: 10.1.1.1"}
	reached := f.passes(t, get("/read", append(lines, "Authorization: "+tok.bearer())...))
	if got := reached.header["X-Forwarded-For"]; len(got) != 1 || got[0] != "127.0.0.1" {
		t.Errorf("the upstream got X-Forwarded-For %q", got)
	}
	if got := f.token(t, tok).LastUsedIP; got == nil || *got != "127.0.0.1" {
		t.Errorf("last used from %v", got)
	}
	inside := f.newToken(t, object{"permissions": []string{"blog.view_article"}, "allowed_cidrs": []string{"10.0.0.0/8"}})
	f.refuses(t, get("/read", append(lines, "Authorization: "+inside.bearer())...), invalid)
	loopback := f.newToken(t, object{"permissions": []string{"blog.view_article"}, "allowed_cidrs": []string{"10.0.0.0/8", "127.0.0.1/32"}})
	f.passes(t, get("/read", append(lines, "Authorization: "+loopback.bearer())...))
}

func TestAForeignOriginIsRefused(t *testing.T) {
	t.Parallel()
	f := shared(t)
	auth := "Authorization: " + f.holder(t, "blog.view_article").bearer()
	for _, origin := range []string{
		"http://evil.test", "https://gateway.test.evil.test", "null", "http://gateway.test:81", "", "http://gateway.test, http://evil.test",
		"file://", "http://gateway.test/", "http://gateway.test@evil.test", "gateway.test", "http://",
	} {
		a, reached := f.send(t, get("/read", auth, "Origin: "+origin))
		if a.status != http.StatusForbidden || len(reached) != 0 {
			t.Errorf("%q: status %d, %d requests upstream", origin, a.status, len(reached))
			continue
		}
		a.says(t)
	}
	if a, reached := f.send(t, get("/read", auth, "Origin: http://gateway.test", "Origin: http://evil.test")); a.status != http.StatusForbidden || len(reached) != 0 {
		t.Errorf("two lines: status %d, %d requests upstream", a.status, len(reached))
	}
	own := func(origin string) string {
		return strings.Replace(get("/read", auth, "Origin: http://"+origin), "gateway.test", f.site, 1)
	}
	f.passes(t, own(f.site))
	// A page whose name was rebound to loopback looks like one of ours, but for
	// the name.
	if a, reached := f.send(t, get("/read", auth, "Origin: http://gateway.test")); a.status != http.StatusForbidden || len(reached) != 0 {
		t.Errorf("a rebound name: status %d, %d requests upstream", a.status, len(reached))
	}
	f.passes(t, get("/read", auth))
}
