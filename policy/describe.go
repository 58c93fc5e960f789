package policy

import (
	"slices"
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

// Mentions reports whether the policy asks for permission, or may ask for it
// by way of a capture.
func (p *Policy) Mentions(permission string) bool {
	if slices.Contains(p.require, permission) || slices.Contains(p.requireAny, permission) {
		return true
	}
	for _, r := range p.rules {
		for i := range r.needs {
			if r.needs[i].mayBe(permission) {
				return true
			}
		}
	}
	return false
}
