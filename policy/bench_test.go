package policy_test

import (
	"testing"

	"github.com/mcptoken/caddy-mcp-token/mcp"
)

func BenchmarkDecide(b *testing.B) {
	plain := "tool find_models allow\ntool list_* get_* describe_* require blog.view\ntool delete_* require blog.delete\ntool * deny"
	s := holding("blog.view", "blog.view_article", "blog.delete_article")
	for _, c := range []struct {
		name, rules string
		m           *mcp.Message
	}{
		{"plain", plain, call("describe_article", `{"id":1}`)},
		{"harmless", plain, method("initialize")},
		{"denied", plain, call("drop_article", `{"id":1}`)},
		{"capture", django, call("delete_article", `{"id":1}`)},
		{"condition", django, call("action_article", `{"action":"delete_selected","ids":[1,2,3]}`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := compile(b, c.rules)
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(s, c.m)
			}
		})
	}
}

func TestDecidingWithoutConditionsAndCapturesAllocatesNothing(t *testing.T) {
	p := compile(t, "tool find_models allow\ntool list_* get_* require blog.view\ntool delete_* deny\nresource a:* allow\nprompt * where `args.x == 1` allow")
	s := holding("blog.view")
	for _, m := range []*mcp.Message{call("list_x", ""), call("find_models", ""), call("delete_x", ""), call("other", ""), read("a:b"), method("ping"), method("tasks/get")} {
		if n := testing.AllocsPerRun(100, func() { p.Decide(s, m) }); n != 0 {
			t.Errorf("%s %s: %v allocations", m.Method, m.Name, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { p.Lists(s, mcp.Tools, "list_x"); p.DecideRoute(s.Grants) }); n != 0 {
		t.Errorf("listing: %v allocations", n)
	}
}
