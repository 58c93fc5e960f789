package adminapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// as is the header of a request made with secret.
func as(secret string, more ...string) []string {
	return append([]string{"Authorization", "Bearer " + secret}, more...)
}

func TestNobodyGainsRightsThroughTheAPI(t *testing.T) {
	g := start(t)
	g.token("root", "mcp_token.*")
	chief, _ := g.token("chief", "mcp_token.*")
	g.group("chiefs", "mcp_token.*")
	g.group("staff", "blog.*")
	self, limited := g.token("limited", tokenstore.RightViewToken, tokenstore.RightAddToken, tokenstore.RightChangeToken,
		tokenstore.RightViewGroup, tokenstore.RightChangeGroup)
	if _, err := g.service.SetActive(t.Context(), local, chief.ID, 0, false, ""); err != nil {
		t.Fatal(err)
	}
	me, boss := "/tokens/"+self.ID, "/tokens/"+chief.ID
	later := self.ExpiresAt.Add(24 * time.Hour).Format(time.RFC3339)

	for _, c := range []struct{ what, method, path, body string }{
		{"creates a token with a right it lacks", "POST", "/tokens", `{"name": "x", "permissions": ["mcp_token.export"]}`},
		{"creates a token with all rights", "POST", "/tokens", `{"name": "x", "permissions": ["mcp_token.*"]}`},
		{"creates a token in a group with rights it lacks", "POST", "/tokens", `{"name": "x", "groups": ["chiefs"]}`},
		{"gives itself a right", "PATCH", me, `{"permissions": ["mcp_token.*"]}`},
		{"joins a group with rights it lacks", "PATCH", me, `{"groups": ["chiefs"]}`},
		{"prolongs its own life", "PATCH", me, `{"expires_at": "` + later + `"}`},
		{"makes itself immortal", "PATCH", me, `{"expires_at": null}`},
		{"prolongs its own life by rotation", "POST", me + "/rotate", `{"expires_in": "never"}`},
		{"widens where it is accepted", "PATCH", me, `{"allowed_cidrs": ["10.0.0.0/8"]}`},
		{"edits a token that holds more", "PATCH", boss, `{"name": "mine"}`},
		{"takes over a token that holds more by rotation", "POST", boss + "/rotate", ``},
		{"enables a token that holds more", "POST", boss + "/enable", ``},
		{"gives a group rights it lacks", "PATCH", "/groups/staff", `{"permissions": ["mcp_token.export"]}`},
		{"creates a group with rights it lacks", "POST", "/groups", `{"name": "x", "permissions": ["mcp_token.delete_token"]}`},
		{"deletes", "DELETE", boss, ``},
		{"deletes in bulk", "POST", "/tokens/bulk", `{"action": "delete", "filter": {}}`},
		{"copies the store", "GET", "/backup", ``},
		{"reads the audit trail", "GET", "/audit", ``},
	} {
		t.Run(c.what, func(t *testing.T) {
			g := &gateway{TB: t, url: g.url, service: g.service, disk: g.disk}
			header := as(limited)
			if c.method == http.MethodPatch {
				header = as(limited, "If-Match", "*")
			}
			g.refused(codeForbidden, c.method, c.path, c.body, header...)
			var trail auditList
			g.want(200, "GET", "/audit?limit=1", "").into(t, &trail)
			if e := trail.Items[0]; e.Result != "denied" || e.Actor.ID != self.ID || e.Reason == "" {
				t.Errorf("the audit trail says %+v", e)
			}
		})
	}

	t.Run("bulk edits leave out what must not be edited", func(t *testing.T) {
		var result tokenstore.BulkResult
		g.want(200, "POST", "/tokens/bulk", `{"action": "add_groups", "groups": ["chiefs"], "filter": {}}`, as(limited)...).into(t, &result)
		if result.Changed != 0 || result.Matched != 3 {
			t.Errorf("%+v", result)
		}
	})
	t.Run("what it may grant, it may", func(t *testing.T) {
		g.want(201, "POST", "/tokens", `{"name": "y", "permissions": ["mcp_token.view_token", "blog.*"], "groups": ["staff"]}`, as(limited)...)
	})
	t.Run("a disabled token does not enable itself", func(t *testing.T) {
		g.want(200, "POST", me+"/disable", "")
		g.refused(codeUnauthenticated, "POST", me+"/enable", "", as(limited)...)
	})
}

func TestADataTokenOpensNoDoor(t *testing.T) {
	s := newScene(t)
	_, everything := s.gateway.token("everything", "*", "*.*", "mcp.*")
	for _, e := range endpoints() {
		path, body, header := s.valid(e)
		a := s.do(e.method, path, body, append(header, as(everything)...)...)
		want := 403
		if e.open || e.id == "getDocument" {
			want = 200
		}
		if a.StatusCode != want {
			t.Errorf("%s %s: %s, want %d", e.method, path, a.Status, want)
		}
	}
}

func TestEachRightOpensItsEndpointsAlone(t *testing.T) {
	for _, right := range tokenstore.Rights {
		t.Run(right, func(t *testing.T) {
			s := newScene(t)
			s.gateway.token("other", "mcp_token.*")
			_, secret := s.gateway.token("holder", right)
			for _, e := range endpoints() {
				path, body, header := s.valid(e)
				a := s.do(e.method, path, body, append(header, as(secret)...)...)
				needed := e.right
				if e.id == "editTokens" {
					needed = tokenstore.RightChangeToken
				}
				if open := needed == "" || needed == right; open == (a.StatusCode == 403) {
					t.Errorf("%s %s: %s: %s", e.method, path, a.Status, a.text)
				}
			}
		})
	}
}

func TestAWrongCredentialIsRecordedOnceItIsOne(t *testing.T) {
	g := start(t)
	signIns := func() (n int) {
		var trail auditList
		g.want(200, "GET", "/audit?action=admin.sign_in", "").into(t, &trail)
		return len(trail.Items)
	}
	_, secret := g.token("gone", "mcp_token.*")
	wrong := spoil(secret)
	g.refused(codeUnauthenticated, "GET", "/tokens", "", as(wrong)...)
	if n := signIns(); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
	for range 500 {
		g.refused(codeUnauthenticated, "GET", "/tokens", "", as("mcp_guess")...)
	}
	if n := signIns(); n > 100 {
		t.Errorf("500 guesses left %d entries: a stranger can fill the disk", n)
	}
	a := g.want(401, "GET", "/tokens", "", as(wrong)...)
	if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("no challenge: %v", a.Header)
	}
	if strings.Contains(string(a.text), "bad_secret") {
		t.Errorf("tells why: %s", a.text)
	}
}

// spoil returns s with another last character.
func spoil(s string) string {
	if strings.HasSuffix(s, "A") {
		return s[:len(s)-1] + "B"
	}
	return s[:len(s)-1] + "A"
}
