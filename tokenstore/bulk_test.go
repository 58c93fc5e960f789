package tokenstore_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestBulkEditsAreOneCommit(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	b.group("readers", "blog.view_article")
	var ids []string
	for i := range 5 {
		record, _ := b.create(tokenstore.NewToken{Name: fmt.Sprint(i), Permissions: []string{"a.b"}, User: "ann"})
		ids = append(ids, record.ID)
	}
	b.create(tokenstore.NewToken{Name: "other"})
	byUser := &tokenstore.TokenQuery{User: "ann"}
	for _, c := range []struct {
		bulk tokenstore.Bulk
		is   func(tokenstore.Record) bool
	}{
		{tokenstore.Bulk{Action: tokenstore.BulkDisable, IDs: ids}, func(r tokenstore.Record) bool { return !r.IsActive }},
		{tokenstore.Bulk{Action: tokenstore.BulkEnable, Filter: byUser}, func(r tokenstore.Record) bool { return r.IsActive }},
		{tokenstore.Bulk{Action: tokenstore.BulkAddGroups, Filter: byUser, Groups: []string{"readers"}}, func(r tokenstore.Record) bool { return slices.Equal(r.Groups, []string{"readers"}) }},
		{tokenstore.Bulk{Action: tokenstore.BulkRemoveGroups, IDs: ids, Groups: []string{"readers"}}, func(r tokenstore.Record) bool { return len(r.Groups) == 0 }},
		{tokenstore.Bulk{Action: tokenstore.BulkAddPermissions, IDs: ids, Permissions: []string{"c.d"}}, func(r tokenstore.Record) bool { return slices.Equal(r.Permissions, []string{"a.b", "c.d"}) }},
		{tokenstore.Bulk{Action: tokenstore.BulkRemovePermissions, IDs: ids, Permissions: []string{"a.b"}}, func(r tokenstore.Record) bool { return slices.Equal(r.Permissions, []string{"c.d"}) }},
		{tokenstore.Bulk{Action: tokenstore.BulkSetExpiry, IDs: ids, NeverExpires: true}, func(r tokenstore.Record) bool { return r.ExpiresAt == nil }},
	} {
		five := 5
		c.bulk.ExpectCount, c.bulk.Reason = &five, "spring cleaning"
		commits, _ := b.WriteCounts()
		c.bulk.DryRun = true
		if got := must(b.Bulk(t.Context(), root, c.bulk))(t); got.Matched != 5 || got.Changed != 5 || !got.DryRun || len(got.Items) != 5 {
			t.Errorf("%s, dry: %+v", c.bulk.Action, got)
		}
		if after, _ := b.WriteCounts(); after != commits {
			t.Errorf("%s, dry: committed", c.bulk.Action)
		}
		c.bulk.DryRun = false
		if got := must(b.Bulk(t.Context(), root, c.bulk))(t); got.Changed != 5 || got.Items[0].Result != tokenstore.BulkChanged {
			t.Errorf("%s: %+v", c.bulk.Action, got)
		}
		if after, _ := b.WriteCounts(); after != commits+1 {
			t.Errorf("%s: %d commits", c.bulk.Action, after-commits)
		}
		for _, id := range ids {
			if r := must(b.Token(id))(t); !c.is(r) {
				t.Errorf("%s: %+v", c.bulk.Action, r)
			}
		}
		if got := must(b.Bulk(t.Context(), root, c.bulk))(t); got.Changed != 0 || got.Items[0].Result != tokenstore.BulkUnchanged {
			t.Errorf("%s again: %+v", c.bulk.Action, got)
		}
	}
	got := must(b.Bulk(t.Context(), root, tokenstore.Bulk{Action: tokenstore.BulkDelete, IDs: append(ids, "tok_nobody", ids[0])}))(t)
	if got.Matched != 5 || got.Changed != 5 || len(got.Items) != 6 || got.Items[0].Result != tokenstore.BulkNotFound {
		t.Errorf("%+v", got)
	}
	if n := b.Stats().Total; n != 1 {
		t.Errorf("%d tokens are left", n)
	}
	page := must(b.Audit(t.Context(), root, tokenstore.AuditQuery{Target: ids[0]}))(t)
	if len(page.Items) != 9 || page.Items[1].Reason != "spring cleaning" {
		t.Errorf("audit: %d entries", len(page.Items))
	}
}

func TestABulkEditThatIsWrongDoesNothing(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	record, _ := b.create(tokenstore.NewToken{Name: "a"})
	ids, two := []string{record.ID}, 2
	for field, bulk := range map[string]tokenstore.Bulk{
		"action":      {Action: "explode", IDs: ids},
		"ids":         {Action: tokenstore.BulkDelete},
		"filter":      {Action: tokenstore.BulkDelete, IDs: ids, Filter: &tokenstore.TokenQuery{}},
		"groups":      {Action: tokenstore.BulkAddGroups, IDs: ids, Groups: []string{"nobody"}},
		"permissions": {Action: tokenstore.BulkDelete, IDs: ids, Permissions: []string{"a.b"}},
		"expires_at":  {Action: tokenstore.BulkSetExpiry, IDs: ids},
		"expires_in":  {Action: tokenstore.BulkSetExpiry, IDs: ids, ExpiresIn: "-1d"},
		"status":      {Action: tokenstore.BulkDelete, Filter: &tokenstore.TokenQuery{Status: "fine"}},
		"reason":      {Action: tokenstore.BulkDelete, IDs: ids, Reason: "\x1b[2J"},
	} {
		var wrong *tokenstore.FieldError
		if _, err := b.Bulk(t.Context(), root, bulk); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := b.Bulk(t.Context(), root, tokenstore.Bulk{Action: tokenstore.BulkDelete, IDs: make([]string, 501)}); err == nil {
		t.Error("501 ids are fine")
	}
	if _, err := b.Bulk(t.Context(), root, tokenstore.Bulk{Action: tokenstore.BulkDelete, Filter: &tokenstore.TokenQuery{Limit: 1}}); err == nil {
		t.Error("a limit is fine")
	}
	var state *tokenstore.StateError
	_, err := b.Bulk(t.Context(), root, tokenstore.Bulk{Action: tokenstore.BulkDelete, IDs: ids, ExpectCount: &two})
	if !errors.As(err, &state) || state.Code != tokenstore.StateCount {
		t.Errorf("another count: %v", err)
	}
	if r := must(b.Token(record.ID))(t); r.Version != 1 {
		t.Errorf("%+v", r)
	}
}

func TestABulkEditLeavesOutWhatItsActorMayNotEdit(t *testing.T) {
	l := newLimited(t)
	bulk := tokenstore.Bulk{Action: tokenstore.BulkAddPermissions, IDs: []string{l.admin.ID, l.plain.ID}, Permissions: []string{"a.b"}}
	got := must(l.Bulk(t.Context(), l.actor, bulk))(t)
	if got.Changed != 1 || got.Items[0].Result != tokenstore.BulkRefused || got.Items[0].Detail == "" || got.Items[1].Result != tokenstore.BulkChanged {
		t.Errorf("%+v", got)
	}
	bulk.Permissions = []string{tokenstore.RightExport}
	if got := must(l.Bulk(t.Context(), l.actor, bulk))(t); got.Changed != 0 {
		t.Errorf("%+v", got)
	}
	if page := must(l.Audit(t.Context(), root, tokenstore.AuditQuery{Result: "denied"}))(t); len(page.Items) != 3 {
		t.Errorf("audit: %+v", page.Items)
	}
}
