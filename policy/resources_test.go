package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/mcp"
)

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
