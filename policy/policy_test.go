package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

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

func TestTextThatCannotBePartOfAPermissionDenies(t *testing.T) {
	p := compile(t, "tool get_* require {1}.view\ntool list_* require blog.view_{1}")
	s := holding("*", "mcp_token.*")
	for _, tool := range []string{"get_", "list_", "get_a.b", "get_mcp_token.x", "list_a b", "list_*", "list_é", "list_\x00", "get_a/b",
		"list_" + strings.Repeat("x", 300), "list_" + strings.Repeat("x", 2000)} {
		expect(t, p, s, call(tool, ""), "deny")
	}
	expect(t, p, holding("blog.*"), call("list_a.b", ""), "allow")
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
