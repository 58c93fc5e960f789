package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxStars is how many stars a glob may have, and so the highest {n} in a
// permission.
const maxStars = 9

// Names and URIs beyond these lengths, in bytes, match nothing. The protocol
// wants tool names of at most 128 characters.
const (
	maxName = 1024
	maxURI  = 8192
)

// captures are what the stars of a glob matched, in order.
type captures [maxStars]string

// glob is a pattern in which * matches any run of bytes, the empty one
// included, and everything else matches itself.
type glob struct {
	text string

	// parts is what stands before, between and behind the stars: one more than
	// there are stars.
	parts []string
}

// compileGlob reads a glob for names of the given kind.
func compileGlob(kind Kind, text string) (glob, error) {
	if err := checkGlob(kind, text); err != nil {
		return glob{}, err
	}
	return newGlob(text), nil
}

func newGlob(text string) glob {
	return glob{text: text, parts: strings.Split(text, "*")}
}

// checkGlob refuses what cannot match anything, and what looks like another
// glob language: a rule that silently means less than its author thinks is a
// hole if it is a deny rule.
func checkGlob(kind Kind, text string) error {
	switch {
	case text == "":
		return errors.New("it is empty; expected a name, or a glob like list_*")
	case len(text) > maxName:
		return fmt.Errorf("it has %d bytes; at most %d are allowed", len(text), maxName)
	case !utf8.ValidString(text):
		return errors.New("it is not valid UTF-8")
	case strings.ContainsFunc(text, unicode.IsControl):
		return errors.New("it holds a control character")
	case strings.TrimSpace(text) != text:
		return errors.New("it begins or ends with a space")
	case strings.Contains(text, "**"):
		return errors.New("it has two stars in a row; one * already matches any run of characters, slashes included")
	case strings.Count(text, "*") > maxStars:
		return fmt.Errorf("it has %d stars; at most %d are allowed", strings.Count(text, "*"), maxStars)
	case strings.Contains(text, "{args[") || strings.Contains(text, "{args."):
		return errors.New("{args…} is replaced only inside a snippet that is imported with arguments")
	}
	if kind != KindResource {
		if i := strings.IndexAny(text, `?[]{}\`); i >= 0 {
			return fmt.Errorf("it holds %q; only * is special in a glob, and no %s name holds that character", text[i], kind)
		}
		return nil
	}
	if strings.ContainsAny(text, "{}") {
		return errors.New("it holds a brace, which no URI does; write * for an expression of a URI template")
	}
	if strings.Contains(text, "*") {
		if why := oddURI(text); why != "" {
			return fmt.Errorf("it has %s, and no URI spelled so is matched by a glob with a star", why)
		}
	}
	return nil
}

// stars is the number of stars.
func (g *glob) stars() int { return len(g.parts) - 1 }

// match reports whether g matches the whole of s, and puts into caps, unless it
// is nil, what each star took: the first as little as possible, then the second,
// and so on.
//
// Taking the leftmost place of each part in turn finds a match whenever there
// is one, because the star behind the part can take any rest. So the time is
// linear in s, with no backtracking to be abused.
func (g *glob) match(s string, caps *captures) bool {
	last := len(g.parts) - 1
	if last == 0 {
		return s == g.parts[0]
	}
	head, tail := g.parts[0], g.parts[last]
	if len(s) < len(head)+len(tail) || !strings.HasPrefix(s, head) || !strings.HasSuffix(s, tail) {
		return false
	}
	rest := s[len(head) : len(s)-len(tail)]
	for i, part := range g.parts[1:last] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		if caps != nil {
			caps[i] = rest[:at]
		}
		rest = rest[at+len(part):]
	}
	if caps != nil {
		caps[last-1] = rest
	}
	return true
}

// covers reports whether g matches everything that other matches. A star in
// other's text stands for strings that g cannot know, so only a star of g can
// match it: no part of g holds a star.
func (g *glob) covers(other *glob) bool {
	return g.match(other.text, nil)
}

// overlaps reports whether some string is matched by both. Between two globs
// with stars only their ends can clash: what stands in the middle of each can
// follow one another.
func (g *glob) overlaps(other *glob) bool {
	switch {
	case g.stars() == 0:
		return other.match(g.text, nil)
	case other.stars() == 0:
		return g.match(other.text, nil)
	}
	a, b := g.parts[0], other.parts[0]
	y, z := g.parts[g.stars()], other.parts[other.stars()]
	return (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) &&
		(strings.HasSuffix(y, z) || strings.HasSuffix(z, y))
}
