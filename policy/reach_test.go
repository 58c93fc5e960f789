package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestReachTellsRuleByRuleWhatATokenCouldDo(t *testing.T) {
	p, err := policy.Compile(policy.Config{
		Require: []string{"mcp.use"},
		Rules:   rules(t, "tool find allow\ntool drop deny\ntool list_* require blog.view_{1} blog.list\ntool add_* require shop.add_{1}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := p.Reach(tokenstore.NewGrants("mcp.use", "blog.view_article"))
	want := []policy.Reach{
		{Text: "tool find allow", Allowed: true},
		{Text: "tool drop deny"},
		{Text: "tool list_* require blog.view_{1} blog.list", Missing: []string{"blog.list"}},
		{Text: "tool add_* require shop.add_{1}", Missing: []string{"shop.add_{1}"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = p.Reach(nil)
	want = []policy.Reach{{Text: "everything here: require mcp.use", Missing: []string{"mcp.use"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	open, err := policy.Compile(policy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := open.Reach(nil); len(got) != 1 || !got[0].Allowed {
		t.Errorf("got %+v", got)
	}
}
