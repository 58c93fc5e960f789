package caddymodule

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/mcptoken/caddy-mcp-token/policy"
)

// Whatever stands in a Caddyfile, parsing it ends, and what is accepted means
// the same as JSON: rules are not lost, joined or turned on the way.
func FuzzDirective(f *testing.F) {
	for _, seed := range []string{
		"require a.b", "require_any a.b c.d", "tool list_* get_* require blog.view_{1}",
		"tool bulk_* where `args.operation == \"delete\"` require blog.delete_{1}", "resource file:///x/* allow",
		"tool \"where\" deny", "prompt * deny\nmethod tasks/* allow", "rate_limit 60/m burst 20", "max_body 4MiB", "{", "tool where where",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, words string) {
		h := new(Handler)
		if h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("mcp_token {\n"+words+"\n}")) != nil {
			return
		}
		for _, rule := range h.Rules {
			if len(rule.Match) == 0 || rule.Effect == "" || (rule.Effect == policy.EffectRequire) != (len(rule.Require) > 0) {
				t.Fatalf("half a rule: %+v", rule)
			}
		}
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		again := new(Handler)
		if err := json.Unmarshal(text, again); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		_, first := policy.Compile(h.Config)
		_, second := policy.Compile(again.Config)
		if (first == nil) != (second == nil) || first == nil && !reflect.DeepEqual(h.Rules, again.Rules) {
			t.Fatalf("%s:\n%v\n%v", text, first, second)
		}
	})
}
