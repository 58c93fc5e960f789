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

// mayAllow reports whether the rule may let somebody with g pass, for some
// values of the captures that are not known: those with a * in caps, or all.
func (r *rule) mayAllow(g *tokenstore.Grants, caps *captures) bool {
	if r.Effect == EffectDeny {
		return false
	}
	for i := range r.needs {
		if !r.needs[i].someHeld(g, caps) {
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
		words = append(words, "where", "`"+strings.ReplaceAll(r.Where, "\n", " ")+"`")
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
