// Package policy holds the rules of a route: what a request needs, compiled
// once, decided on every request, explained in words.
package policy

import (
	"errors"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Policy is a compiled Config. It is immutable and safe for concurrent use.
type Policy struct {
	name string
}

// Subject is who asks.
type Subject struct {
	Grants    *tokenstore.Grants
	TokenName string
	TokenUser string
}

// Decision is the answer to one question, with what led to it.
type Decision struct {
	Allowed bool

	// Reason is ReasonPermission if the caller lacks what is Missing, and
	// ReasonRule if no permission would have helped; empty when allowed.
	Reason tokenstore.Reason

	// Rule is the deciding rule in words.
	Rule string

	// Required are the permissions that the rule asks for, Missing those of
	// them that the caller lacks.
	Required, Missing []string

	// Any says that one of Required is enough.
	Any bool
}

// Compile checks c and makes it ready to decide.
func Compile(c Config) (*Policy, error) {
	return nil, errors.New("not available")
}

// ReadsMessages reports whether the policy decides on MCP messages, so that
// the body of a request must be read.
func (p *Policy) ReadsMessages() bool { return false }

// FiltersLists reports whether list results must be filtered by Lists.
func (p *Policy) FiltersLists() bool { return false }

// RequiresManagement reports whether every request needs a right under
// mcp_token: only then may a management token come this way.
func (p *Policy) RequiresManagement() bool { return false }

// DecideRoute decides what every request needs, whatever its body.
func (p *Policy) DecideRoute(g *tokenstore.Grants) Decision { return Decision{} }

// Decide decides one MCP message by the rules; DecideRoute comes before it.
func (p *Policy) Decide(s Subject, m *mcp.Message) Decision { return Decision{} }

// Lists reports whether the entry called name (a name, a URI or a URI
// template) stays in a list of s: whether s may call it with some arguments.
func (p *Policy) Lists(s Subject, l mcp.List, name string) bool { return false }

// Describe returns the rules in words, in their order.
func (p *Policy) Describe() []string { return nil }

// Permissions returns every permission that the policy spells out, sorted.
func (p *Policy) Permissions() []string { return nil }
