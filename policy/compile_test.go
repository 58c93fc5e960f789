package policy_test

import (
	"strings"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/policy"
)

func TestCompileNamesPlaceWordAndWhatWasExpected(t *testing.T) {
	for _, c := range []struct {
		name string
		rule policy.Rule
		want []string
	}{
		{"a permission without a dot", policy.Rule{Match: []string{"x"}, Require: []string{"blog"}},
			[]string{`"blog"`, "expected app_label.codename"}},
		{"a permission with a wildcard", policy.Rule{Match: []string{"x"}, Require: []string{"blog.*"}},
			[]string{`"blog.*"`, "can be granted, not required"}},
		{"a permission with a strange character", policy.Rule{Match: []string{"x_*"}, Require: []string{"b log.view_{1}"}},
			[]string{`"b log.view_{1}"`, `' '`}},
		{"a capture beyond the stars", policy.Rule{Match: []string{"a_*", "b"}, Require: []string{"blog.view_{1}"}},
			[]string{`"blog.view_{1}"`, "first *", `"b" has none`}},
		{"a second capture with one star", policy.Rule{Match: []string{"a_*"}, Require: []string{"blog.view_{2}"}},
			[]string{`{2}`, "second *", `"a_*" has one`}},
		{"a snippet argument", policy.Rule{Match: []string{"a_*"}, Require: []string{"{args[0]}.view_{1}"}},
			[]string{"{args[0]}", "snippet"}},
		{"a capture that is none", policy.Rule{Match: []string{"a_*"}, Require: []string{"blog.view_{01}"}},
			[]string{"{01} is not a capture", "{1} to {9}"}},
		{"an open brace", policy.Rule{Match: []string{"a_*"}, Require: []string{"blog.view_{1"}},
			[]string{"not closed"}},
		{"a closing brace", policy.Rule{Match: []string{"a_*"}, Require: []string{"blog.view_1}"}},
			[]string{`"blog.view_1}"`}},
		{"a capture alone", policy.Rule{Match: []string{"*"}, Require: []string{"{1}"}},
			[]string{`"{1}"`, "expected app_label.codename"}},
		{"a permission twice", policy.Rule{Match: []string{"x"}, Require: []string{"a.b", "a.b"}},
			[]string{`"a.b" is written twice`}},
		{"no glob", policy.Rule{Effect: policy.EffectAllow},
			[]string{"expected at least one glob"}},
		{"an empty glob", policy.Rule{Match: []string{""}, Effect: policy.EffectAllow},
			[]string{`glob ""`, "empty"}},
		{"a control character", policy.Rule{Match: []string{"a\nb"}, Effect: policy.EffectAllow},
			[]string{`glob "a\nb"`, "control character"}},
		{"invalid UTF-8", policy.Rule{Match: []string{"a\xff"}, Effect: policy.EffectAllow},
			[]string{"UTF-8"}},
		{"a space at the end", policy.Rule{Match: []string{"a "}, Effect: policy.EffectAllow},
			[]string{`glob "a "`, "space"}},
		{"two stars", policy.Rule{Match: []string{"a**"}, Effect: policy.EffectAllow},
			[]string{"two stars"}},
		{"too many stars", policy.Rule{Match: []string{strings.Repeat("*a", 10)}, Effect: policy.EffectAllow},
			[]string{"10 stars", "at most 9"}},
		{"too long a glob", policy.Rule{Match: []string{strings.Repeat("a", 1025)}, Effect: policy.EffectAllow},
			[]string{"1025 bytes"}},
		{"another glob language", policy.Rule{Match: []string{"{list,get}_*"}, Effect: policy.EffectAllow},
			[]string{`'{'`, "only * is special"}},
		{"a snippet argument in a glob", policy.Rule{Match: []string{"{args[1]}_*"}, Effect: policy.EffectAllow},
			[]string{"snippet"}},
		{"a resource glob that can match nothing", policy.Rule{Kind: policy.KindResource, Match: []string{"file:///a/../*"}, Effect: policy.EffectAllow},
			[]string{`"file:///a/../*"`, `".." segment`}},
		{"a URI template", policy.Rule{Kind: policy.KindResource, Match: []string{"demo://{id}"}, Effect: policy.EffectAllow},
			[]string{`"demo://{id}"`, "write * for an expression"}},
		{"a glob twice", policy.Rule{Match: []string{"a", "a"}, Effect: policy.EffectAllow},
			[]string{`"a" is written twice`}},
		{"a glob inside another", policy.Rule{Match: []string{"a_b", "a_*"}, Effect: policy.EffectAllow},
			[]string{`"a_b" is superfluous`, `"a_*"`}},
		{"no effect", policy.Rule{Match: []string{"a"}},
			[]string{"expected require <permission...>, allow or deny"}},
		{"an unknown effect", policy.Rule{Match: []string{"a"}, Effect: "permit"},
			[]string{`"permit"`, "allow or deny"}},
		{"require without a permission", policy.Rule{Match: []string{"a"}, Effect: policy.EffectRequire},
			[]string{"at least one permission"}},
		{"allow with a permission", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Require: []string{"a.b"}},
			[]string{"allow and require a.b exclude each other"}},
		{"an unknown kind", policy.Rule{Kind: "tols", Match: []string{"a"}, Effect: policy.EffectAllow},
			[]string{`"tols"`, "tool, prompt, resource or method"}},
		{"a condition that does not parse", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: "args.n == "},
			[]string{"where `args.n == `", "column", "Syntax error"}},
		{"a condition on something unknown", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: "arg.n == 1"},
			[]string{"column 1", "undeclared reference to 'arg'", "token.user"}},
		{"a condition on something that its kind lacks", policy.Rule{Kind: policy.KindResource, Match: []string{"a"}, Effect: policy.EffectAllow, Where: "tool == 'x'"},
			[]string{"undeclared reference to 'tool'", "a resource rule knows uri"}},
		{"a condition that is a number", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: "1 + 1"},
			[]string{"of type int", "true or false"}},
		{"a condition of any type", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: "args.flag"},
			[]string{"of type dyn", "true or false"}},
		{"a condition with the wrong types", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: "tool == 1"},
			[]string{"no matching overload"}},
		{"an empty condition", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: " "},
			[]string{"empty"}},
		{"a condition with a bad pattern", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: "tool.matches('(')"},
			[]string{"invalid matches argument"}},
		{"loops three deep", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: "args.a.all(x, x.all(y, y.all(z, z > 0)))"},
			[]string{"nesting"}},
		{"a loop over args by the name of args", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: "args.a.all(args, args.b == 1)"},
			[]string{"args is taken"}},
		{"a condition that is too long", policy.Rule{Match: []string{"a"}, Effect: policy.EffectAllow, Where: "tool == '" + strings.Repeat("x", 5000) + "'"},
			[]string{"size"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.rule.Kind == "" {
				c.rule.Kind = policy.KindTool
			}
			c.rule.File, c.rule.Line = "/etc/caddy/Caddyfile", 12
			_, err := policy.Compile(policy.Config{Rules: []policy.Rule{c.rule}})
			if err == nil {
				t.Fatal("compiled")
			}
			for _, want := range append(c.want, "/etc/caddy/Caddyfile:12: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

func TestARuleThatAnEarlierOneHidesIsAnError(t *testing.T) {
	for text, hidden := range map[string]string{
		"tool * allow\ntool x deny":                                                   `2: tool: glob "x" can never match: "*" of the earlier rule tool * allow (Caddyfile:1)`,
		"tool list_* allow\ntool list_a_* deny":                                       `"list_a_*"`,
		"tool list_* allow\ntool list_a get_* deny":                                   `"list_a"`,
		"tool *a* allow\ntool b*a deny":                                               `"b*a"`,
		"tool x where `args.n == 1` allow\ntool x where `args.n == 1` deny":           `"x"`,
		"tool x allow\ntool x where `args.n == 1` deny":                               `"x"`,
		"tool a* allow\ntool *b deny\ntool aXb where `args.n==1` deny":                `"a*"`,
		"method * allow\nmethod tasks/get deny":                                       `"tasks/get"`,
		"resource file:///* allow\nresource file:///a/../b allow":                     `"file:///a/../b"`,
		"tool x where `args.n == 1` allow\ntool * deny\nprompt x deny\ntool y_* deny": `4: tool: glob "y_*"`,
	} {
		_, err := policy.Compile(policy.Config{Rules: rules(t, text)})
		if err == nil || !strings.Contains(err.Error(), hidden) {
			t.Errorf("%s\ngot %v, want %s", text, err, hidden)
		}
	}
	for _, text := range []string{
		django,
		"tool x deny\ntool * allow",
		"tool *a allow\ntool a* deny",
		"tool a*b allow\ntool ab* deny",
		"tool x where `args.n == 1` allow\ntool x where `args.n == 2` deny\ntool x allow",
		"tool * allow\nprompt x deny",
		"resource file:///a/../b file:///* allow",
	} {
		compile(t, text)
	}
}

func TestTheRouteItselfIsChecked(t *testing.T) {
	on := true
	for want, c := range map[string]policy.Config{
		`require: permission "blog": expected`:          {Require: []string{"blog"}},
		`require_any: permission "b.*"`:                 {RequireAny: []string{"b.*"}},
		`captures are known only in a rule with a glob`: {Require: []string{"b.{1}"}},
		`require: permission "a.b" is written twice`:    {Require: []string{"a.b", "a.b"}},
		`filter_lists on: there is no`:                  {FilterLists: &on},
	} {
		if _, err := policy.Compile(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestEverythingThatIsWrongIsToldAtOnce(t *testing.T) {
	_, err := policy.Compile(policy.Config{
		Require: []string{"x"},
		Rules: []policy.Rule{
			{Kind: policy.KindTool, Match: []string{"a**"}, Effect: "maybe"},
			{Kind: policy.KindTool, Match: []string{"b"}, Require: []string{"c"}, File: "f.json"},
		},
	})
	if err == nil {
		t.Fatal("compiled")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[1], "rule 1: tool: ") || !strings.HasPrefix(lines[3], "f.json: rule 2: tool: ") {
		t.Error(err)
	}
}
