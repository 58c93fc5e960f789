package adminapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// blog is a route with rules of every kind.
var blog = policy.Config{
	Name:    "blog",
	Require: []string{"blog.use"},
	Rules: []policy.Rule{
		{Kind: policy.KindTool, Match: []string{"find_models"}, Effect: policy.EffectAllow},
		{Kind: policy.KindTool, Match: []string{"list_*", "get_*"}, Require: []string{"blog.view_{1}"}},
		{Kind: policy.KindTool, Match: []string{"delete_*"}, Effect: policy.EffectDeny},
		{Kind: policy.KindResource, Match: []string{"file:///public/*"}, Effect: policy.EffectAllow},
	},
}

func toolCall(tool string) string {
	return `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "` + tool + `", "arguments": {}}}`
}

func TestCheckExplainsEveryDecision(t *testing.T) {
	g := start(t)
	g.route("blog", blog)
	reader, secret := g.token("reader", "blog.use", "blog.view_article")
	bare, _ := g.token("bare")
	manager, _ := g.token("manager", "mcp_token.*", "blog.*")
	off, offSecret := g.token("off", "blog.*")
	if _, err := g.service.SetActive(t.Context(), local, off.ID, 0, false, ""); err != nil {
		t.Fatal(err)
	}
	elsewhere := func(n tokenstore.NewToken) tokenstore.Record {
		record, _, err := g.service.CreateToken(t.Context(), local, n)
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	shop := elsewhere(tokenstore.NewToken{Name: "shop", Permissions: []string{"blog.*"}, Audiences: []string{"shop"}})
	inside := elsewhere(tokenstore.NewToken{Name: "inside", Permissions: []string{"blog.*"}, AllowedCIDRs: []string{"10.0.0.0/8"}})

	modern := strings.Replace(toolCall("list_article"), `"params": {`, `"params": {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
		"io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"}, "io.modelcontextprotocol/clientCapabilities": {}}, `, 1)
	for _, c := range []struct {
		what, body string
		want       Verdict
	}{
		{"a rule that requires", `{"id": "` + reader.ID + `", "message": ` + toolCall("list_article") + `}`,
			Verdict{Decision: "allow", Required: []string{"blog.view_article"}}},
		{"a message of the modern era", `{"id": "` + reader.ID + `", "message": ` + modern + `}`,
			Verdict{Decision: "allow", Required: []string{"blog.view_article"}}},
		{"a secret", `{"token": "` + secret + `", "route": "blog", "message": ` + toolCall("find_models") + `}`, Verdict{Decision: "allow"}},
		{"a permission that is missing", `{"id": "` + reader.Key + `", "message": ` + toolCall("list_author") + `}`,
			Verdict{Decision: "deny", Reason: "permission", Required: []string{"blog.view_author"}, Missing: []string{"blog.view_author"}}},
		{"a rule that denies", `{"id": "` + reader.ID + `", "message": ` + toolCall("delete_article") + `}`, Verdict{Decision: "deny", Reason: "rule"}},
		{"no rule that matches", `{"id": "` + reader.ID + `", "message": ` + toolCall("launch") + `}`, Verdict{Decision: "deny", Reason: "rule"}},
		{"what the whole route requires", `{"id": "` + bare.ID + `", "message": ` + toolCall("find_models") + `}`,
			Verdict{Decision: "deny", Reason: "permission", Required: []string{"blog.use"}, Missing: []string{"blog.use"}}},
		{"a GET, which has no message", `{"id": "` + reader.ID + `", "method": "GET", "path": "/mcp"}`,
			Verdict{Decision: "allow", Required: []string{"blog.use"}}},
		{"a message that is none", `{"id": "` + reader.ID + `", "message": {"method": 1}}`, Verdict{Decision: "deny", Reason: "body"}},
		{"a batch", `{"id": "` + reader.ID + `", "message": []}`, Verdict{Decision: "deny", Reason: "body"}},
		{"a management token", `{"id": "` + manager.ID + `", "message": ` + toolCall("find_models") + `}`, Verdict{Decision: "deny", Reason: "permission"}},
		{"a disabled token", `{"id": "` + off.ID + `", "message": ` + toolCall("find_models") + `}`, Verdict{Decision: "deny", Reason: "inactive"}},
		{"a disabled token's secret", `{"token": "` + offSecret + `", "message": ` + toolCall("find_models") + `}`, Verdict{Decision: "deny", Reason: "inactive"}},
		{"another audience", `{"id": "` + shop.ID + `", "message": ` + toolCall("find_models") + `}`, Verdict{Decision: "deny", Reason: "audience"}},
		{"another address", `{"id": "` + inside.ID + `", "address": "192.0.2.1", "message": ` + toolCall("find_models") + `}`, Verdict{Decision: "deny", Reason: "address"}},
		{"the right address", `{"id": "` + inside.ID + `", "address": "::ffff:10.1.1.1", "message": ` + toolCall("find_models") + `}`, Verdict{Decision: "allow"}},
		{"a wrong secret", `{"token": "` + spoil(secret) + `", "message": {}}`, Verdict{Decision: "deny", Reason: "bad_secret"}},
		{"an unknown secret", `{"token": "` + tokenstore.NewSecret().Reveal() + `", "message": {}}`, Verdict{Decision: "deny", Reason: "unknown"}},
		{"no secret at all", `{"token": "x", "message": {}}`, Verdict{Decision: "deny", Reason: "malformed"}},
	} {
		var got Verdict
		g.want(200, "POST", "/check", c.body).into(t, &got)
		if (got.Rule == "") != (got.Reason != "" && !slices.Contains([]tokenstore.Reason{"permission", "rule", "body"}, got.Reason)) {
			t.Errorf("%s: rule is %q", c.what, got.Rule)
		}
		got.Rule, got.TokenID, c.want.Route = "", "", "blog"
		c.want.Required, c.want.Missing = append([]string{}, c.want.Required...), append([]string{}, c.want.Missing...)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
	if r, err := g.service.Token(reader.ID); err != nil || r.LastUsedAt != nil {
		t.Errorf("a check counts as a use: %+v, %v", r, err)
	}
	for pointer, body := range map[string]string{
		"/route": `{"id": "` + reader.ID + `", "route": "shop"}`, "/message": `{"id": "` + reader.ID + `"}`,
		"/id": `{"message": {}}`, "/address": `{"id": "` + reader.ID + `", "address": "here", "message": {}}`,
	} {
		if p := g.refused(codeValidationFailed, "POST", "/check", body); p.Errors[0].Pointer != pointer {
			t.Errorf("%s: %+v", body, p)
		}
	}
	g.refused(codeValidationFailed, "POST", "/check", `{"id": "`+reader.ID+`", "token": "`+secret+`", "message": {}}`)
	g.refused(codeValidationFailed, "POST", "/check", `{"id": "tok_nobody", "message": {}}`)
	g.route("", policy.Config{Name: "second"})
	g.refused(codeValidationFailed, "POST", "/check", `{"id": "`+reader.ID+`", "message": {}}`)
	g.routes = nil
	g.refused(codeValidationFailed, "POST", "/check", `{"id": "`+reader.ID+`", "message": {}}`)
}

// The live path is written out here once more: Begin, the rule about
// management tokens, DecideRoute, Read, Decide.
func TestCheckDecidesAsTheGatewayDoes(t *testing.T) {
	g := start(t)
	g.route("blog", blog)
	grants := []string{"blog.use", "blog.view_article", "blog.*", "blog.view_*", "*", "mcp_token.view_token", "shop.use"}
	tools := []string{"find_models", "list_article", "get_author", "list_", "delete_article", "launch", "LIST_article", "list_a b"}
	type holder struct {
		tokenstore.Record
		secret string
	}
	var holders []holder
	for i := range 40 {
		permissions := slices.DeleteFunc(slices.Clone(grants), func(p string) bool { return i*7%(slices.Index(grants, p)+2) != 0 })
		record, secret, err := g.service.CreateToken(t.Context(), local, tokenstore.NewToken{
			Name: fmt.Sprint(i), Permissions: permissions, Disabled: i%11 == 10, Audiences: [][]string{nil, {"blog"}, {"shop"}}[i%3]})
		if err != nil {
			t.Fatal(err)
		}
		holders = append(holders, holder{record, secret.Reveal()})
	}
	p := g.routes[0].Policy
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.SampledFrom(holders).Draw(t, "token")
		message := rapid.SampledFrom([]string{
			toolCall(rapid.SampledFrom(tools).Draw(t, "tool")),
			`{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///public/a"}}`,
			`{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///etc/passwd"}}`,
			`{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}`, `{"jsonrpc": "2.0", "method": "notifications/initialized"}`,
			`{"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "x"}}`, `{"jsonrpc": "2.0", "id": 1, "method": "tasks/list"}`,
			`{"method": "tools/call", "name": "list_article"}`, `[]`, `{}`,
		}).Draw(t, "message")
		q := Question{Method: rapid.SampledFrom([]string{"POST", "POST", "POST", "GET", "DELETE"}).Draw(t, "method"), Message: []byte(message)}
		if rapid.Bool().Draw(t, "by secret") {
			q.Token = h.secret
		} else {
			q.ID = h.ID
		}
		verdict, err := Check(g.service, g.routes, q)
		if err != nil {
			t.Fatal(err)
		}

		allowed, reason := false, tokenstore.Reason("")
		secret, _ := tokenstore.ParseSecret(h.secret)
		session, err := g.service.Begin(g.Context(), secret, tokenstore.Caller{Audience: "blog"})
		if err != nil {
			reason = err.(*tokenstore.Refusal).Reason
		} else {
			defer session.End()
			d := p.DecideRoute(session.Grants())
			switch {
			case session.Grants().HoldsManagement():
				d = policy.Decision{Reason: tokenstore.ReasonPermission}
			case d.Allowed && q.Method == http.MethodPost:
				m, refusal := mcp.Read(http.Header{}, []byte(message))
				if refusal != nil {
					d = policy.Decision{Reason: tokenstore.ReasonBody}
				} else {
					d = p.Decide(policy.Subject{Grants: session.Grants(), TokenName: h.Name, TokenUser: h.User}, m)
				}
			}
			allowed, reason = d.Allowed, d.Reason
		}
		if (verdict.Decision == "allow") != allowed || verdict.Reason != reason {
			t.Fatalf("check says %+v, the gateway %v %q", verdict, allowed, reason)
		}
	})
}

