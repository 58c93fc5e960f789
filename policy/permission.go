package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// permission is a requirement of a rule: literal, or with captures.
type permission struct {
	text string

	// pieces is nil for a literal. Otherwise the permission is their texts and
	// captures, joined.
	pieces []piece
}

// piece is literal text, or the capture of a star.
type piece struct {
	text    string
	star    int  // counts from 1; 0 for literal text
	inLabel bool // the capture stands before the dot, in the app label
}

// compilePermission reads a requirement whose captures must be among the stars
// of every glob.
func compilePermission(text string, globs []glob) (permission, error) {
	if !strings.ContainsAny(text, "{}") {
		return permission{text: text}, tokenstore.CheckPermission(text)
	}
	p := permission{text: text}
	inLabel, sample := true, ""
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		if before != "" {
			p.pieces = append(p.pieces, piece{text: before})
			sample += before
			inLabel = inLabel && !strings.Contains(before, ".")
		}
		if !found {
			break
		}
		inside, behind, closed := strings.Cut(after, "}")
		if !closed {
			return p, fmt.Errorf("permission %q: a brace is not closed; expected {1}", text)
		}
		star, err := starNumber(inside)
		if err != nil {
			return p, fmt.Errorf("permission %q: %w", text, err)
		}
		for i := range globs {
			if globs[i].stars() < star {
				return p, fmt.Errorf("permission %q: {%d} is what the %s * of the glob matched, and %q has %s",
					text, star, ordinal(star), globs[i].text, starCount(globs[i].stars()))
			}
		}
		p.pieces = append(p.pieces, piece{star: star, inLabel: inLabel})
		sample += "x"
		rest = behind
	}
	if err := tokenstore.CheckPermission(sample); err != nil {
		detail := strings.TrimPrefix(err.Error(), fmt.Sprintf("permission %q: ", sample))
		return p, fmt.Errorf("permission %q: %s", text, detail)
	}
	return p, nil
}

func starNumber(inside string) (int, error) {
	if strings.HasPrefix(inside, "args") {
		return 0, fmt.Errorf("{%s} is replaced only inside a snippet that is imported with arguments", inside)
	}
	n, err := strconv.Atoi(inside)
	if err != nil || n < 1 || n > maxStars || strconv.Itoa(n) != inside {
		return 0, fmt.Errorf("{%s} is not a capture; expected {1} to {%d}", inside, maxStars)
	}
	return n, nil
}

func ordinal(n int) string {
	return [...]string{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"}[n-1]
}

func starCount(n int) string {
	switch n {
	case 0:
		return "none"
	case 1:
		return "one"
	}
	return "only " + strconv.Itoa(n)
}

var errNotPermission = errors.New("not a permission")

// fill puts the captures in. It fails if the text that comes out cannot be a
// permission, or if a capture in the app label would shift where the label
// ends: names come from the caller.
func (p *permission) fill(caps *captures) (string, error) {
	if p.pieces == nil {
		return p.text, nil
	}
	var b strings.Builder
	for _, piece := range p.pieces {
		if piece.star == 0 {
			b.WriteString(piece.text)
			continue
		}
		c := caps[piece.star-1]
		if c == "" || piece.inLabel && strings.ContainsAny(c, ".:/") {
			return "", errNotPermission
		}
		b.WriteString(c)
	}
	if tokenstore.CheckPermission(b.String()) != nil {
		return "", errNotPermission
	}
	return b.String(), nil
}

// someHeld reports whether g holds any of the permissions that p may become.
// A capture that is or holds a * is not known; with nil caps none is. The answer
// may be yes wrongly, never no.
func (p *permission) someHeld(g *tokenstore.Grants, caps *captures) bool {
	whole := p.pattern(caps)
	if !strings.Contains(whole, "*") {
		text, err := p.fill(caps)
		return err == nil && g.Has(text)
	}
	l, c, _ := strings.Cut(whole, ".")
	label, code := newGlob(l), newGlob(c)
	for _, held := range g.List() {
		l, c, ok := strings.Cut(held, ".")
		if !ok { // the grant of everything
			l, c = "*", "*"
		}
		heldLabel, heldCode := newGlob(l), newGlob(c)
		if label.overlaps(&heldLabel) && code.overlaps(&heldCode) && !(label.text == "mcp_token" && heldLabel.stars() > 0) {
			return true
		}
	}
	return false
}

// pattern is p with a * for every capture that is not known.
func (p *permission) pattern(caps *captures) string {
	if p.pieces == nil {
		return p.text
	}
	var b strings.Builder
	for _, piece := range p.pieces {
		switch {
		case piece.star == 0:
			b.WriteString(piece.text)
		case caps == nil:
			b.WriteByte('*')
		default:
			b.WriteString(caps[piece.star-1])
		}
	}
	return b.String()
}
