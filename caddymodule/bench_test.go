package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// BenchmarkServeHTTP is what the gateway adds to a request; Caddy's own
// preparation of requests is not counted.
func BenchmarkServeHTTP(b *testing.B) {
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok","arguments":{"a":1}}}`
	for _, tt := range []struct{ name, directive, method, body string }{
		{"a token", "require a.b", "GET", ""},
		{"a refused token", "require c.d", "GET", ""},
		{"a tool call", "{" + rules + "}", "POST", list},
	} {
		b.Run(tt.name, func(b *testing.B) {
			r := newRig(b, tt.directive)
			r.handlers[0].logger = zap.NewNop()
			_, secret := r.newToken(tokenstore.NewToken{Permissions: []string{"a.b"}})
			next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(http.StatusAccepted)
				return nil
			})
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				w := httptest.NewRecorder()
				req := httptest.NewRequest(tt.method, "/mcp", strings.NewReader(tt.body))
				req.Header["Authorization"] = []string{"Bearer " + secret}
				req.Header["Content-Type"] = []string{"application/json"}
				req = caddyhttp.PrepareRequest(req, caddy.NewReplacer(), w, new(caddyhttp.Server))
				b.StartTimer()
				if err := r.handlers[0].ServeHTTP(w, req, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
