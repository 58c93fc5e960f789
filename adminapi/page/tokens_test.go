package page

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestASecretIsShownOnceAndToNobodyElse(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	other := newBrowser()
	mine := s.browser
	s.browser = other
	s.signIn("second admin", "mcp_token.*")
	s.browser = mine

	made := s.post("/tokens", url.Values{"name": {"agent"}, "permissions": {"blog.view_article"}, "expires": {"90d"}})
	if made.status != http.StatusSeeOther || secretPattern.MatchString(made.body) || secretPattern.MatchString(made.location) {
		t.Fatalf("status %d to %s", made.status, made.location)
	}
	s.browser = other
	if got := s.get(made.location); secretPattern.MatchString(got.body) {
		t.Error("another session sees the secret")
	}
	s.browser = mine
	first := s.get(made.location)
	text := secretPattern.FindString(first.body)
	secret, err := tokenstore.ParseSecret(text)
	if err != nil {
		t.Fatalf("no secret on the page: %s", first.body)
	}
	if found, err := s.service.Verify(secret); err != nil || found.Name != "agent" {
		t.Errorf("the secret shown is of %q, %v", found.Name, err)
	}
	for range 2 {
		if again := s.get(made.location); secretPattern.MatchString(again.body) {
			t.Error("the secret is shown again")
		}
	}
}

func TestAnEmptyExpiryChoiceIsNinetyDaysAndNeverMustBeSaid(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	s.post("/tokens", url.Values{"name": {"default"}})
	s.post("/tokens", url.Values{"name": {"endless"}, "expires": {"never"}})
	for name, never := range map[string]bool{"default": false, "endless": true} {
		found, err := s.service.Tokens(tokenstore.TokenQuery{Q: name})
		if err != nil || len(found.Items) != 1 {
			t.Fatalf("%s: %v %v", name, found.Items, err)
		}
		if (found.Items[0].ExpiresAt == nil) != never {
			t.Errorf("%s expires at %v", name, found.Items[0].ExpiresAt)
		}
	}
}

func TestAFormKeepsWhatWasTypedAndNamesTheField(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	for field, form := range map[string]url.Values{
		"name":          {"name": {"  "}, "permissions": {"blog.view_article"}},
		"permissions":   {"name": {"a"}, "permissions": {"not a permission"}},
		"expires_at":    {"name": {"a"}, "expires": {"custom"}, "expires_at": {"soon"}},
		"allowed_cidrs": {"name": {"a"}, "allowed_cidrs": {"10.0.0.1/33"}},
		"rate_limit":    {"name": {"a"}, "rate_limit": {"lots"}},
	} {
		form.Set("description", "typed by hand")
		got := s.post("/tokens", form)
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", field, got.status)
		}
		for _, want := range []string{`href="#` + field, `value="typed by hand"`, `aria-describedby="` + field + `-problem"`} {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: the form lacks %s", field, want)
			}
		}
	}
}

func TestAStaleEditIsShownAsAConflictAndSavesNothing(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	agent, _ := s.token("agent", "blog.view_article")
	description := "changed in another tab"
	if _, err := s.service.UpdateToken(t.Context(), local, agent.ID, 0, tokenstore.TokenPatch{Description: &description}); err != nil {
		t.Fatal(err)
	}
	got := s.post("/tokens/"+agent.ID+"/edit", url.Values{
		"version": {fmt.Sprint(agent.Version)}, "name": {"mine"}, "permissions": {"blog.*"}, "expires": {"keep"},
	})
	if got.status != http.StatusPreconditionFailed || !strings.Contains(got.body, description) || !strings.Contains(got.body, `value="mine"`) {
		t.Errorf("status %d\n%s", got.status, got.body)
	}
	if now, _ := s.service.Token(agent.ID); now.Name != "agent" || now.Description != description {
		t.Errorf("saved all the same: %+v", now)
	}
	if got := s.post("/tokens/"+agent.ID+"/edit", url.Values{"name": {"mine"}}); got.status != http.StatusPreconditionRequired {
		t.Errorf("without a version: status %d", got.status)
	}
}

func TestALimitedManagerSeesAndDoesLess(t *testing.T) {
	s := open(t)
	boss, _ := s.token("boss", "mcp_token.*")
	agent, _ := s.token("agent", "blog.view_article")
	s.signIn("reader", "mcp_token.view_token")
	list := s.get("/tokens")
	if list.status != http.StatusOK || strings.Contains(list.body, "Create token") {
		t.Errorf("status %d; the list offers what is not allowed", list.status)
	}
	for path, form := range map[string]url.Values{
		"/tokens":                          {"name": {"new"}},
		"/tokens/" + agent.ID + "/edit":    {"version": {"1"}, "name": {"agent"}, "permissions": {"*"}, "expires": {"keep"}},
		"/tokens/" + agent.ID + "/rotate":  {},
		"/tokens/" + agent.ID + "/disable": {},
		"/tokens/" + agent.ID + "/delete":  {"confirm": {"agent"}},
		"/groups":                          {"name": {"g"}, "permissions": {"mcp_token.*"}},
		"/tokens/" + boss.ID + "/rotate":   {},
		"/tokens/" + agent.ID + "/end":     {},
		"/groups/none/delete":              {"confirm": {"none"}},
		"/tokens/bulk":                     {"action": {"disable"}, "id": {agent.ID}},
		"/tokens/" + agent.ID + "/enable":  {},
	} {
		if got := s.post(path, form); got.status < 400 && !strings.Contains(got.location, "bulk-partly") {
			t.Errorf("%s: status %d to %s", path, got.status, got.location)
		}
	}
	for _, path := range []string{"/audit", "/groups", "/tokens/new", "/tokens/" + agent.ID + "/edit"} {
		if got := s.get(path); got.status != http.StatusForbidden {
			t.Errorf("%s: status %d", path, got.status)
		}
	}
	if now, _ := s.service.Token(agent.ID); now.Version != agent.Version {
		t.Errorf("changed: %+v", now)
	}
}

