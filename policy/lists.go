package policy

import "github.com/mcptoken/caddy-mcp-token/mcp"

// Lists reports whether the entry called name (a name, a URI or a URI
// template) stays in a list of s: whether s may call it with some arguments.
func (p *Policy) Lists(s Subject, l mcp.List, name string) bool {
	if !p.ReadsMessages() {
		return true
	}
	q := question{subject: s, listing: true, argsUnknown: true}
	switch l {
	case mcp.Tools:
		q.kind, q.method, q.name = KindTool, "tools/call", name
	case mcp.Prompts:
		q.kind, q.method, q.name = KindPrompt, "prompts/get", name
	case mcp.Resources:
		q.kind, q.method, q.uri = KindResource, "resources/read", name
	case mcp.ResourceTemplates:
		q.kind, q.method, q.uri = KindResource, "resources/read", name
		if g, ok := templateGlob(name); ok {
			q.pattern = &g
		}
	default:
		return false
	}
	return p.decideCall(&q).Allowed
}
