package policy_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// generated is a rule whose condition, if n is not zero, is args.n == n.
type generated struct {
	policy.Rule
	n int
}

// generate draws rules for one kind, skipping those that an earlier one hides.
// With distinct, no two conditions are alike, so that arguments exist that meet
// any one of them and none before it.
func generate(t *rapid.T, kind policy.Kind, globs *rapid.Generator[string], distinct bool) ([]generated, *policy.Policy) {
	var all []generated
	p, _ := policy.Compile(policy.Config{})
	for i := range rapid.IntRange(1, 6).Draw(t, "rules") {
		r := generated{Rule: policy.Rule{
			Kind:   kind,
			Match:  []string{globs.Draw(t, "glob")},
			Effect: rapid.SampledFrom([]policy.Effect{"allow", "deny", "require"}).Draw(t, "effect"),
		}}
		if r.Effect == policy.EffectRequire {
			r.Require = []string{"p." + rapid.SampledFrom([]string{"x", "y", "{1}", "{1}y"}).Draw(t, "permission")}
		}
		if kind == policy.KindTool && rapid.Bool().Draw(t, "conditional") {
			r.n = i + 1
			if !distinct {
				r.n = rapid.IntRange(1, 2).Draw(t, "n")
			}
			r.Where = fmt.Sprintf("args.n == %d", r.n)
		}
		var config policy.Config
		for _, g := range append(slices.Clone(all), r) {
			config.Rules = append(config.Rules, g.Rule)
		}
		if next, err := policy.Compile(config); err == nil {
			all, p = append(all, r), next
		}
	}
	return all, p
}

// oracle decides a tool call the simple way. n is 0 for no argument.
func oracle(rules []generated, g *tokenstore.Grants, tool string, n int) bool {
	for _, r := range rules {
		re := regexp.MustCompile(`\A` + strings.ReplaceAll(regexp.QuoteMeta(r.Match[0]), `\*`, "(.*?)") + `\z`)
		m := re.FindStringSubmatch(tool)
		switch {
		case m == nil:
			continue
		case r.n > 0 && n == 0:
			return false
		case r.n > 0 && r.n != n:
			continue
		case r.Effect != policy.EffectRequire:
			return r.Effect == policy.EffectAllow
		}
		permission := r.Require[0]
		if strings.Contains(permission, "{1}") {
			if m[1] == "" {
				return false
			}
			permission = strings.ReplaceAll(permission, "{1}", m[1])
		}
		return g.Has(permission)
	}
	return false
}

var (
	toolGlobs = rapid.SampledFrom([]string{"*", "x", "y", "x*", "*y", "x*y", "*x*", "a_*", "a_*_y", "a_x"})
	toolNames = rapid.SampledFrom([]string{"", "x", "y", "xy", "xxy", "yx", "a_", "a_x", "a_y", "a_x_y", "z"})
	grants    = rapid.SliceOfN(rapid.SampledFrom([]string{"p.x", "p.y", "p.xy", "p.*y", "p.*", "q.x"}), 0, 3)
)

func TestCallsAreDecidedAsTheSimpleReadingOfTheRulesSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, p := generate(t, policy.KindTool, toolGlobs, false)
		if len(rules) == 0 {
			return
		}
		s := holding(grants.Draw(t, "grants")...)
		tool := toolNames.Draw(t, "tool")
		for n := range 4 {
			args := "{}"
			if n > 0 {
				args = fmt.Sprintf(`{"n":%d}`, n)
			}
			d := p.Decide(s, call(tool, args))
			if want := oracle(rules, s.Grants, tool, n); d.Allowed != want {
				t.Fatalf("%q %s: got %v by %s, want %v\n%s", tool, args, d.Allowed, d.Rule, want, strings.Join(p.Describe(), "\n"))
			}
			if again := p.Decide(holding(), call(tool, args)).Again(s.Grants); again.Allowed != d.Allowed {
				t.Fatalf("%q %s: %v, and %v when asked again", tool, args, d.Allowed, again.Allowed)
			}
			if d.Allowed && !p.Lists(s, mcp.Tools, tool) {
				t.Fatalf("%q may be called with %s and is not listed\n%s", tool, args, strings.Join(p.Describe(), "\n"))
			}
		}
	})
}

