package policy

import (
	"slices"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Describe returns the rules in words, in their order, each as an operator
// writes it and with its place.
func (p *Policy) Describe() []string {
	var all []string
	if len(p.require) > 0 || len(p.requireAny) == 0 && len(p.rules) == 0 {
		all = append(all, p.requireWords)
	}
	if len(p.requireAny) > 0 {
		all = append(all, p.anyOneWords)
	}
	for _, r := range p.rules {
		all = append(all, r.words)
	}
	return all
}

// Permissions returns every permission that the policy spells out, sorted.
// Those with captures are not among them: see Mentions.
func (p *Policy) Permissions() []string {
	all := slices.Concat(p.require, p.requireAny)
	for _, r := range p.rules {
		for i := range r.needs {
			if r.needs[i].pieces == nil {
				all = append(all, r.needs[i].text)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Mentions reports whether any of g meets a requirement of the policy, those
// with captures included: whether it is good for anything here.
func (p *Policy) Mentions(g *tokenstore.Grants) bool {
	if slices.ContainsFunc(p.require, g.Has) || slices.ContainsFunc(p.requireAny, g.Has) {
		return true
	}
	for _, r := range p.rules {
		if slices.ContainsFunc(r.needs, func(need permission) bool { return need.someHeld(g, nil) }) {
			return true
		}
	}
	return false
}
