package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

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

func TestTheRulesOfDjangoAdminMCPAskForWhatEachToolDoes(t *testing.T) {
	p := compile(t, django)
	nobody := holding()
	for _, c := range []struct{ tool, args, want string }{
		{"find_models", "", "allow"},
		{"list_article", "{}", "blog.view_article"},
		{"autocomplete_article", "{}", "blog.view_article"},
		{"create_article", "{}", "blog.add_article"},
		{"delete_article", "{}", "blog.delete_article"},
		{"action_article", `{"action":"publish"}`, "blog.change_article"},
		{"action_article", `{"action":"delete_selected"}`, "blog.delete_article"},
		{"action_article", `{}`, "deny"},
		{"action_article", "", "deny"},
		{"bulk_article", `{"operation":"create"}`, "blog.add_article"},
		{"bulk_article", `{"operation":"delete"}`, "blog.delete_article"},
		{"bulk_article", `{"operation":"truncate"}`, "deny"},
		{"drop_article", "{}", "deny"},
		{"LIST_article", "{}", "deny"},
		{"", "{}", "deny"},
	} {
		expect(t, p, nobody, call(c.tool, c.args), c.want)
	}
	expect(t, p, holding("blog.view_*"), call("list_article", "{}"), "allow")
	expect(t, p, holding("blog.delete_article"), call("delete_article", "{}"), "allow")
	expect(t, p, holding("blog.delete_article"), call("delete_comment", "{}"), "blog.delete_comment")
}