func TestAListedToolCanBeCalledAndAnUnlistedOneCannot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, p := generate(t, policy.KindTool, toolGlobs, true)
		if len(rules) == 0 {
			return
		}
		s := holding(grants.Draw(t, "grants")...)
		tool := toolNames.Draw(t, "tool")
		callable := false
		for n := range 9 {
			callable = callable || p.Decide(s, call(tool, fmt.Sprintf(`{"n":%d}`, n))).Allowed
		}
		callable = callable || p.Decide(s, call(tool, "{}")).Allowed
		if listed := p.Lists(s, mcp.Tools, tool); listed != callable {
			t.Fatalf("%q: listed %v, callable %v\n%s", tool, listed, callable, strings.Join(p.Describe(), "\n"))
		}
	})
}

func TestTemplatesAndTheirExpansionsAgree(t *testing.T) {
	uriGlobs := rapid.SampledFrom([]string{"*", "r:x", "r:*", "r:x/*", "*/y", "r:*/y", "r:x/y", "s:*", "r:x*"})
	templates := rapid.SampledFrom([]string{"r:{a}", "r:x/{a}", "r:{a}/y", "{a}", "r:{a}/{b}", "s:{a}y"})
	text := rapid.SampledFrom([]string{"", "x", "y", "x/y", "r:x", "z", "x/z/y", "s:y"})
	rapid.Check(t, func(t *rapid.T) {
		rules, p := generate(t, policy.KindResource, uriGlobs, false)
		if len(rules) == 0 {
			return
		}
		s := holding(grants.Draw(t, "grants")...)
		template := templates.Draw(t, "template")
		uri := strings.NewReplacer("{a}", text.Draw(t, "a"), "{b}", text.Draw(t, "b")).Replace(template)
		readable := p.Decide(s, read(uri)).Allowed
		if readable != p.Lists(s, mcp.Resources, uri) {
			t.Fatalf("%s: list and call differ", uri)
		}
		if readable && !p.Lists(s, mcp.ResourceTemplates, template) {
			t.Fatalf("%s may be read and %s is not listed\n%s", uri, template, strings.Join(p.Describe(), "\n"))
		}
		complete := p.Decide(s, &mcp.Message{Kind: mcp.Request, Method: "completion/complete", URI: template})
		again := p.Decide(holding(), &mcp.Message{Kind: mcp.Request, Method: "completion/complete", URI: template}).Again(s.Grants)
		if again.Allowed != complete.Allowed {
			t.Fatalf("%s: %+v, and when asked again %+v\n%s", template, complete, again, strings.Join(p.Describe(), "\n"))
		}
		if complete.Allowed && !readable {
			t.Fatalf("%s may be completed by %s, and %s may not be read\n%s", template, complete.Rule, uri, strings.Join(p.Describe(), "\n"))
		}
	})
}

func FuzzCompile(f *testing.F) {
	f.Add("tool list_* require blog.view_{1}", "args.n == 1", "list_x", `{"n":1}`)
	f.Add("tool a_* b_*_c where W require x.{1} y.z", "args.l.all(x, x > 1)", "a_b", `{"l":[1,2]}`)
	f.Add("resource file:///* allow", "", "file:///a/../b", "")
	f.Add("method * deny", "uri == ''", "tasks/get", "")
	f.Add("prompt p where W deny", "has(args.x.y) ? args.x.y.matches('a+') : token.name == ''", "p", `{"x":{"y":"aa"}}`)
	f.Fuzz(func(t *testing.T, text, condition, name, arguments string) {
		words := strings.Fields(text)
		for i := range words {
			if words[i] == "W" {
				words[i] = condition
			}
		}
		r, ok := parse(words)
		if !ok {
			return
		}
		r.File, r.Line = "Caddyfile", 1
		p, err := policy.Compile(policy.Config{Rules: []policy.Rule{r}})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "Caddyfile:1: ") {
				t.Fatalf("no place in %q", err)
			}
			return
		}
		p.Describe()
		p.Permissions()
		for _, s := range []policy.Subject{{}, holding("*")} {
			for _, m := range []*mcp.Message{call(name, arguments), get(name), read(name), method(name),
				{Kind: mcp.Request, Method: "completion/complete", Name: name, URI: name},
				{Kind: mcp.Request, Method: "subscriptions/listen", URIs: []string{name}}} {
				d := p.Decide(s, m)
				if d.Allowed != (d.Reason == "") || d.Rule == "" || d.Allowed && len(d.Missing) > 0 {
					t.Fatalf("%+v", d)
				}
				if d.Allowed && m.Method == "tools/call" && !p.Lists(s, mcp.Tools, name) {
					t.Fatalf("%s calls %q and does not list it", text, name)
				}
				if d.Allowed && m.Method == "resources/read" && !p.Lists(s, mcp.Resources, name) {
					t.Fatalf("%s reads %q and does not list it", text, name)
				}
			}
			p.Lists(s, mcp.ResourceTemplates, name)
		}
	})
}
