package policy

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/mcp"
)

// maxURIs is how many resources one subscriptions/listen may name.
const maxURIs = 256

// What decisions say where no rule was written.
const (
	wordsNoRules  = "this route has no MCP rules"
	wordsHarmless = "harmless methods are open to every token of the route"
	wordsResponse = "an answer to the server's own request"
	wordsTooLong  = "the name is too long to be matched by a rule"
	wordsTooMany  = "more resources at once than can be decided"
	wordsNoMethod = "no method rule matches, and the method is not a harmless one"
	wordsNoRef    = "the completion refers to neither a prompt nor a resource"

	wordsNoTool     = "there are no tool rules, and no method rule matches"
	wordsNoPrompt   = "there are no prompt rules, and no method rule matches"
	wordsNoResource = "there are no resource rules, and no method rule matches"

	wordsOtherTool     = "no tool rule matches, and other tools are denied"
	wordsOtherPrompt   = "no prompt rule matches, and other prompts are denied"
	wordsOtherResource = "no resource rule matches, and other resources are denied"
)

// question is one thing asked of the rules: may subject do this to that.
type question struct {
	subject Subject
	method  string
	kind    Kind   // of what is asked for; KindMethod if it has no name
	name    string // of the tool or prompt
	uri     string // of the resource, or its template

	// listing asks whether something of what is possible could pass.
	listing bool

	// argsUnknown says that the arguments will come later.
	argsUnknown bool

	// pattern is all URIs that uri may expand to, if it is a template.
	pattern *glob

	arguments jsontext.Value
}

// Decide decides one MCP message by the rules; DecideRoute comes before it. A
// condition may take its time, so do not hold a lock meanwhile: which rules
// apply does not depend on the grants, and [Decision.Again] asks only for them.
func (p *Policy) Decide(s Subject, m *mcp.Message) Decision {
	switch {
	case !p.ReadsMessages():
		return Decision{Allowed: true, Rule: wordsNoRules}
	case m.Kind == mcp.Response:
		return Decision{Allowed: true, Rule: wordsResponse}
	}
	q := question{subject: s, method: m.Method, kind: KindMethod, arguments: m.Arguments}
	switch m.Method {
	case "tools/call":
		q.kind, q.name = KindTool, m.Name
		return p.decideCall(&q)
	case "prompts/get":
		q.kind, q.name = KindPrompt, m.Name
		return p.decideCall(&q)
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		q.kind, q.uri = KindResource, m.URI
		return p.decideCall(&q)
	case "completion/complete":
		return p.decideCompletion(&q, m)
	case "subscriptions/listen":
		return p.decideListen(&q, m)
	}
	return p.decideMethod(&q)
}

// decideCompletion follows the rules of what the completion refers to: values
// of arguments tell about what they are for.
func (p *Policy) decideCompletion(q *question, m *mcp.Message) Decision {
	q.argsUnknown = true
	d := denied(wordsNoRef)
	if m.Name != "" {
		q.kind, q.name = KindPrompt, m.Name
		d = p.decideCall(q)
	}
	if m.URI == "" {
		return d
	}
	of := question{subject: q.subject, method: q.method, kind: KindResource, uri: m.URI, argsUnknown: true}
	if g, ok := templateGlob(m.URI); ok {
		of.pattern = &g
	}
	if m.Name == "" {
		return p.decideCall(&of)
	}
	return both(d, p.decideCall(&of))
}

// decideListen asks for every resource and task that the stream would tell of.
// A stream of list changes alone is as harmless as the lists.
func (p *Policy) decideListen(q *question, m *mcp.Message) Decision {
	if len(m.URIs) > maxURIs {
		return denied(wordsTooMany)
	}
	d := Decision{Allowed: true, Rule: wordsHarmless}
	if len(m.URIs) == 0 {
		d = p.decideHarmless(q)
	}
	for i, uri := range m.URIs {
		of := question{subject: q.subject, method: q.method, kind: KindResource, uri: uri}
		if one := p.decideCall(&of); i == 0 {
			d = one
		} else {
			d = both(d, one)
		}
	}
	if len(m.TaskIDs) > 0 {
		of := question{subject: q.subject, method: "tasks/get", kind: KindMethod}
		d = both(d, p.decideMethod(&of))
	}
	return d
}

// decideMethod decides a message that asks for nothing by name.
func (p *Policy) decideMethod(q *question) Decision {
	if isHarmless(q.method) {
		return p.decideHarmless(q)
	}
	if len(q.method) > maxName {
		return denied(wordsTooLong)
	}
	if d, ok := walk(p.methods, KindMethod, q); ok {
		return d
	}
	return denied(wordsNoMethod)
}

// decideHarmless lets q pass unless a method rule that names it says no. A lone
// * names nothing: "method * deny" at the end is how one writes down the
// default, and must not keep clients from connecting.
func (p *Policy) decideHarmless(q *question) Decision {
	for i, r := range p.methods {
		if r.globs[0].text == "*" {
			continue
		}
		if d, ok := walk(p.methods[i:i+1], KindMethod, q); ok {
			return d
		}
	}
	return Decision{Allowed: true, Rule: wordsHarmless}
}

// isHarmless reports whether a method does no more than connect or list.
func isHarmless(method string) bool {
	switch method {
	case "initialize", "server/discover", "ping",
		"tools/list", "prompts/list", "resources/list", "resources/templates/list":
		return true
	}
	return strings.HasPrefix(method, "notifications/")
}

// decideCall decides a call of something named. Method rules that match come
// on top of the rules of its kind, and stand in for them if there are none.
func (p *Policy) decideCall(q *question) Decision {
	if len(q.name) > maxName || len(q.uri) > maxURI {
		return denied(wordsTooLong)
	}
	byMethod, named := walk(p.methods, KindMethod, q)
	rules, none, unmatched := p.rulesFor(q.kind)
	if len(rules) == 0 {
		if named {
			return byMethod
		}
		return denied(none)
	}
	d, ok := walk(rules, q.kind, q)
	if !ok {
		d = denied(unmatched)
	}
	if byMethod.Rule != "" {
		return both(byMethod, d)
	}
	return d
}

// rulesFor returns the rules of a kind, and what to say if there are none and
// if none of them matches.
func (p *Policy) rulesFor(k Kind) (rules []*rule, none, unmatched string) {
	switch k {
	case KindTool:
		return p.tools, wordsNoTool, wordsOtherTool
	case KindPrompt:
		return p.prompts, wordsNoPrompt, wordsOtherPrompt
	}
	return p.resources, wordsNoResource, wordsOtherResource
}
