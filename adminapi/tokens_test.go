package adminapi

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

// accepted reports whether the gateway takes secret.
func (g *gateway) accepted(secret string) bool {
	g.Helper()
	parsed, err := tokenstore.ParseSecret(secret)
	return err == nil && g.service.Inspect(parsed, tokenstore.Caller{}).Refusal == nil
}

func TestASecretIsShownOnceAndWorks(t *testing.T) {
	g := start(t)
	g.group("staff", "blog.*")
	var made issued
	a := g.want(201, "POST", "/tokens", `{"name": "ci", "description": "builds", "user": "ann", "expires_in": "30d",
		"groups": ["staff"], "permissions": ["shop.view_cart"], "allowed_cidrs": ["10.0.0.0/8"], "audiences": ["blog"], "rate_limit": "60/m"}`)
	a.into(t, &made)
	if a.Header.Get("Location") != "tokens/"+made.Token.ID || a.Header.Get("ETag") != `"1"` {
		t.Errorf("headers are %v", a.Header)
	}
	want := tokenstore.Record{
		ID: made.Token.ID, Key: made.Secret[4:20], CreatedAt: made.Token.CreatedAt, UpdatedAt: made.Token.CreatedAt, ExpiresAt: made.Token.ExpiresAt,
		Name: "ci", Description: "builds", User: "ann", IsActive: true, Status: "active", CreatedBy: "root",
		Groups: []string{"staff"}, Permissions: []string{"shop.view_cart"}, EffectivePermissions: []string{"blog.*", "shop.view_cart"},
		AllowedCIDRs: made.Token.AllowedCIDRs, Audiences: []string{"blog"}, RateLimit: new("60/m"), Version: 1,
	}
	if diff := cmp.Diff(want, made.Token, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
		cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "AllowedCIDRs" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	if left := time.Until(*made.Token.ExpiresAt); left < 30*24*time.Hour-time.Minute || left > 30*24*time.Hour {
		t.Errorf("expires in %v", left)
	}
	secret, err := tokenstore.ParseSecret(made.Secret)
	if err != nil {
		t.Fatal(err)
	}
	caller := tokenstore.Caller{Audience: "blog", Addr: netip.MustParseAddr("10.1.2.3")}
	if refusal := g.service.Inspect(secret, caller).Refusal; refusal != nil {
		t.Errorf("the secret is refused: %v", refusal)
	}
	part := made.Secret[21:]
	for _, path := range []string{"/tokens", "/tokens/" + made.Token.ID, "/audit", "/permissions", "/stats"} {
		if text := g.want(200, "GET", path, "").text; bytes.Contains(text, []byte(part)) {
			t.Errorf("%s shows the secret: %s", path, text)
		}
	}
}

func TestAMergePatchChangesWhatItNames(t *testing.T) {
	g := start(t)
	g.group("staff", "blog.*")
	record, secret := g.token("a", "blog.view_article")
	at := "/tokens/" + record.ID
	for i, step := range []struct {
		patch string
		want  func(r *tokenstore.Record)
	}{
		{`{"description": "x", "user": "ann"}`, func(r *tokenstore.Record) { r.Description, r.User = "x", "ann" }},
		{`{"description": null}`, func(r *tokenstore.Record) { r.Description = "" }},
		{`{"name": "b"}`, func(r *tokenstore.Record) { r.Name = "b" }},
		{`{"groups": ["staff"], "permissions": null}`, func(r *tokenstore.Record) {
			r.Groups, r.Permissions, r.EffectivePermissions = []string{"staff"}, []string{}, []string{"blog.*"}
		}},
		{`{"groups": []}`, func(r *tokenstore.Record) { r.Groups, r.EffectivePermissions = []string{}, []string{} }},
		{`{"audiences": ["blog"], "rate_limit": "5/s burst 9"}`, func(r *tokenstore.Record) {
			r.Audiences, r.RateLimit = []string{"blog"}, new("5/s burst 9")
		}},
		{`{"audiences": null, "rate_limit": null}`, func(r *tokenstore.Record) { r.Audiences, r.RateLimit = []string{}, nil }},
		{`{"expires_at": null}`, func(r *tokenstore.Record) { r.ExpiresAt = nil }},
		{`{"is_active": false}`, func(r *tokenstore.Record) { r.IsActive, r.Status = false, "disabled" }},
		{`{"is_active": true}`, func(r *tokenstore.Record) { r.IsActive, r.Status = true, "active" }},
		{`{"expires_at": "2099-12-31T00:00:00+01:00"}`, func(r *tokenstore.Record) {
			r.ExpiresAt = new(time.Date(2099, 12, 30, 23, 0, 0, 0, time.UTC))
		}},
	} {
		var before, after tokenstore.Record
		g.want(200, "GET", at, "").into(t, &before)
		a := g.want(200, "PATCH", at, step.patch, "If-Match", etag(before.Version))
		a.into(t, &after)
		if a.Header.Get("ETag") != etag(before.Version+1) {
			t.Errorf("step %d: ETag %s after version %d", i, a.Header.Get("ETag"), before.Version)
		}
		step.want(&before)
		before.Version, before.UpdatedAt = before.Version+1, after.UpdatedAt
		if diff := cmp.Diff(before, after, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
			t.Errorf("step %d, %s: %s", i, step.patch, diff)
		}
	}
	g.refused(codeValidationFailed, "PATCH", at, `{"name": null}`, "If-Match", "*")
	g.refused(codeValidationFailed, "PATCH", at, `{"is_active": null}`, "If-Match", "*")
	if !g.accepted(secret) {
		t.Error("the secret is not accepted any more")
	}
}

func TestASecondTabCannotOverwriteWhatItHasNotSeen(t *testing.T) {
	g := start(t)
	record, _ := g.token("a")
	g.group("g")
	for _, at := range []string{"/tokens/" + record.ID, "/groups/g"} {
		seen := g.want(200, "GET", at, "").Header.Get("ETag")
		g.refused(codePreconditionRequired, "PATCH", at, `{"description": "unseen"}`)
		g.want(200, "PATCH", at, `{"description": "first"}`, "If-Match", seen)
		g.refused(codeVersionMismatch, "PATCH", at, `{"description": "second"}`, "If-Match", seen)
		g.refused(codeVersionMismatch, "DELETE", at, "", "If-Match", seen)
		if text := g.want(200, "GET", at, "").text; !bytes.Contains(text, []byte(`"first"`)) {
			t.Errorf("%s", text)
		}
		compressed := strings.TrimSuffix(g.want(200, "GET", at, "").Header.Get("ETag"), `"`) + `-zstd"`
		g.want(200, "PATCH", at, `{"description": "third"}`, "If-Match", compressed)
		g.want(204, "DELETE", at, "", "If-Match", g.want(200, "GET", at, "").Header.Get("ETag"))
	}
}

// race makes the same request many times at once and counts the statuses.
func (g *gateway) race(n int, method, path, body string, header ...string) (map[int]int, []answer) {
	g.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	counts, answers := map[int]int{}, []answer{}
	for range n {
		wg.Go(func() {
			a := g.do(method, path, body, header...)
			mu.Lock()
			defer mu.Unlock()
			counts[a.StatusCode]++
			answers = append(answers, a)
		})
	}
	wg.Wait()
	return counts, answers
}

func TestOfTwoThatRaceOneLoses(t *testing.T) {
	g := start(t)
	const n = 16
	t.Run("for a name", func(t *testing.T) {
		counts, _ := g.race(n, "POST", "/tokens", `{"name": "same"}`)
		if !maps.Equal(counts, map[int]int{201: 1, 409: n - 1}) {
			t.Errorf("statuses are %v", counts)
		}
	})
	t.Run("for a group's name", func(t *testing.T) {
		counts, _ := g.race(n, "POST", "/groups", `{"name": "same"}`)
		if !maps.Equal(counts, map[int]int{201: 1, 409: n - 1}) {
			t.Errorf("statuses are %v", counts)
		}
	})
	t.Run("to rotate what both have seen", func(t *testing.T) {
		record, _ := g.token("seen")
		counts, _ := g.race(n, "POST", "/tokens/"+record.ID+"/rotate", "", "If-Match", `"1"`)
		if !maps.Equal(counts, map[int]int{200: 1, 412: n - 1}) {
			t.Errorf("statuses are %v", counts)
		}
	})
	t.Run("to rotate", func(t *testing.T) {
		record, old := g.token("rotated")
		_, answers := g.race(n, "POST", "/tokens/"+record.ID+"/rotate", "")
		good := 0
		for _, a := range answers {
			var made issued
			a.into(t, &made)
			if g.accepted(made.Secret) {
				good++
			}
		}
		if good != 1 || g.accepted(old) {
			t.Errorf("%d of %d secrets are accepted; the old one: %v", good, n, g.accepted(old))
		}
	})
	t.Run("to delete", func(t *testing.T) {
		record, _ := g.token("deleted")
		counts, _ := g.race(n, "DELETE", "/tokens/"+record.ID, "")
		if !maps.Equal(counts, map[int]int{204: 1, 404: n - 1}) {
			t.Errorf("statuses are %v", counts)
		}
	})
	t.Run("to rotate and delete", func(t *testing.T) {
		record, _ := g.token("both")
		var wg sync.WaitGroup
		wg.Go(func() { g.race(n, "DELETE", "/tokens/"+record.ID, "") })
		_, answers := g.race(n, "POST", "/tokens/"+record.ID+"/rotate", "")
		wg.Wait()
		for _, a := range answers {
			var made issued
			if a.StatusCode == 200 {
				a.into(t, &made)
				if g.accepted(made.Secret) {
					t.Error("a secret of a deleted token is accepted")
				}
			}
		}
		g.refused(codeNotFound, "GET", "/tokens/"+record.ID, "")
	})
}

func TestRotationKeepsTheOldSecretForItsGrace(t *testing.T) {
	g := start(t)
	record, first := g.token("a")
	at := "/tokens/" + record.ID
	var second, third issued
	g.want(200, "POST", at+"/rotate", `{"grace": "24h"}`).into(t, &second)
	if second.Token.ID != record.ID || second.Token.Rotation == nil || second.Token.Rotation.PreviousKey != record.Key {
		t.Errorf("%+v", second.Token)
	}
	if !g.accepted(first) || !g.accepted(second.Secret) {
		t.Error("during the grace both secrets are accepted")
	}
	g.want(200, "POST", at+"/rotate/finish", "")
	if g.accepted(first) || !g.accepted(second.Secret) {
		t.Error("after the grace only the new secret is accepted")
	}
	g.want(200, "POST", at+"/rotate", "").into(t, &third)
	if g.accepted(second.Secret) || !g.accepted(third.Secret) {
		t.Error("without grace only the new secret is accepted")
	}
}

func TestDisablingAndEnablingCanBeRepeated(t *testing.T) {
	g := start(t)
	record, secret := g.token("a")
	at := "/tokens/" + record.ID
	var r tokenstore.Record
	for range 2 {
		g.want(200, "POST", at+"/disable", `{"reason": "lost laptop"}`).into(t, &r)
		if r.Status != "disabled" || r.Version != 2 || g.accepted(secret) {
			t.Errorf("%+v", r)
		}
	}
	for range 2 {
		g.want(200, "POST", at+"/enable", "").into(t, &r)
		if r.Status != "active" || r.Version != 3 || !g.accepted(secret) {
			t.Errorf("%+v", r)
		}
	}
	g.want(204, "DELETE", at, "")
	g.refused(codeNotFound, "DELETE", at, "")
}

func TestBulkEditsAreTriedFirstAndThenMeetWhatTheyExpect(t *testing.T) {
	g := start(t)
	g.group("staff", "blog.*")
	var ids []string
	for i := range 5 {
		record, _ := g.token(fmt.Sprintf("old-%d", i))
		ids = append(ids, record.ID)
	}
	g.token("new")
	var result tokenstore.BulkResult
	g.want(200, "POST", "/tokens/bulk", `{"action": "disable", "filter": {"q": "OLD-"}, "dry_run": true}`).into(t, &result)
	if !result.DryRun || result.Matched != 5 || g.service.Stats().Disabled != 0 {
		t.Errorf("%+v", result)
	}
	g.refused(tokenstore.StateCount, "POST", "/tokens/bulk", `{"action": "disable", "filter": {"q": "old-"}, "expect_count": 4}`)
	g.want(200, "POST", "/tokens/bulk", `{"action": "disable", "filter": {"q": "old-"}, "expect_count": 5, "reason": "audit"}`).into(t, &result)
	if result.Changed != 5 || g.service.Stats().Disabled != 5 {
		t.Errorf("%+v", result)
	}
	list := quoteJSON(t, ids[0]) + "," + quoteJSON(t, ids[1]) + `, "tok_nobody"`
	for _, action := range []string{`"enable"`, `"add_groups", "groups": ["staff"]`, `"remove_groups", "groups": ["staff"]`,
		`"add_permissions", "permissions": ["a.b"]`, `"remove_permissions", "permissions": ["a.b"]`, `"set_expiry", "expires_in": "1d"`,
		`"set_expiry", "expires_at": null`, `"delete"`} {
		g.want(200, "POST", "/tokens/bulk", `{"action": `+action+`, "ids": [`+list+`]}`).into(t, &result)
		if result.Changed != 2 || len(result.Items) != 3 {
			t.Errorf("%s: %+v", action, result)
		}
	}
	for _, body := range []string{`{}`, `{"action": "explode", "filter": {}}`, `{"action": "disable"}`, `{"action": "disable", "ids": [], "filter": {}}`,
		`{"action": "disable", "ids": ["a"], "filter": {}}`, `{"action": "add_groups", "filter": {}}`, `{"action": "add_groups", "groups": ["nobody"], "filter": {}}`,
		`{"action": "set_expiry", "filter": {}}`, `{"action": "disable", "filter": {"hash": "a"}}`, `{"action": "disable", "filter": {"status": "gone"}}`,
		`{"action": "disable", "ids": [` + strings.Repeat(`"a",`, 500) + `"a"]}`} {
		g.refused(codeValidationFailed, "POST", "/tokens/bulk", body)
	}
}

func TestTheListIsFilteredAndSorted(t *testing.T) {
	now := time.Now().UTC()
	make := func(name string, created, expires time.Duration, active bool) *tokenstore.Token {
		at := now.Add(created)
		token := &tokenstore.Token{ID: "tok_" + (name + "0000000000000000")[:16], Name: name, User: "u-" + name, IsActive: active,
			CreatedAt: at, UpdatedAt: at, Version: 1, Credential: tokenstore.NewCredential(tokenstore.NewSecret())}
		if expires != 0 {
			token.ExpiresAt = new(now.Add(expires))
		}
		return token
	}
	const day = 24 * time.Hour
	g := start(t, make("old", -100*day, 0, true), make("soon", -10*day, 3*day, true), make("dead", -200*day, -day, true),
		make("off", -time.Hour, 0, false), make("fresh", -time.Minute, 60*day, true))
	for query, want := range map[string][]string{
		"status=active":               {"fresh", "old"},
		"status=expiring":             {"soon"},
		"status=expired":              {"dead"},
		"status=disabled":             {"off"},
		"q=U-O":                       {"off", "old"},
		"user=u-off":                  {"off"},
		"group=nobody":                nil,
		"permission=a.b":              nil,
		"never_used=true":             {"dead", "fresh", "off", "old", "soon"},
		"never_used=false":            {"dead", "fresh", "off", "old", "soon"},
		"unused_for=30d":              {"dead", "old"},
		"unused_for=1w&status=active": {"old"},
		"expiring_within=90d":         {"fresh", "soon"},
		"last_used_before=" + now.Format(time.RFC3339): {"dead", "fresh", "off", "old", "soon"},
	} {
		var page list[tokenstore.Record]
		g.want(200, "GET", "/tokens?sort=name&"+query, "").into(t, &page)
		var got []string
		for _, r := range page.Items {
			got = append(got, r.Name)
		}
		if !slices.Equal(got, want) || page.Total != len(want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	var page list[tokenstore.Record]
	for _, sort := range sortParameter.choices {
		g.want(200, "GET", "/tokens?sort="+sort, "").into(t, &page)
		if len(page.Items) != 5 {
			t.Errorf("sort=%s: %d items", sort, len(page.Items))
		}
	}
	if g.want(200, "GET", "/tokens?sort=-created_at", "").into(t, &page); page.Items[0].Name != "fresh" {
		t.Errorf("newest first, but %s", page.Items[0].Name)
	}
}

func TestLiveRequestsAreListedAndEnded(t *testing.T) {
	s := newScene(t)
	at := "/tokens/" + s.token.ID + "/requests"
	var live list[tokenstore.LiveRequest]
	s.want(200, "GET", at, "").into(t, &live)
	if live.Total != 1 || live.Items[0].Path != "/mcp" || live.Items[0].TokenID != s.token.ID {
		t.Errorf("%+v", live)
	}
	s.want(204, "DELETE", at+"/"+s.request, "")
	s.refused(codeNotFound, "DELETE", at+"/"+s.request, "")
	var none ended
	if s.want(200, "DELETE", at, "").into(t, &none); none.Ended != 0 {
		t.Errorf("%+v", none)
	}
	if s.service.LiveCount() != 0 {
		t.Error("it is still live")
	}
}

func TestABackupIsAWholeStore(t *testing.T) {
	g := start(t)
	record, _ := g.token("a")
	a := g.want(200, "GET", "/backup", "")
	if a.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v", a.Header)
	}
	path := filepath.Join(t.TempDir(), "db", "copy.db")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, a.text, 0o600)); err != nil {
		t.Fatal(err)
	}
	store, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	service, err := tokenstore.Open(t.Context(), store, tokenstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	if copied, err := service.Token(record.ID); err != nil || copied.Name != "a" {
		t.Errorf("%+v, %v", copied, err)
	}
}

func TestVerifyFindsTheTokenOfASecretInAnyState(t *testing.T) {
	g := start(t)
	record, secret := g.token("a")
	body := func(s string) string { return `{"secret": ` + quoteJSON(t, s) + `}` }
	var found tokenstore.Record
	for range 2 {
		g.want(200, "POST", "/verify", body(secret)).into(t, &found)
		if found.ID != record.ID || found.LastUsedAt != nil {
			t.Errorf("%+v", found)
		}
		g.want(200, "POST", "/tokens/"+record.ID+"/disable", "")
	}
	for _, wrong := range []string{"", "x", spoil(secret), record.ID, record.Key, secret + " ", strings.ToUpper(secret)} {
		g.refused(codeNotFound, "POST", "/verify", body(wrong))
	}
}

func TestHealthAsksForNoCredential(t *testing.T) {
	g := start(t)
	g.want(200, "GET", "/health", "", "Authorization", "Bearer nonsense")
	g.down.Store(true)
	if a := g.want(503, "GET", "/health", ""); a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