func TestNobodyGrantsThemselvesMore(t *testing.T) {
	s := open(t)
	s.token("boss", "mcp_token.*")
	me := s.signIn("editor", "mcp_token.view_token", "mcp_token.change_token", "mcp_token.add_token", "mcp_token.change_group")
	for path, form := range map[string]url.Values{
		"/tokens/" + me.ID + "/edit": {"version": {fmt.Sprint(me.Version)}, "name": {"editor"}, "permissions": {"mcp_token.*"}, "expires": {"keep"}},
		"/tokens":                    {"name": {"minion"}, "permissions": {"mcp_token.delete_token"}},
		"/groups":                    {"name": {"managers"}, "permissions": {"mcp_token.*"}},
	} {
		if got := s.post(path, form); got.status != http.StatusForbidden {
			t.Errorf("%s: status %d", path, got.status)
		}
	}
}

func TestHostileTextIsShownAsText(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*", "*")
	const hostile = `"><img src=x onerror=alert(1)></script><script>alert(1)</script>{{.}}`
	if _, err := s.service.CreateGroup(t.Context(), local, tokenstore.NewGroup{Name: hostile, Description: hostile}); err != nil {
		t.Fatal(err)
	}
	agent, _, err := s.service.CreateToken(t.Context(), local, tokenstore.NewToken{Name: hostile, Description: hostile, User: hostile, Groups: []string{hostile}})
	if err != nil {
		t.Fatal(err)
	}
	s.post("/tokens/"+agent.ID+"/disable", url.Values{"reason": {hostile}})
	for _, path := range []string{
		"/tokens", "/tokens?q=" + url.QueryEscape(hostile), "/tokens/" + agent.ID, "/tokens/" + agent.ID + "/edit", "/groups",
		"/groups/" + url.PathEscape(hostile), "/audit", "/audit?target=" + url.QueryEscape(hostile), "/check?id=" + url.QueryEscape(hostile), "/access",
	} {
		got := s.get(path)
		if got.status != http.StatusOK {
			t.Errorf("%s: status %d", path, got.status)
		}
		if strings.Contains(got.body, "<img src=x") || strings.Contains(got.body, "<script>alert") {
			t.Errorf("%s: the text is markup", path)
		}
		if strings.Contains(path, "token") && !strings.Contains(got.body, html.EscapeString("<img src=x")) {
			t.Errorf("%s: the text is not shown", path)
		}
	}
}

func TestQueriesAreNotBelieved(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	for _, query := range []string{"sort=token_hash", "sort=-salt", "cursor=x", "cursor=" + strings.Repeat("A", 4000), "status=root", "unused_for=-1d", "unused_for=99999999999d"} {
		if got := s.get("/tokens?" + query); got.status < 400 || got.status >= 500 {
			t.Errorf("%.40s: status %d", query, got.status)
		}
	}
	if got := s.get("/audit?cursor=x"); got.status < 400 || got.status >= 500 {
		t.Errorf("audit cursor: status %d", got.status)
	}
	if got := s.post("/tokens/bulk", url.Values{"action": {"disable"}, "back": {"https://evil.example/tokens"}}); strings.Contains(got.location, "evil") {
		t.Errorf("redirected to %s", got.location)
	}
}

func TestAPersonFindsOutWhyARequestIsRefused(t *testing.T) {
	s := open(t)
	s.signIn("admin", "mcp_token.*")
	agent, _ := s.token("agent", "blog.view_article")
	ask := func(tool string) answer {
		return s.post("/check", url.Values{
			"id": {"agent"}, "route": {"blog"}, "method": {"POST"}, "path": {"/mcp"},
			"message": {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":{}}}`},
		})
	}
	if got := ask("list_article"); got.status != http.StatusOK || !strings.Contains(got.body, "would pass") {
		t.Errorf("list_article: status %d\n%s", got.status, got.body)
	}
	refused := ask("delete_article")
	for _, want := range []string{"would be refused", "blog.delete_article", "tool delete_*"} {
		if !strings.Contains(refused.body, want) {
			t.Errorf("the explanation lacks %q", want)
		}
	}
	if now, _ := s.service.Token(agent.ID); now.LastUsedAt != nil {
		t.Error("a check counted as a use")
	}
}
