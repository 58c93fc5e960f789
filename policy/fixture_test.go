package policy_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// django is the snippet of the documentation, imported for the app blog.
const django = "tool find_models allow\n" +
	"tool list_* get_* describe_* actions_* related_* history_* autocomplete_* require blog.view_{1}\n" +
	"tool create_* require blog.add_{1}\n" +
	"tool update_* require blog.change_{1}\n" +
	"tool delete_* require blog.delete_{1}\n" +
	"tool action_* where `args.action == \"delete_selected\"` require blog.delete_{1}\n" +
	"tool action_* require blog.change_{1}\n" +
	"tool bulk_* where `args.operation == \"create\"` require blog.add_{1}\n" +
	"tool bulk_* where `args.operation == \"update\"` require blog.change_{1}\n" +
	"tool bulk_* where `args.operation == \"delete\"` require blog.delete_{1}"

// rules reads one rule a line, as in a Caddyfile: words, of which one may be in
// backquotes.
func rules(t testing.TB, text string) []policy.Rule {
	t.Helper()
	var all []policy.Rule
	for i, line := range strings.Split(text, "\n") {
		var words []string
		for j, part := range strings.Split(line, "`") {
			if j%2 == 1 {
				words = append(words, part)
			} else {
				words = append(words, strings.Fields(part)...)
			}
		}
		if len(words) == 0 {
			continue
		}
		r, ok := parse(words)
		if !ok {
			t.Fatalf("line %d: not a rule: %s", i+1, line)
		}
		r.File, r.Line = "/etc/caddy/Caddyfile", i+1
		all = append(all, r)
	}
	return all
}

// parse reads the words of one rule.
func parse(words []string) (policy.Rule, bool) {
	var r policy.Rule
	if len(words) > 0 {
		r.Kind, words = policy.Kind(words[0]), words[1:]
	}
	for i, word := range words {
		switch {
		case word == "where" && i+1 < len(words):
			r.Where = words[i+1]
		case word == "require", word == "allow", word == "deny":
			r.Effect, r.Require = policy.Effect(word), words[i+1:]
			return r, true
		case r.Where == "":
			r.Match = append(r.Match, word)
		}
	}
	return r, false
}

func compile(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Compile(policy.Config{Rules: rules(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func holding(permissions ...string) policy.Subject {
	return policy.Subject{Grants: tokenstore.NewGrants(permissions...), TokenName: "ci", TokenUser: "ada"}
}

func call(tool, arguments string) *mcp.Message {
	m := &mcp.Message{Kind: mcp.Request, Method: "tools/call", Name: tool}
	if arguments != "" {
		m.Arguments = jsontext.Value(arguments)
	}
	return m
}

func method(name string) *mcp.Message { return &mcp.Message{Kind: mcp.Request, Method: name} }

func read(uri string) *mcp.Message {
	return &mcp.Message{Kind: mcp.Request, Method: "resources/read", URI: uri}
}

func get(prompt string) *mcp.Message {
	return &mcp.Message{Kind: mcp.Request, Method: "prompts/get", Name: prompt}
}

// expect decides m and compares the answer with want, which is "allow" or
// "deny", or the missing permissions.
func expect(t *testing.T, p *policy.Policy, s policy.Subject, m *mcp.Message, want string) policy.Decision {
	t.Helper()
	d := p.Decide(s, m)
	got := "allow"
	switch {
	case !d.Allowed && d.Reason == tokenstore.ReasonPermission:
		got = strings.Join(d.Missing, " ")
	case !d.Allowed:
		got = "deny"
		if d.Reason != tokenstore.ReasonRule {
			t.Errorf("%s %s%s: reason %q", m.Method, m.Name, m.URI, d.Reason)
		}
	}
	if got != want {
		t.Errorf("%s %s%s %s: got %q by %q, want %q", m.Method, m.Name, m.URI, m.Arguments, got, d.Rule, want)
	}
	if d.Rule == "" {
		t.Errorf("%s %s%s: no rule told", m.Method, m.Name, m.URI)
	}
	return d
}
