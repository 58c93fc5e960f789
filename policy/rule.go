package policy

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// rule is a compiled Rule.
type rule struct {
	Rule
	globs []glob
	where *condition
	needs []permission

	// plain are the permissions if none of them has a capture.
	plain []string

	// What a Decision says of the rule.
	words         string // as written, with its place
	failedWords   string // its condition could not be evaluated
	oddWords      string // a URI matched that may name another place
	captureFailed string // a capture cannot be part of a permission
}

// decide answers for a message that the rule applies to. caps are what the
// stars of the matching glob took.
func (r *rule) decide(g *tokenstore.Grants, caps *captures) Decision {
	switch {
	case r.Effect == EffectAllow:
		return Decision{Allowed: true, Rule: r.words}
	case r.Effect == EffectDeny:
		return denied(r.words)
	case r.plain != nil:
		return decideAll(r.plain, g, r.words)
	}
	required := make([]string, len(r.needs))
	for i := range r.needs {
		var err error
		if required[i], err = r.needs[i].fill(caps); err != nil {
			return denied(r.captureFailed)
		}
	}
	return decideAll(required, g, r.words)
}

// mayAllow reports whether the rule may let somebody with g pass for some
// values of its captures.
func (r *rule) mayAllow(g *tokenstore.Grants) bool {
	if r.Effect == EffectDeny {
		return false
	}
	for i := range r.needs {
		if !r.needs[i].someHeld(g) {
			return false
		}
	}
	return true
}

// denied is a refusal that no permission would turn.
func denied(words string) Decision {
	return Decision{Reason: tokenstore.ReasonRule, Rule: words}
}

// describe fills in what decisions say.
func (r *rule) describe() {
	r.words = r.String() + r.place()
	r.failedWords = r.words + ": its condition could not be evaluated"
	r.oddWords = r.words + ": the URI is spelled so that it may name another place; only a rule without * could allow it"
	r.captureFailed = r.words + ": what a * matched cannot be part of a permission"
}

// String returns the rule as an operator writes it.
func (r Rule) String() string {
	words := append([]string{string(r.Kind)}, r.Match...)
	if r.Where != "" {
		words = append(words, "where", "`"+r.Where+"`")
	}
	if r.Effect != "" {
		words = append(words, string(r.Effect))
	}
	return strings.Join(append(words, r.Require...), " ")
}

// place says where the rule was written, by the last element of the path.
func (r Rule) place() string {
	switch {
	case r.File == "":
		return ""
	case r.Line == 0:
		return " (" + filepath.Base(r.File) + ")"
	}
	return fmt.Sprintf(" (%s:%d)", filepath.Base(r.File), r.Line)
}

// in says where the rule was written, for an error; number counts the rules
// from 1 and serves where no file is known.
func (r Rule) in(number int) string {
	switch {
	case r.File == "":
		return fmt.Sprintf("rule %d: %s", number, r.Kind)
	case r.Line == 0:
		return fmt.Sprintf("%s: rule %d: %s", r.File, number, r.Kind)
	}
	return fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Kind)
}

// ParseRule reads a rule from its words, the kind first:
//
//	<kind> <glob...> [where <CEL>] require <permission...> | allow | deny
//
// It checks the order of the words; Compile checks what they say. The words
// where, require, allow and deny end the globs, so a name that is one of them
// is matched only by a glob with a star.
func ParseRule(words []string) (Rule, error) {
	if len(words) == 0 {
		return Rule{}, fmt.Errorf("expected %s", expectedKinds)
	}
	r := Rule{Kind: Kind(words[0])}
	if !r.Kind.valid() {
		return r, fmt.Errorf("unknown kind of rule %q; expected %s", words[0], expectedKinds)
	}
	rest := words[1:]
	for len(rest) > 0 && !isKeyword(rest[0]) {
		r.Match = append(r.Match, rest[0])
		rest = rest[1:]
	}
	if len(r.Match) == 0 {
		return r, fmt.Errorf("%s: expected at least one glob, as list_*", r.Kind)
	}
	if len(rest) > 0 && rest[0] == "where" {
		if len(rest) == 1 {
			return r, fmt.Errorf("%s: expected a condition behind where, in backquotes", r.Kind)
		}
		r.Where, rest = rest[1], rest[2:]
	}
	if len(rest) == 0 {
		return r, fmt.Errorf("%s: expected %s at the end", r.Kind, expectedEffects)
	}
	r.Effect = Effect(rest[0])
	if !isKeyword(rest[0]) || rest[0] == "where" {
		return r, fmt.Errorf("%s: unexpected %q; expected %s (a condition is one word: put it into backquotes)", r.Kind, rest[0], expectedEffects)
	}
	if r.Effect == EffectRequire {
		r.Require = rest[1:]
		if len(r.Require) == 0 {
			return r, fmt.Errorf("%s: expected at least one permission behind require", r.Kind)
		}
		return r, nil
	}
	if len(rest) > 1 {
		return r, fmt.Errorf("%s: unexpected %q behind %s", r.Kind, rest[1], r.Effect)
	}
	return r, nil
}

func isKeyword(word string) bool {
	switch word {
	case "where", "require", "allow", "deny":
		return true
	}
	return false
}

const (
	expectedKinds   = "tool, prompt, resource or method"
	expectedEffects = "require <permission...>, allow or deny"
)

func (k Kind) valid() bool {
	switch k {
	case KindTool, KindPrompt, KindResource, KindMethod:
		return true
	}
	return false
}
