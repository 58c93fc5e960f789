package caddymodule

import (
	"net/http"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Headers that tell the upstream who calls. Every header of the client's whose
// name begins with identityPrefix is deleted, whether or not they are set.
const (
	identityPrefix    = "x-mcp-token-"
	headerID          = "X-Mcp-Token-Id"
	headerName        = "X-Mcp-Token-Name"
	headerUser        = "X-Mcp-Token-User"
	headerPermissions = "X-Mcp-Token-Permissions"
	headerAssertion   = "X-Mcp-Assertion"
)

// cleanRequest takes from the request what must not reach the upstream: the
// client's credential (MCP forbids passing it through), identity that it claims
// for itself, the origin, which has been judged and which servers on loopback
// refuse, and what would make the proxy drop or bend the rest.
func cleanRequest(r *http.Request) {
	for name := range r.Header {
		// No other letter begins what is looked for; folding costs more.
		if name == "" || strings.IndexByte("aAhHmMoOuUxX", name[0]) < 0 {
			continue
		}
		switch folded := fold(name); {
		case folded == "authorization", folded == "origin", folded == "upgrade", folded == "http2-settings",
			folded == "x-http-method-override", folded == "x-http-method", folded == "x-method-override",
			folded == fold(headerAssertion), folded == "mcp-session-id" && name != sessionHeader,
			strings.HasPrefix(folded, identityPrefix):
			delete(r.Header, name)
		}
	}
	// The proxy deletes what Connection names: "Connection: X-Mcp-Token-Id"
	// would make the caller anonymous to the upstream.
	neutralizeConnection(r.Header)
	// Trailers arrive after the checks.
	r.Trailer = nil
}

// fold maps a header's name as CGI and WSGI servers do, to which X_Mcp_Token_Id
// and X.Mcp.Token.Id are X-Mcp-Token-Id.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '_' || c == '.':
			return '-'
		case 'A' <= c && c <= 'Z':
			return c - 'A' + 'a'
		}
		return c
	}, name)
}

func neutralizeConnection(h http.Header) {
	lines, ok := h["Connection"]
	if !ok {
		return
	}
	var kept []string
	for _, line := range lines {
		for option := range strings.SplitSeq(line, ",") {
			switch option = strings.ToLower(strings.TrimSpace(option)); option {
			case "close", "keep-alive", "te":
				kept = append(kept, option)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Connection")
		return
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}

// setIdentity tells the upstream who calls.
func setIdentity(h http.Header, token *tokenstore.Token, grants *tokenstore.Grants) {
	h[headerID] = []string{escape(token.ID)}
	h[headerName] = []string{escape(token.Name)}
	if token.User != "" {
		h[headerUser] = []string{escape(token.User)}
	}
	// Permissions are of an alphabet that needs no escaping.
	h[headerPermissions] = []string{strings.Join(grants.List(), " ")}
}

// escape percent-encodes all but visible ASCII, and the percent sign, so that
// no name can break a header or be read in two ways.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	if !strings.ContainsFunc(s, escaped) {
		return s // as most names are
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; escaped(rune(c)) {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func escaped(c rune) bool { return c <= ' ' || c >= 0x7f || c == '%' }
