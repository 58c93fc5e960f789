package caddymodule

import (
	"net/http"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestForeignPagesAreRefused(t *testing.T) {
	r := newRig(t, "{\n require a.b\n}")
	_, secret := r.token("a.b")
	for _, tt := range []struct {
		name, host string
		origins    []string
		status     int
	}{
		{"no page", "localhost:8080", nil, 200},
		{"no page, whatever the host", "mcp.example.com", nil, 200},
		{"its own page", "localhost:8080", []string{"http://localhost:8080"}, 200},
		{"its own page by address", "127.0.0.1:8080", []string{"http://127.0.0.1:8080"}, 200},
		{"another port", "localhost:8080", []string{"http://localhost:8081"}, 403},
		{"another site", "localhost:8080", []string{"https://evil.example.com"}, 403},
		{"a rebound name", "evil.example.com:8080", []string{"http://evil.example.com:8080"}, 403},
		{"a name that begins alike", "localhost:8080", []string{"http://localhost:8080.evil.example.com"}, 403},
		{"a user that looks like a host", "localhost:8080", []string{"http://localhost:8080@evil.example.com"}, 403},
		{"an opaque origin", "localhost:8080", []string{"null"}, 403},
		{"an empty origin", "localhost:8080", []string{""}, 403},
		{"an extension", "localhost:8080", []string{"chrome-extension://abc"}, 403},
		{"two origins", "localhost:8080", []string{"http://localhost:8080", "https://evil.example.com"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := []string{"GET /mcp HTTP/1.1", "Host: " + tt.host, "Connection: close", bearer(secret)}
			for _, origin := range tt.origins {
				lines = append(lines, "Origin: "+origin)
			}
			r.want(r.raw(lines...), tt.status, tokenstore.ReasonOrigin)
		})
	}
	for name := range r.last().Header {
		if name == "Origin" {
			t.Error("the upstream judges the origin once more")
		}
	}
}

func TestAllowedOriginsMayUseTheServerFromABrowser(t *testing.T) {
	r := newRig(t, "{\n require a.b\n allowed_origins https://App.example.com\n}")
	_, secret := r.token("a.b")
	r.upstream = func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		return nil
	}
	const origin = "Origin: https://app.example.com"

	asks := r.raw("OPTIONS /mcp HTTP/1.1", "Host: gw", "Connection: close", origin, "Access-Control-Request-Method: POST",
		"Access-Control-Request-Headers: authorization, content-type, x-evil, mcp-param-a")
	if asks.StatusCode != http.StatusNoContent || asks.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		asks.Header.Get("Access-Control-Allow-Headers") != "authorization, content-type, mcp-param-a" || asks.Header.Get("Vary") != "Origin" {
		t.Errorf("preflight: %d %v", asks.StatusCode, asks.Header)
	}
	for name, a := range map[string]answer{"allowed": r.get("/mcp", origin, bearer(secret)), "refused": r.get("/mcp", origin)} {
		if got := a.Header["Access-Control-Allow-Origin"]; len(got) != 1 || got[0] != "https://app.example.com" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", name, got)
		}
		if a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: the upstream's opinion went out", name)
		}
	}
	evil := r.raw("OPTIONS /mcp HTTP/1.1", "Host: gw", "Connection: close", "Origin: https://evil.example.com", "Access-Control-Request-Method: POST")
	if evil.StatusCode != http.StatusForbidden || evil.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of a foreign page: %d %v", evil.StatusCode, evil.Header)
	}
}
