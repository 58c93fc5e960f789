package policy

import (
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Reach is what one rule, or the requirement of a whole route, gives to a
// caller.
type Reach struct {
	Text    string   // the rule in words
	Allowed bool     // some message that the rule decides would pass
	Missing []string // what a rule requires that the caller lacks; {1} stands for what a * matches
}

// Reach tells, rule by rule, what a caller with these grants could do, without
// a message to decide on. It is a preview: Decide alone is the decision.
func (p *Policy) Reach(g *tokenstore.Grants) []Reach {
	route := p.DecideRoute(g)
	if !route.Allowed {
		return []Reach{{Text: "everything here: " + route.Rule, Missing: route.Missing}}
	}
	if !p.ReadsMessages() {
		return []Reach{{Text: "every request: " + route.Rule, Allowed: true}}
	}
	var reached []Reach
	for _, r := range p.rules {
		reach := Reach{Text: r.Rule.String(), Allowed: r.mayAllow(g, nil)}
		for i := range r.needs {
			if !r.needs[i].someHeld(g, nil) {
				reach.Missing = append(reach.Missing, r.Require[i])
			}
		}
		reached = append(reached, reach)
	}
	return reached
}
