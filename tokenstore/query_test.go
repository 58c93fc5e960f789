package tokenstore_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// names returns the names of tokens in their order.
func names(records []tokenstore.Record) string {
	var list []string
	for _, r := range records {
		list = append(list, r.Name)
	}
	return strings.Join(list, " ")
}

func TestTokensAreFilteredAndSorted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		b := newBench(t, tokenstore.Options{FlushInterval: day})
		b.group("readers", "blog.view_article")
		// Names sort against the order of making.
		_, d := b.create(tokenstore.NewToken{Name: "d", User: "ann", ExpiresIn: "30d", Permissions: []string{"shop.*"}})
		time.Sleep(10 * day)
		_, c := b.create(tokenstore.NewToken{Name: "C", User: "bob", NeverExpires: true, Groups: []string{"readers"}})
		time.Sleep(10 * day)
		_, _ = b.create(tokenstore.NewToken{Name: "b", User: "ann", ExpiresIn: "1d", Description: "Straße"})
		time.Sleep(5 * day)
		_, a := b.create(tokenstore.NewToken{Name: "a", User: "cyd", ExpiresIn: "60d", Disabled: true, Permissions: []string{"shop.view_x"}})
		b.open(d).End()
		time.Sleep(time.Hour)
		b.open(c).End()
		_ = a

		for _, q := range []struct {
			tokenstore.TokenQuery
			want string
		}{
			{tokenstore.TokenQuery{}, "a b C d"},
			{tokenstore.TokenQuery{Sort: "name"}, "a b C d"},
			{tokenstore.TokenQuery{Sort: "-name"}, "d C b a"},
			{tokenstore.TokenQuery{Sort: "created_at"}, "d C b a"},
			{tokenstore.TokenQuery{Sort: "expires_at"}, "b d a C"},
			{tokenstore.TokenQuery{Sort: "-expires_at"}, "C a d b"},
			{tokenstore.TokenQuery{Sort: "-last_used_at", NeverUsed: false}, "C d " + idOrder(t, b, true)},
			{tokenstore.TokenQuery{Sort: "last_used_at", LastUsedBefore: time.Now().Add(-time.Minute)}, idOrder(t, b, false) + " d"},
			{tokenstore.TokenQuery{Sort: "name", Status: tokenstore.StatusActive}, "C"},
			{tokenstore.TokenQuery{Sort: "name", Status: tokenstore.StatusExpiring}, "d"},
			{tokenstore.TokenQuery{Sort: "name", Status: tokenstore.StatusExpired}, "b"},
			{tokenstore.TokenQuery{Sort: "name", Status: tokenstore.StatusDisabled}, "a"},
			{tokenstore.TokenQuery{Sort: "name", User: "ann"}, "b d"},
			{tokenstore.TokenQuery{Sort: "name", Group: "readers"}, "C"},
			{tokenstore.TokenQuery{Sort: "name", Permission: "blog.view_article"}, "C"},
			{tokenstore.TokenQuery{Sort: "name", Permission: "shop.view_x"}, "a d"},
			{tokenstore.TokenQuery{Sort: "name", Permission: "shop.*"}, "d"},
			{tokenstore.TokenQuery{Sort: "name", Q: "STRASSE"}, "b"},
			{tokenstore.TokenQuery{Sort: "name", Q: " BOB "}, "C"},
			{tokenstore.TokenQuery{Sort: "name", Q: c.Key()[2:9]}, "C"},
			{tokenstore.TokenQuery{Sort: "name", Q: "nobody"}, ""},
			{tokenstore.TokenQuery{Sort: "name", NeverUsed: true}, "a b"},
			{tokenstore.TokenQuery{Sort: "name", UnusedFor: 2 * day}, "b"},
			{tokenstore.TokenQuery{Sort: "name", UnusedFor: 30 * time.Minute}, "a b d"},
			{tokenstore.TokenQuery{Sort: "name", ExpiringWithin: 5 * day}, "d"},
			{tokenstore.TokenQuery{Sort: "name", ExpiringWithin: 4 * day}, ""},
			{tokenstore.TokenQuery{Sort: "name", ExpiringWithin: 100 * day}, "d"},
			{tokenstore.TokenQuery{Sort: "name", User: "ann", NeverUsed: true}, "b"},
		} {
			for limit := range 5 {
				if got := names(all(t, b, q.TokenQuery, limit)); got != q.want {
					t.Errorf("%+v by %d: %q, want %q", q.TokenQuery, limit, got, q.want)
				}
			}
		}
		want := tokenstore.Stats{Total: 4, Active: 1, Expiring: 1, Expired: 1, Disabled: 1, NeverUsed: 2, Groups: 1}
		if got := b.Stats(); got != want {
			t.Errorf("%+v", got)
		}
		time.Sleep(31 * day)
		if got := b.Stats().Unused30d; got != 4 {
			t.Errorf("%d unused", got)
		}
		b.Close()
	})
}

