package command

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable returns s with everything escaped that would steer a terminal or
// show text in another order than it is written: control and format characters
// and invalid UTF-8. Line feeds and tabs stay. Names are chosen by others, and
// a client's User-Agent or path can end up in the audit trail.
func printable(s string) string {
	return escape(s, func(r rune) bool { return r == '\n' || r == '\t' })
}

// oneLine is printable for a cell or a value: line feeds and tabs are escaped
// too.
func oneLine(s string) string {
	return escape(s, func(rune) bool { return false })
}

func escape(s string, keep func(rune) bool) string {
	var b strings.Builder
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				fmt.Fprintf(&b, `\x%02x`, s[i])
				continue
			}
		}
		switch {
		case keep(r) || harmless(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// harmless reports whether a terminal may have r as it is. Zero-width joiners
// are part of many scripts and of emoji, and move nothing.
func harmless(r rune) bool {
	return r == ' ' || r == '\u200c' || r == '\u200d' || unicode.IsPrint(r) || unicode.In(r, unicode.Co)
}

// printableJSON escapes, in a JSON text, the characters that printable escapes,
// as JSON does it: the value stays the same.
func printableJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		// Below 0x20, JSON has raw characters between values only.
		case r < utf8.RuneSelf && r != 0x7f, harmless(r) && r != utf8.RuneError:
			out = append(out, text[:size]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}
