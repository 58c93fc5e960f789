package policy

import (
	"strings"
)

// oddURI says why a URI may name another place than its text shows: a server
// that resolves dot segments or decodes twice could be led out of what a glob
// with a star encloses. Such a URI is matched only by a rule that spells it out.
// The answer is empty for a plain URI.
func oddURI(uri string) string {
	if strings.Trim(uri, " ") != uri {
		return "a space at its end"
	}
	for i := range len(uri) {
		switch c := uri[i]; {
		case c < 0x20 || c == 0x7f:
			return "a control character"
		case c == '\\':
			return `a backslash`
		case c == '.' && (i == 0 || endsSegment(uri[i-1])):
			rest := strings.TrimPrefix(uri[i+1:], ".")
			if rest == "" || endsSegment(rest[0]) {
				return `a "." or ".." segment`
			}
		case c == '%':
			if hidden(uri[i+1:]) {
				return "an escape that is broken or hides a plain character, a slash or a control character"
			}
		}
	}
	return ""
}

// endsSegment reports whether a path segment may end at c, or begin after it,
// for at least one of the servers out there.
func endsSegment(c byte) bool {
	return strings.IndexByte("/:;?#&=", c) >= 0
}

// hidden reports whether the escape whose % is in front of s is broken, or
// stands for a character that has no need of one (RFC 3986 §2.3), for a
// separator, for a control character or for the overlong UTF-8 of one. %25 is
// followed: it becomes the next escape in a server that decodes twice.
func hidden(s string) bool {
	twice := false
	for strings.HasPrefix(s, "25") {
		s, twice = s[2:], true
	}
	if len(s) < 2 || !isHex(s[0]) || !isHex(s[1]) {
		return !twice
	}
	c := unhex(s[0])<<4 | unhex(s[1])
	switch {
	case c < 0x20, c == 0x7f, c == 0xc0, c == 0xc1:
		return true
	case c == '/', c == '\\':
		return true
	}
	return isUnreserved(c)
}

// isUnreserved is RFC 3986 §2.3.
func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// templateGlob turns a URI template (RFC 6570) into the glob of all URIs that
// it may expand to, and reports whether it has any expression at all.
func templateGlob(template string) (glob, bool) {
	var b strings.Builder
	star := false
	for s := template; s != ""; {
		if s[0] == '{' {
			if end := strings.IndexByte(s, '}'); end > 0 {
				s = s[end+1:]
				if !strings.HasSuffix(b.String(), "*") {
					b.WriteByte('*')
				}
				star = true
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return newGlob(b.String()), star
}
