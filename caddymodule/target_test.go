package caddymodule

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestPathsThatServersReadDifferentlyAreRefused(t *testing.T) {
	r := newRig(t, "require a.b")
	_, secret := r.token("a.b")
	for _, path := range []string{
		"/mcp/../admin", "/mcp/..", "/mcp/.", "/./mcp", "//mcp", "/mcp//x", "/mcp/%2e%2e/admin", "/mcp/%2E/x", "/mcp%2fadmin", "/mcp%2Fadmin",
		"/mcp%5cadmin", "/mcp\\admin", "/mcp%00", "/mcp/..;/admin", "/mcp;x=1/admin", "/mcp%3bx", "/mcp/%252e%252e/admin", "/mcp%252fadmin",
		"/mcp%0d%0aX:%20y", "/mcp%09", "/mcp%7f", "/mcp%ff", "/mcp/%c0%ae%c0%ae/admin",
	} {
		before := r.got()
		r.want(r.get(path, bearer(secret)), http.StatusBadRequest, tokenstore.ReasonMalformed)
		if r.got() > before {
			t.Errorf("%s reached the upstream", path)
		}
	}
	for _, path := range []string{"/", "/mcp", "/mcp/", "/mcp/a.b", "/mcp/..a/b..", "/m%C3%A4p", "/mcp?next=//x/../y;z%2f", "/mcp/100%25"} {
		r.want(r.get(path, bearer(secret)), http.StatusOK, "")
	}
}

func FuzzCanonicalPathsStayInPlace(f *testing.F) {
	for _, path := range []string{"/a/b", "/a/../b", "/a%2fb", "/a%252e", "/..%5c"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil || !canonical(u.EscapedPath()) || !canonical(u.Path) {
			return
		}
		// Whoever decodes once more, resolves dots or joins slashes gets nowhere else.
		path := u.Path
		if again, err := url.PathUnescape(path); err == nil {
			path = again
		}
		if resolved := u.JoinPath().Path; resolved != u.Path || strings.Count(path, "/") != strings.Count(u.Path, "/") {
			t.Fatalf("%q: %q can be read as %q", raw, u.Path, resolved)
		}
	})
}

func TestOddMethodsAreNotAllowed(t *testing.T) {
	r := newRig(t, "require a.b")
	_, secret := r.token("a.b")
	for _, method := range []string{"TRACE", "CONNECT", "PUT", "PATCH", "OPTIONS", "PROPFIND", "get", "GETS"} {
		a := r.raw(method+" /mcp HTTP/1.1", "Host: localhost", "Connection: close", bearer(secret))
		r.want(a, http.StatusMethodNotAllowed, tokenstore.ReasonMalformed)
		if a.Header.Get("Allow") != methods {
			t.Errorf("%s: Allow %q", method, a.Header.Get("Allow"))
		}
	}
	if r.got() != 0 {
		t.Error("one of them reached the upstream")
	}
}

func TestUpgradesDoNotReachTheUpstream(t *testing.T) {
	r := newRig(t, "require a.b")
	_, secret := r.token("a.b")
	a := r.raw("GET /mcp HTTP/1.1", "Host: localhost", bearer(secret), "Connection: Upgrade, close", "Upgrade: websocket")
	r.want(a, http.StatusBadRequest, tokenstore.ReasonMalformed)
	a = r.raw("GET /mcp HTTP/1.1", "Host: localhost", bearer(secret), "Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
	r.want(a, http.StatusOK, "")
	for _, name := range []string{"Upgrade", "Http2-Settings"} {
		if r.last().Header.Get(name) != "" {
			t.Errorf("the upstream got %s", name)
		}
	}
	if got := r.last().Header.Get("Connection"); got != "close" {
		t.Errorf("the upstream got Connection: %s", got)
	}
}
