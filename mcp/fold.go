package mcp

import (
	"unicode"
	"unicode/utf8"
)

// SameName tells whether some server takes the member name a for b. Decoders
// have matched names by case (encoding/json, which knows that U+017F is an s;
// CVE-2026-27896), have cut them at or skipped U+0000 (GHSA-q382-vc8q-7jhj), and
// the Python SDK's models take task_id for taskId and meta for _meta.
func SameName(a, b string) bool {
	for {
		ra, na := nextFolded(a)
		rb, nb := nextFolded(b)
		if na == 0 || nb == 0 {
			return na == nb
		}
		if ra != rb {
			return false
		}
		a, b = a[na:], b[nb:]
	}
}

// foldName is the same for all names that are SameName.
func foldName(s string) string {
	var out []byte
	for {
		r, n := nextFolded(s)
		if n == 0 {
			return string(out)
		}
		out = utf8.AppendRune(out, r)
		s = s[n:]
	}
}

// nextFolded is the first rune of s that matters, folded, and how many bytes
// were read for it: 0 at the end.
func nextFolded(s string) (r rune, read int) {
	for read < len(s) {
		r, n := utf8.DecodeRuneInString(s[read:])
		read += n
		if r != 0 && r != '-' && r != '_' {
			return foldRune(r), read
		}
	}
	return 0, 0
}

// foldRune goes through upper case, so that ı and İ, which Java and Jackson take
// for an i, meet ſ and the Kelvin sign, which Go takes for an s and a k.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(unicode.ToUpper(r))
}
