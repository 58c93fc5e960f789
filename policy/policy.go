package policy

import (
	"slices"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Policy is a compiled Config. It is immutable and safe for concurrent use.
type Policy struct {
	require, requireAny       []string
	requireWords, anyOneWords string

	// rules are all of them as written; the others are those of one kind.
	rules                              []*rule
	tools, prompts, resources, methods []*rule

	filtersLists bool
}

// Subject is who asks.
type Subject struct {
	Grants    *tokenstore.Grants
	TokenName string
	TokenUser string
}

// Decision is the answer to one question, with what led to it. Its slices are
// shared: treat them as read-only.
type Decision struct {
	Allowed bool

	// Reason is ReasonPermission if the caller lacks what is Missing, and
	// ReasonRule if no permission would help. It is empty when allowed.
	Reason tokenstore.Reason

	// Rule is what decided, in words: "tool delete_* require blog.delete_{1}
	// (Caddyfile:12)".
	Rule string

	// Required are all permissions that Rule asks for, Missing those of them
	// that the caller lacks.
	Required, Missing []string

	// Any says that one of Required is enough.
	Any bool

	// Unclear says that a condition could not be evaluated: with other
	// arguments the answer may be another one.
	Unclear bool
}

// Again decides anew, for the grants that the caller has now, what d decided on
// a message or a route. It takes no time worth speaking of.
func (d Decision) Again(g *tokenstore.Grants) Decision {
	switch {
	case d.Reason == tokenstore.ReasonRule:
		return d
	case d.Any:
		return decideAny(d.Required, g, d.Rule)
	}
	return decideAll(d.Required, g, d.Rule)
}

// ReadsMessages reports whether the policy decides on MCP messages, so that
// the body of a request must be read.
func (p *Policy) ReadsMessages() bool { return len(p.rules) > 0 }

// FiltersLists reports whether list results must be filtered by Lists.
func (p *Policy) FiltersLists() bool { return p.filtersLists }

// RequiresManagement reports whether every request needs a right under
// mcp_token: only then may a management token come this way.
func (p *Policy) RequiresManagement() bool {
	return slices.ContainsFunc(p.require, isManagement) ||
		len(p.requireAny) > 0 && !slices.ContainsFunc(p.requireAny, func(s string) bool { return !isManagement(s) })
}

func isManagement(permission string) bool { return strings.HasPrefix(permission, "mcp_token.") }

// DecideRoute decides what every request needs, whatever its body.
func (p *Policy) DecideRoute(g *tokenstore.Grants) Decision {
	if d := decideAll(p.require, g, p.requireWords); !d.Allowed || len(p.requireAny) == 0 {
		return d
	}
	return decideAny(p.requireAny, g, p.anyOneWords)
}

// decideAny asks for one of required.
func decideAny(required []string, g *tokenstore.Grants, words string) Decision {
	d := Decision{Rule: words, Required: required, Any: true}
	d.Allowed = slices.ContainsFunc(required, g.Has)
	if !d.Allowed {
		d.Reason, d.Missing = tokenstore.ReasonPermission, required
	}
	return d
}

// decideAll asks for all of required.
func decideAll(required []string, g *tokenstore.Grants, words string) Decision {
	d := Decision{Allowed: true, Rule: words, Required: required}
	for _, permission := range required {
		if !g.Has(permission) {
			d.Missing = append(d.Missing, permission)
		}
	}
	if d.Missing != nil {
		d.Allowed, d.Reason = false, tokenstore.ReasonPermission
	}
	return d
}
