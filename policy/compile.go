package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Compile checks c and makes it ready to decide. The error names everything
// that is wrong, each with the file, the line and the word.
func Compile(c Config) (*Policy, error) {
	p := &Policy{
		require:      slices.Clone(c.Require),
		requireAny:   slices.Clone(c.RequireAny),
		requireWords: "any active token may pass",
		anyOneWords:  "require_any " + strings.Join(c.RequireAny, " "),
	}
	if len(c.Require) > 0 {
		p.requireWords = "require " + strings.Join(c.Require, " ")
	}
	problems := slices.Concat(
		checkPermissions("require", c.Require),
		checkPermissions("require_any", c.RequireAny),
	)
	for i, written := range c.Rules {
		r, wrong := compileRule(written)
		for _, err := range wrong {
			problems = append(problems, fmt.Errorf("%s: %w", written.in(i+1), err))
		}
		if wrong != nil {
			continue
		}
		p.rules = append(p.rules, r)
		of := p.ofKind(r.Kind)
		if err := unreachable(r, *of); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", written.in(i+1), err))
		}
		*of = append(*of, r)
	}
	p.filtersLists = len(p.tools)+len(p.prompts)+len(p.resources) > 0
	if c.FilterLists != nil {
		p.filtersLists = *c.FilterLists
		if p.filtersLists && len(c.Rules) == 0 {
			problems = append(problems, errors.New("filter_lists on: there is no tool, prompt, resource or method rule to filter by"))
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return p, nil
}

// ofKind is the list of rules of kind k.
func (p *Policy) ofKind(k Kind) *[]*rule {
	switch k {
	case KindTool:
		return &p.tools
	case KindPrompt:
		return &p.prompts
	case KindResource:
		return &p.resources
	}
	return &p.methods
}

// checkPermissions checks what every request needs.
func checkPermissions(word string, all []string) []error {
	var problems []error
	for i, permission := range all {
		if strings.ContainsAny(permission, "{}") {
			problems = append(problems, fmt.Errorf("%s: permission %q: captures are known only in a rule with a glob", word, permission))
		} else if err := tokenstore.CheckPermission(permission); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", word, err))
		}
		if slices.Contains(all[:i], permission) {
			problems = append(problems, fmt.Errorf("%s: permission %q is written twice", word, permission))
		}
	}
	return problems
}

// compileRule checks one rule by itself.
func compileRule(written Rule) (*rule, []error) {
	if !written.Kind.valid() {
		return nil, []error{fmt.Errorf("unknown kind of rule %q; expected %s", written.Kind, expectedKinds)}
	}
	written.Match, written.Require = slices.Clone(written.Match), slices.Clone(written.Require)
	if written.Effect == "" && len(written.Require) > 0 {
		written.Effect = EffectRequire
	}
	r := &rule{Rule: written}
	problems := slices.Concat(r.compileGlobs(), checkEffect(written))
	if written.Where != "" {
		var err error
		if r.where, err = compileCondition(written.Kind, written.Where); err != nil {
			problems = append(problems, fmt.Errorf("where `%s`: %w", written.Where, err))
		}
	}
	problems = append(problems, r.compileNeeds()...)
	if problems != nil {
		return nil, problems
	}
	r.describe()
	return r, nil
}

func (r *rule) compileGlobs() []error {
	if len(r.Match) == 0 {
		return []error{errors.New("expected at least one glob, as list_*")}
	}
	var problems []error
	for _, text := range r.Match {
		g, err := compileGlob(r.Kind, text)
		if err != nil {
			problems = append(problems, fmt.Errorf("glob %q: %w", text, err))
			continue
		}
		r.globs = append(r.globs, g)
	}
	for i := range r.globs {
		for j := range r.globs {
			switch {
			case i < j && r.globs[i].text == r.globs[j].text:
				problems = append(problems, fmt.Errorf("glob %q is written twice", r.globs[j].text))
			case i != j && r.globs[i].text != r.globs[j].text && r.globs[i].covers(&r.globs[j]) && !(r.Kind == KindResource && oddURI(r.globs[j].text) != ""):
				problems = append(problems, fmt.Errorf("glob %q is superfluous: %q in the same rule matches all that it does", r.globs[j].text, r.globs[i].text))
			}
		}
	}
	// An odd URI that is spelled out beside a glob that would refuse it.
	slices.SortStableFunc(r.globs, func(a, b glob) int { return min(a.stars(), 1) - min(b.stars(), 1) })
	return problems
}

func checkEffect(r Rule) []error {
	switch {
	case r.Effect == "":
		return []error{fmt.Errorf("expected %s", expectedEffects)}
	case r.Effect == EffectRequire:
		if len(r.Require) == 0 {
			return []error{errors.New("expected at least one permission behind require")}
		}
	case r.Effect != EffectAllow && r.Effect != EffectDeny:
		return []error{fmt.Errorf("unknown effect %q; expected %s", r.Effect, expectedEffects)}
	case len(r.Require) > 0:
		return []error{fmt.Errorf("%s and require %s exclude each other", r.Effect, strings.Join(r.Require, " "))}
	}
	return nil
}

func (r *rule) compileNeeds() []error {
	var problems []error
	captured := false
	for i, text := range r.Require {
		if slices.Contains(r.Require[:i], text) {
			problems = append(problems, fmt.Errorf("permission %q is written twice", text))
			continue
		}
		need, err := compilePermission(text, r.globs)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		r.needs = append(r.needs, need)
		captured = captured || need.pieces != nil
	}
	if !captured {
		r.plain = r.Require
	}
	return problems
}

// unreachable says which glob of r can never decide, because a rule before it
// takes all that the glob matches: always, or under the same condition.
func unreachable(r *rule, before []*rule) error {
	for i := range r.globs {
		g := &r.globs[i]
		for _, earlier := range before {
			if earlier.where != nil && (r.where == nil || earlier.where.text != r.where.text) {
				continue
			}
			if j := slices.IndexFunc(earlier.globs, func(e glob) bool { return e.covers(g) }); j >= 0 {
				return fmt.Errorf("glob %q can never match: %q of the earlier rule %s%s takes all of it; put the narrower rule first",
					g.text, earlier.globs[j].text, earlier.String(), earlier.place())
			}
		}
	}
	return nil
}