func TestTheCatalogueTellsWhatNothingAsksFor(t *testing.T) {
	g := start(t)
	g.route("", blog)
	g.route("", policy.Config{Name: "shop", RequireAny: []string{"shop.use", "shop.admin"}})
	g.group("staff", "blog.*", "blgo.use")
	g.token("a", "blog.use", "blog.view_article", "shop.view_cart", "mcp_token.view_token")
	g.token("b", "blog.use", "other.*", "blog.view_*")
	var page list[Permission]
	g.want(200, "GET", "/permissions", "").into(t, &page)
	none := []string{}
	want := []Permission{
		{"blgo.use", 0, 1, none, false},
		{"blog.*", 0, 1, []string{"blog"}, true},
		{"blog.use", 2, 0, []string{"blog"}, true},
		{"blog.view_*", 1, 0, []string{"blog"}, true},
		{"blog.view_article", 1, 0, []string{"blog"}, true},
		{"mcp_token.view_token", 1, 0, none, true},
		{"other.*", 1, 0, none, false},
		{"shop.admin", 0, 0, []string{"shop"}, true},
		{"shop.use", 0, 0, []string{"shop"}, true},
		{"shop.view_cart", 1, 0, none, false},
	}
	if diff := cmp.Diff(want, page.Items); diff != "" {
		t.Error(diff)
	}
	var routes list[route]
	g.want(200, "GET", "/routes", "").into(t, &routes)
	if r := routes.Items[0]; r.Name != "blog" || len(r.Rules) < len(blog.Rules) || !r.ReadsMessages || !r.FiltersLists || r.RequiresManagement {
		t.Errorf("%+v", r)
	}
}
