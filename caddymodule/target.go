package caddymodule

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// methods are what an MCP server over HTTP knows. Others are answered here:
// TRACE would show the client the headers that the gateway adds, and CONNECT or
// an unknown method has no rule that could decide it.
const methods = "GET, HEAD, POST, DELETE"

// checkTarget refuses requests of which the upstream could read another method,
// path or protocol than the gateway.
func checkTarget(r *http.Request) *refusal {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete:
	default:
		return &refusal{
			status: http.StatusMethodNotAllowed,
			reason: tokenstore.ReasonMalformed,
			code:   "method_not_allowed",
			text:   "The method must be one of " + methods + ".",
			allow:  methods,
		}
	}
	if !canonical(r.URL.EscapedPath()) || !canonical(r.URL.Path) {
		return &refusal{
			status: http.StatusBadRequest,
			reason: tokenstore.ReasonMalformed,
			code:   "invalid_request",
			text: "The path is not canonical: send it without empty, . or .. segments, backslashes, semicolons, " +
				"control characters and encoded slashes or dots.",
		}
	}
	if upgrades(r.Header) {
		return &refusal{
			status: http.StatusBadRequest,
			reason: tokenstore.ReasonMalformed,
			code:   "invalid_request",
			text:   "Upgrades are not accepted: MCP over HTTP has no use for them.",
		}
	}
	return nil
}

// canonical reports whether all servers read path alike. It is asked about the
// encoded and about the decoded path, so that doubly encoded ones fail too.
func canonical(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || strings.ContainsAny(path, "\\;") || !utf8.ValidString(path) {
		return false
	}
	if strings.ContainsFunc(path, func(c rune) bool { return c < 0x20 || c == 0x7f }) {
		return false
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	if strings.IndexByte(path, '%') < 0 {
		return true
	}
	path = strings.ToLower(path)
	for _, code := range [...]string{"%2f", "%2e", "%5c", "%00", "%3b"} {
		if strings.Contains(path, code) {
			return false
		}
	}
	return true
}

// upgrades reports whether the client asks for a protocol other than a newer
// HTTP, which it may ask for in passing and which is not granted. A 101 answer
// would be a tunnel that no rule watches.
func upgrades(h http.Header) bool {
	for _, line := range h["Upgrade"] {
		for protocol := range strings.SplitSeq(line, ",") {
			protocol = strings.ToLower(strings.TrimSpace(protocol))
			if protocol != "" && protocol != "h2c" && !strings.HasPrefix(protocol, "http/") {
				return true
			}
		}
	}
	return false
}
