package caddymodule

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// checkOrigin refuses requests that a page of another site makes in a browser.
// The MCP transport asks for it: a page that rebinds its name to this address
// would otherwise reach servers on the user's own machine. Programs send no
// Origin.
func (e *exchange) checkOrigin() *refusal {
	origins := e.r.Header["Origin"]
	if len(origins) == 0 {
		return nil
	}
	if len(origins) > 1 || !e.h.allowsOrigin(e.r, origins[0]) {
		return &refusal{
			status: http.StatusForbidden, reason: tokenstore.ReasonOrigin,
			code: "forbidden_origin", text: "Pages of this origin may not use the server; allowed_origins lists those that may.",
		}
	}
	e.origin = origins[0]
	return nil
}

func (h *Handler) allowsOrigin(r *http.Request, origin string) bool {
	if slices.Contains(h.AllowedOrigins, "*") || slices.Contains(h.AllowedOrigins, strings.ToLower(origin)) {
		return true
	}
	return sameOrigin(r, origin)
}

// sameOrigin reports whether the page came from the host that it asks. On a
// loopback listener the host must have a loopback name: after rebinding, a
// foreign page looks like one of our own.
func sameOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, r.Host) {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	addr, err := netip.ParseAddrPort(local.String())
	return err != nil || !addr.Addr().Unmap().IsLoopback() || isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Headers of cross-origin requests that an MCP client in a browser needs. Those
// whose names begin with Mcp- are allowed too: tools define some of their own.
const (
	corsMethods = "GET, POST, DELETE"
	corsExpose  = "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After"
	corsMaxAge  = "7200" // seconds; browsers keep no answer for longer
)

var corsHeaders = []string{"accept", "authorization", "content-type", "last-event-id"}

// allowOrigin lets the page read the answer. The upstream's own opinion does
// not count: it does not know who may use the gateway.
func (e *exchange) allowOrigin(h http.Header) {
	if len(e.h.AllowedOrigins) == 0 {
		return
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	h.Add("Vary", "Origin")
	if e.origin != "" {
		h["Access-Control-Allow-Origin"] = []string{e.origin}
		h["Access-Control-Expose-Headers"] = []string{corsExpose}
	}
}

// preflight answers a browser that asks whether a page may make a request. It
// does not ask for a token: browsers send none along.
func (e *exchange) preflight() bool {
	r := e.r
	if r.Method != http.MethodOptions || len(e.h.AllowedOrigins) == 0 ||
		r.Header.Get("Access-Control-Request-Method") == "" || e.checkOrigin() != nil || e.origin == "" {
		return false
	}
	h := e.w.Header()
	e.allowOrigin(h)
	h["Access-Control-Allow-Methods"] = []string{corsMethods}
	h["Access-Control-Max-Age"] = []string{corsMaxAge}
	if asked := allowedHeaders(r.Header.Values("Access-Control-Request-Headers")); len(asked) > 0 {
		h["Access-Control-Allow-Headers"] = []string{strings.Join(asked, ", ")}
	}
	e.w.WriteHeader(http.StatusNoContent)
	return true
}

func allowedHeaders(lines []string) []string {
	var allowed []string
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			mcp := strings.HasPrefix(name, "mcp-") && !strings.ContainsFunc(name, func(c rune) bool { return !isTokenChar(c) })
			if mcp || slices.Contains(corsHeaders, name) {
				allowed = append(allowed, name)
			}
		}
	}
	return allowed
}

// checkOriginSyntax refuses what no browser would ever send as Origin.
func checkOriginSyntax(origin string) error {
	if origin == "*" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("allowed_origins: %q is not an origin: expected a scheme and a host, as https://app.example.com, or *", origin)
	}
	return nil
}
