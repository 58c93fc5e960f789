package caddymodule

import (
	"net/http"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// maxCredential bounds the Authorization line, in bytes, before anything looks
// at it: a 15 kB token costs no more than a right one.
const maxCredential = 256

// credential returns the secret in the request's Authorization line.
func credential(r *http.Request) (tokenstore.Secret, *refusal) {
	lines := r.Header["Authorization"]
	if len(lines) == 0 {
		return tokenstore.Secret{}, errMissing
	}
	// Gateway and server could each believe another of two lines (RFC 9110
	// section 11.6.2 allows one).
	if len(lines) > 1 {
		return tokenstore.Secret{}, malformed("Send exactly one Authorization header line.")
	}
	line := lines[0]
	if line == "" {
		return tokenstore.Secret{}, malformed("The Authorization header is empty. Send: Authorization: Bearer <token>.")
	}
	scheme, rest := cutScheme(line)
	if !strings.EqualFold(scheme, "Bearer") { // case-insensitive: RFC 9110 section 11.1
		return tokenstore.Secret{}, errMissing
	}
	if len(line) > maxCredential {
		return tokenstore.Secret{}, errBadToken
	}
	token := strings.TrimLeft(rest, " ") // 1*SP
	if token == "" || len(token) == len(rest) || strings.ContainsAny(token, " \t,") {
		return tokenstore.Secret{}, malformed("The Authorization header must be: Bearer, a space, and one token.")
	}
	secret, err := tokenstore.ParseSecret(token)
	if err != nil {
		return tokenstore.Secret{}, errBadToken
	}
	return secret, nil
}

// cutScheme splits line after the auth-scheme, which is an RFC 9110 token.
func cutScheme(line string) (scheme, rest string) {
	end := strings.IndexFunc(line, func(c rune) bool {
		return !isTokenChar(c)
	})
	if end < 0 {
		return line, ""
	}
	return line[:end], line[end:]
}

func isTokenChar(c rune) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

// secretLength is the length of every secret, in bytes.
const secretLength = 64

// secretInURL returns the key of a token that stands in the request's URL,
// where it ends up in histories and logs (RFC 6750 section 2.3), or "".
func secretInURL(r *http.Request) string {
	// RequestURI is what the access log shows, whatever was rewritten since.
	for _, s := range [...]string{r.RequestURI, r.URL.Path, r.URL.RawQuery} {
		if key := findSecret(s); key != "" {
			return key
		}
		if strings.IndexByte(s, '%') >= 0 {
			if key := findSecret(unescape(s)); key != "" {
				return key
			}
		}
	}
	return ""
}

func findSecret(s string) string {
	for {
		i := strings.Index(s, "mcp_")
		if i < 0 || len(s)-i < secretLength {
			return ""
		}
		s = s[i:]
		if secret, err := tokenstore.ParseSecret(s[:secretLength]); err == nil {
			return secret.Key()
		}
		s = s[1:]
	}
}

// unescape undoes percent-encoding and leaves alone what is not encoded well:
// the url package would give up on the whole string.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