func TestADecisionExplainsItself(t *testing.T) {
	p := compile(t, django)
	got := p.Decide(holding("blog.view_article"), call("delete_article", "{}"))
	want := policy.Decision{
		Reason:   tokenstore.ReasonPermission,
		Rule:     "tool delete_* require blog.delete_{1} (Caddyfile:5)",
		Required: []string{"blog.delete_article"},
		Missing:  []string{"blog.delete_article"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheFirstMatchingRuleOfAKindDecides(t *testing.T) {
	p := compile(t, "tool delete_draft allow\ntool delete_* deny\ntool * require a.b")
	s := holding("a.b")
	expect(t, p, s, call("delete_draft", ""), "allow")
	expect(t, p, s, call("delete_article", ""), "deny")
	expect(t, p, s, call("delete_", ""), "deny")
	expect(t, p, s, call("list", ""), "allow")
	expect(t, p, holding(), call("list", ""), "a.b")
}

func TestKindsWithoutRulesAreDenied(t *testing.T) {
	p := compile(t, "tool * allow")
	s := holding("*")
	for _, m := range []*mcp.Message{
		get("x"), read("file:///x"), method("tasks/get"), method("logging/setLevel"), method("skills/run"), method(""),
		{Kind: mcp.Request, Method: "completion/complete", Name: "x"},
		{Kind: mcp.Request, Method: "completion/complete", URI: "file:///x"},
		{Kind: mcp.Request, Method: "completion/complete"},
		{Kind: mcp.Request, Method: "subscriptions/listen", URIs: []string{"file:///x"}},
		{Kind: mcp.Request, Method: "subscriptions/listen", TaskIDs: []string{"1"}},
		{Kind: mcp.Request, Method: "resources/subscribe", URI: "file:///x"},
	} {
		expect(t, p, s, m, "deny")
	}
	for _, l := range []mcp.List{mcp.Prompts, mcp.Resources, mcp.ResourceTemplates, "tasks"} {
		if p.Lists(s, l, "x") {
			t.Errorf("%s: listed", l)
		}
	}
	if !p.Lists(s, mcp.Tools, "x") {
		t.Error("the tool is not listed")
	}
}

func TestHarmlessMethodsPass(t *testing.T) {
	harmless := []string{
		"initialize", "server/discover", "ping", "tools/list", "resources/list",
		"resources/templates/list", "prompts/list", "notifications/initialized", "notifications/cancelled",
		"subscriptions/listen",
	}
	for _, text := range []string{"tool x deny", "method x allow", "tool x deny\nmethod * deny", "method * require a.b"} {
		p := compile(t, text)
		for _, name := range harmless {
			expect(t, p, holding(), method(name), "allow")
		}
		expect(t, p, holding(), &mcp.Message{Kind: mcp.Response}, "allow")
	}
}

func TestAMethodRuleDeniesAHarmlessMethodByName(t *testing.T) {
	p := compile(t, "tool * allow\nmethod tools/list deny\nmethod prompts/* require a.b\nmethod notifications/* allow")
	expect(t, p, holding(), method("tools/list"), "deny")
	expect(t, p, holding(), method("prompts/list"), "a.b")
	expect(t, p, holding("a.b"), method("prompts/list"), "allow")
	expect(t, p, holding(), method("resources/list"), "allow")
}

func TestAMethodRuleComesOnTopOfTheRulesOfAKind(t *testing.T) {
	p := compile(t, "tool safe allow\ntool list_* require blog.view_{1}\nmethod tools/call require mcp.call\nmethod tasks/* allow")
	expect(t, p, holding(), call("safe", ""), "mcp.call")
	expect(t, p, holding("mcp.call"), call("safe", ""), "allow")
	expect(t, p, holding("mcp.call"), call("other", ""), "deny")
	expect(t, p, holding(), call("other", ""), "deny")
	expect(t, p, holding("mcp.call"), call("list_x", ""), "blog.view_x")
	expect(t, p, holding(), method("tasks/cancel"), "allow")
	d := expect(t, p, holding(), call("list_x", ""), "mcp.call blog.view_x")
	if want := "method tools/call require mcp.call (Caddyfile:3) and tool list_* require blog.view_{1} (Caddyfile:2)"; d.Rule != want {
		t.Errorf("got rule %q, want %q", d.Rule, want)
	}
	p2 := compile(t, "tool * require a.b\nmethod tools/call deny")
	if d := expect(t, p2, holding(), call("x", ""), "deny"); d.Missing != nil {
		t.Errorf("missing %v, though no permission helps", d.Missing)
	}
	if p.Lists(holding(), mcp.Tools, "safe") || !p.Lists(holding("mcp.call"), mcp.Tools, "safe") {
		t.Error("the list does not follow the method rule")
	}
}

func TestMethodRulesThatDoNotMatchACallLeaveItToTheRulesOfItsKind(t *testing.T) {
	p := compile(t, "tool * allow\nmethod logging/setLevel allow")
	expect(t, p, holding(), call("x", ""), "allow")
	expect(t, p, holding(), method("logging/setLevel"), "allow")
	expect(t, p, holding(), method("tasks/get"), "deny")
}

func TestNamesThatAreTooLongMatchNothing(t *testing.T) {
	p := compile(t, "tool * allow\nmethod * allow")
	for n, want := range map[int]string{1024: "allow", 1025: "deny"} {
		expect(t, p, holding(), call(strings.Repeat("x", n), ""), want)
		expect(t, p, holding(), method(strings.Repeat("x", n)), want)
	}
}

func TestMethodRulesAloneDecideCalls(t *testing.T) {
	p := compile(t, "method tools/call where `args.n == 1 && tool == \"x\"` require a.b\nmethod tools/* prompts/* allow")
	expect(t, p, holding(), call("x", `{"n":1}`), "a.b")
	expect(t, p, holding(), call("x", `{"n":2}`), "allow")
	expect(t, p, holding(), call("y", `{"n":1}`), "allow")
	expect(t, p, holding(), call("x", ""), "deny")
	expect(t, p, holding(), get("x"), "allow")
	expect(t, p, holding(), read("a:b"), "deny")
}

func TestACompletionFollowsTheRulesOfWhatItRefersTo(t *testing.T) {
	p := compile(t, "prompt report where `args.dept == \"sales\"` allow\n"+
		"prompt open allow\n"+
		"prompt half where `args.dept == \"secret\"` deny\n"+
		"prompt mine where `token.name == \"ci\"` allow\n"+
		"prompt half allow\n"+
		"prompt has where `has(args.dept)` deny\n"+
		"prompt has allow\n"+
		"prompt some where `args.x == 1` require p.q\n"+
		"prompt some allow\n"+
		"resource file:///docs/secret* deny\n"+
		"resource file:///docs/* file:///pub/* allow\n"+
		"resource demo://*/* require demo.{1}")
	withMethod := compile(t, "prompt * allow\nmethod completion/* where `args.x == 1` require c.c")
	about := func(name, uri string) *mcp.Message {
		return &mcp.Message{Kind: mcp.Request, Method: "completion/complete", Name: name, URI: uri}
	}
	s := holding("demo.text")
	expect(t, p, s, about("open", ""), "allow")
	expect(t, p, s, about("mine", ""), "allow")
	// Completions tell of all departments, and not all of them are allowed.
	expect(t, p, s, about("report", ""), "deny")
	expect(t, p, s, about("half", ""), "deny")
	expect(t, p, s, about("has", ""), "deny")
	expect(t, p, s, about("some", ""), "p.q")
	expect(t, p, holding("p.q"), about("some", ""), "allow")
	expect(t, withMethod, holding(), about("some", ""), "c.c")
	expect(t, withMethod, holding("c.c"), about("some", ""), "allow")
	expect(t, p, s, about("other", ""), "deny")
	expect(t, p, s, about("other", "file:///docs/x"), "deny")
	expect(t, p, s, about("", "file:///pub/{name}"), "allow")
	expect(t, p, s, about("", "file:///pub/x"), "allow")
	expect(t, p, s, about("", "file:///docs/{name}"), "deny")
	expect(t, p, s, about("", "file:///{+path}"), "deny")
	expect(t, p, s, about("", "file:///pub/../{name}"), "deny")
	expect(t, p, s, about("", "demo://text/{id}"), "allow")
	expect(t, p, s, about("", "demo://blob/{id}"), "demo.blob")
	expect(t, p, holding("*"), about("", "demo://{kind}/{id}"), "deny") // the capture is not known
	expect(t, p, s, about("open", "file:///docs/x"), "allow")
	expect(t, p, s, about("open", "file:///etc"), "deny")
}

func TestASubscriptionNeedsEveryResource(t *testing.T) {
	p := compile(t, "resource a:* require r.{1}\nmethod tasks/* require t.use")
	listen := func(tasks []string, uris ...string) *mcp.Message {
		return &mcp.Message{Kind: mcp.Request, Method: "subscriptions/listen", URIs: uris, TaskIDs: tasks}
	}
	s := holding("r.x", "r.y")
	expect(t, p, s, listen(nil), "allow")
	expect(t, p, s, listen(nil, "a:x", "a:y"), "allow")
	expect(t, p, s, listen(nil, "a:x", "a:z", "a:q"), "r.z r.q")
	expect(t, p, s, listen(nil, "a:x", "b:x"), "deny")
	expect(t, p, s, listen([]string{"1"}, "a:x"), "t.use")
	expect(t, p, s, listen(nil, slices.Repeat([]string{"a:x"}, 257)...), "deny")
}

func TestTextThatCannotBePartOfAPermissionDenies(t *testing.T) {
	p := compile(t, "tool get_* require {1}.view\ntool list_* require blog.view_{1}")
	s := holding("*", "mcp_token.*")
	for _, tool := range []string{"get_", "list_", "get_a.b", "get_mcp_token.x", "list_a b", "list_*", "list_é", "list_\x00", "get_a/b",
		"list_" + strings.Repeat("x", 300), "list_" + strings.Repeat("x", 2000)} {
		expect(t, p, s, call(tool, ""), "deny")
	}
	expect(t, p, holding("blog.*"), call("list_a.b", ""), "allow")
}

func TestOddURIsAreMatchedOnlyWhenSpelledOut(t *testing.T) {
	p := compile(t, "resource file:///odd/../x allow\nresource file:///docs/* allow")
	s := holding()
	for uri, want := range map[string]string{
		"file:///docs/a":                            "allow",
		"file:///docs/":                             "allow",
		"file:///docs/a%20b/c.txt":                  "allow",
		"file:///docs/..a/b..":                      "allow",
		"file:///docs/...":                          "allow",
		"file:///docs/a.b?x=1.2":                    "allow",
		"file:///docs/100%25":                       "allow",
		"file:///docs/%C3%A9":                       "allow",
		"file:///odd/../x":                          "allow",
		"file:///docs/../secret":                    "deny",
		"file:///docs/..":                           "deny",
		"file:///docs/./a":                          "deny",
		"file:///docs/a/..;x/b":                     "deny",
		"file:///docs/?p=../a":                      "deny",
		"file:///docs/%2e%2e/secret":                "deny",
		"file:///docs/%2E%2E%2fsecret":              "deny",
		"file:///docs/a%2fb":                        "deny",
		"file:///docs/a%5Cb":                        "deny",
		"file:///docs/%252e%252e/secret":            "deny",
		"file:///docs/%25252fsecret":                "deny",
		"file:///docs/%c0%ae%c0%ae/secret":          "deny",
		"file:///docs/%73ecret":                     "deny",
		"file:///docs/a%00":                         "deny",
		"file:///docs/%u002e%u002e/secret":          "deny",
		`file:///docs/..\secret`:                    "deny",
		"file:///docs/.\t./secret":                  "deny",
		"file:///docs/.. ":                          "deny",
		"FILE:///docs/a":                            "deny",
		"file:///docs":                              "deny",
		"file:///docs/" + strings.Repeat("x", 9000): "deny",
	} {
		expect(t, p, s, read(uri), want)
		if listed := p.Lists(s, mcp.Resources, uri); listed != (want == "allow") {
			t.Errorf("%s: listed %v", uri, listed)
		}
	}
}

func TestAnOddURIMayStandBesideAGlob(t *testing.T) {
	p := compile(t, "resource file:///* file:///a/../b allow")
	expect(t, p, holding(), read("file:///a/../b"), "allow")
	expect(t, p, holding(), read("file:///a/../c"), "deny")
}

func TestConditionsDoNotTakeATemplateForAURI(t *testing.T) {
	p := compile(t, "resource r:* where `uri.endsWith(\".md\") || uri.endsWith(\"}\")` allow\n"+
		"resource s:* where `token.name == \"ci\"` allow\n"+
		"resource t:* where `uri.endsWith(\".md\")` deny\n"+
		"resource t:* allow")
	for template, completable := range map[string]bool{"r:{x}": false, "s:{x}": true, "t:{x}": false} {
		if !p.Lists(holding(), mcp.ResourceTemplates, template) {
			t.Errorf("%s: not listed", template)
		}
		d := p.Decide(holding(), &mcp.Message{Kind: mcp.Request, Method: "completion/complete", URI: template})
		if d.Allowed != completable {
			t.Errorf("%s: completable %v by %s", template, d.Allowed, d.Rule)
		}
	}
}

func TestResourceTemplatesAreListedIfSomeExpansionMayBeRead(t *testing.T) {
	p := compile(t, "resource file:///docs/secret/* deny\n"+
		"resource file:///docs/* require docs.read\n"+
		"resource demo://*/* require demo.{1}\n"+
		"resource exact://one allow")
	for _, c := range []struct {
		template string
		grants   string
		want     bool
	}{
		{"file:///docs/{name}", "docs.read", true},
		{"file:///docs/{name}", "docs.write", false},
		{"file:///{+path}", "docs.read", true},
		{"file:///docs/secret/{name}", "docs.read", false},
		{"file:///etc/{name}", "*", false},
		{"demo://text/{id}", "demo.text", true},
		{"demo://text/{id}", "demo.blob", false},
		{"demo://te xt/{id}", "*", false},
		{"demo://text/{id}", "other.text", false},
		{"demo://{kind}/{id}", "demo.*", true},
		{"exact://{x}", "a.b", true},
		{"exact://two{x}", "a.b", false},
		{"exact://one", "a.b", true},
		{"{x}", "a.b", true},
		{strings.Repeat("{x}/", 30), "docs.read", true},
	} {
		if got := p.Lists(holding(c.grants), mcp.ResourceTemplates, c.template); got != c.want {
			t.Errorf("%s with %s: listed %v, want %v", c.template, c.grants, got, c.want)
		}
	}
}

func TestTheRouteAsksForAllOrForOne(t *testing.T) {
	p, err := policy.Compile(policy.Config{Require: []string{"a.b", "a.c"}, RequireAny: []string{"x.y", "x.z"}})
	if err != nil {
		t.Fatal(err)
	}
	nothing := p.DecideRoute(tokenstore.NewGrants("a.*"))
	if again := nothing.Again(tokenstore.NewGrants("x.y")); !again.Allowed || nothing.Allowed {
		t.Errorf("got %+v, again %+v", nothing, again)
	}
	for _, c := range []struct {
		grants  []string
		missing []string
		any     bool
	}{
		{nil, []string{"a.b", "a.c"}, false},
		{[]string{"a.b"}, []string{"a.c"}, false},
		{[]string{"a.*"}, []string{"x.y", "x.z"}, true},
		{[]string{"a.*", "x.z"}, nil, true},
	} {
		d := p.DecideRoute(tokenstore.NewGrants(c.grants...))
		if d.Allowed != (c.missing == nil) || !cmp.Equal(d.Missing, c.missing) || d.Any != c.any {
			t.Errorf("%v: got %+v", c.grants, d)
		}
	}
	if d := p.DecideRoute(nil); d.Allowed {
		t.Error("no grants at all were enough")
	}
	if p.ReadsMessages() || p.FiltersLists() {
		t.Error("a policy without MCP rules wants to read messages")
	}
	expect(t, p, holding(), call("x", ""), "allow")
}

func TestOnlyARouteThatAsksForAManagementRightTakesManagementTokens(t *testing.T) {
	for _, c := range []struct {
		config policy.Config
		want   bool
	}{
		{policy.Config{}, false},
		{policy.Config{Require: []string{"a.b"}}, false},
		{policy.Config{Require: []string{"a.b", "mcp_token.view_token"}}, true},
		{policy.Config{RequireAny: []string{"a.b", "mcp_token.view_token"}}, false},
		{policy.Config{RequireAny: []string{"mcp_token.export", "mcp_token.view_token"}}, true},
		{policy.Config{Require: []string{"mcp_tokens.view"}}, false},
	} {
		p, err := policy.Compile(c.config)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.RequiresManagement(); got != c.want {
			t.Errorf("%+v: got %v", c.config, got)
		}
	}
}

func TestListsAreFilteredAsSoonAsThereIsSomethingToFilterBy(t *testing.T) {
	on, off := true, false
	for _, c := range []struct {
		rules string
		set   *bool
		want  bool
	}{
		{"tool * allow", nil, true},
		{"prompt * allow", nil, true},
		{"resource * allow", nil, true},
		{"method * allow", nil, false},
		{"method * allow", &on, true},
		{"tool * allow", &off, false},
		{"", nil, false},
		{"", &off, false},
	} {
		p, err := policy.Compile(policy.Config{Rules: rules(t, c.rules), FilterLists: c.set})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.FiltersLists(); got != c.want {
			t.Errorf("%q %v: got %v", c.rules, c.set, got)
		}
	}
}

func TestAPolicyDescribesItself(t *testing.T) {
	p, err := policy.Compile(policy.Config{
		Require:    []string{"z.z"},
		RequireAny: []string{"y.y", "x.x"},
		Rules:      rules(t, "tool a_* where `args.n > 1` require b.c d.{1}\nmethod tasks/* deny"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"require z.z",
		"require_any y.y x.x",
		"tool a_* where `args.n > 1` require b.c d.{1} (Caddyfile:1)",
		"method tasks/* deny (Caddyfile:2)",
	}
	if diff := cmp.Diff(want, p.Describe()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b.c", "x.x", "y.y", "z.z"}, p.Permissions()); diff != "" {
		t.Error(diff)
	}
	for grant, want := range map[string]bool{
		"z.z": true, "y.*": true, "b.c": true, "d.anything": true, "*": true, "*.x": true, "*.any_*": true,
		"e.f": false, "b.d": false, "e.*": false, "mcp_token.*": false,
	} {
		if p.Mentions(tokenstore.NewGrants(grant)) != want {
			t.Errorf("mentions %s: %v", grant, !want)
		}
	}
}