// idOrder returns the names of the never used tokens a and b by their ids.
func idOrder(t *testing.T, b bench, desc bool) string {
	unused := must(b.Tokens(tokenstore.TokenQuery{NeverUsed: true}))(t).Items
	slices.SortFunc(unused, func(x, y tokenstore.Record) int { return strings.Compare(x.ID, y.ID) })
	if desc {
		slices.Reverse(unused)
	}
	return names(unused)
}

// all returns what q selects, by pages of limit.
func all(t testing.TB, b bench, q tokenstore.TokenQuery, limit int) []tokenstore.Record {
	t.Helper()
	var list []tokenstore.Record
	q.Limit = limit
	for range 10_000 {
		page, err := b.Tokens(q)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, page.Items...)
		if page.NextCursor == "" {
			if len(list) != page.Total {
				t.Errorf("%d items, total %d", len(list), page.Total)
			}
			return list
		}
		q.Cursor = page.NextCursor
	}
	t.Fatal("the pages do not end")
	return nil
}

func TestPagesAreStableUnderInserts(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	for i := range 20 {
		b.create(tokenstore.NewToken{Name: fmt.Sprintf("n%02d", 2*i)})
	}
	var seen []string
	q := tokenstore.TokenQuery{Sort: "name", Limit: 3}
	for i := 0; ; i++ {
		page := must(b.Tokens(q))(t)
		for _, r := range page.Items {
			seen = append(seen, r.Name)
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			break
		}
		b.create(tokenstore.NewToken{Name: fmt.Sprintf("n%02d", 2*i+1)})
		if i == 2 {
			if err := b.DeleteToken(t.Context(), root, page.Items[2].ID, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 20 {
		if name := fmt.Sprintf("n%02d", 2*i); !slices.Contains(seen, name) {
			t.Errorf("%s was skipped", name)
		}
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(seen)))
	if !slices.Equal(sorted, seen) {
		t.Errorf("out of order or twice: %v", seen)
	}
}

func TestACursorIsBoundToItsQuery(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	for i := range 5 {
		b.create(tokenstore.NewToken{Name: fmt.Sprint(i), User: "ann"})
	}
	q := tokenstore.TokenQuery{User: "ann", Limit: 2}
	cursor := must(b.Tokens(q))(t).NextCursor
	q.Cursor = cursor
	must(b.Tokens(q))(t)
	refused := func(what string, q tokenstore.TokenQuery) {
		t.Helper()
		var field *tokenstore.FieldError
		if _, err := b.Tokens(q); !errors.As(err, &field) || field.Field != "cursor" {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := q
	other.User = "bob"
	refused("another user", other)
	other = q
	other.Sort = "name"
	refused("another order", other)
	raw, _ := base64.RawURLEncoding.DecodeString(cursor)
	for i := range raw {
		forged := slices.Clone(raw)
		forged[i] ^= 1
		q.Cursor = base64.RawURLEncoding.EncodeToString(forged)
		refused("a changed byte", q)
	}
	for _, text := range []string{cursor + "=", cursor[:len(cursor)-3], "x", strings.Repeat("A", 1000), "\x00"} {
		q.Cursor = text
		refused("another text", q)
	}
	audit := must(b.Audit(t.Context(), root, tokenstore.AuditQuery{Limit: 1}))(t)
	q.Cursor = audit.NextCursor
	refused("one of the audit trail", q)
}

func TestWhatIsWrongWithAQueryIsNamed(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	for field, q := range map[string]tokenstore.TokenQuery{
		"status": {Status: "fine"}, "sort": {Sort: "token_hash"}, "limit": {Limit: 201}, "unused_for": {UnusedFor: -1},
		"expiring_within": {ExpiringWithin: -1}, "permission": {Permission: "blog"},
	} {
		var wrong *tokenstore.FieldError
		if _, err := b.Tokens(q); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, q := range []tokenstore.TokenQuery{{Limit: -1}, {Limit: 1 << 40}, {Sort: "-"}, {Sort: "--name"}, {Sort: "id"}} {
		if _, err := b.Tokens(q); err == nil {
			t.Errorf("%+v is fine", q)
		}
	}
}

func TestPermissionsInUseAreCounted(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	b.group("readers", "blog.view_article", "a.b")
	b.create(tokenstore.NewToken{Name: "x", Permissions: []string{"a.b", "shop.*"}, Groups: []string{"readers"}})
	b.create(tokenstore.NewToken{Name: "y", Permissions: []string{"a.b"}})
	want := []tokenstore.PermissionUse{{Permission: "a.b", Tokens: 2, Groups: 1}, {Permission: "blog.view_article", Groups: 1}, {Permission: "shop.*", Tokens: 1}}
	if got := b.PermissionsInUse(); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if groups := b.Groups(); len(groups) != 1 || groups[0].Tokens != 1 {
		t.Errorf("%+v", groups)
	}
}
