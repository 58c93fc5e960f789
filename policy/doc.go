// Package policy holds the rules of a route: what a request needs, compiled
// once, decided on every request, explained in words. It decides calls and the
// entries of lists by the same walk over the same rules, so that the two agree.
//
// It knows MCP messages as package mcp reads them and grants as package
// tokenstore keeps them, and nothing of HTTP.
package policy
