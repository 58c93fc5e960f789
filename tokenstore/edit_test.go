package tokenstore_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestANewTokenHasWhatItWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, tokenstore.Options{})
		b.group("readers", "blog.view_article")
		got, secret := b.create(tokenstore.NewToken{
			Name: " ci ", Description: "two\nlines", Groups: []string{"readers"}, Permissions: []string{"shop.*", "a.b", "a.b"},
			AllowedCIDRs: []string{"10.1.2.3"}, Audiences: []string{"blog"}, RateLimit: "60/m burst 60",
		})
		end := time.Now().UTC().Add(90 * 24 * time.Hour)
		if got.Name != "ci" || got.User != "root" || got.CreatedBy != "root" || !got.IsActive || got.Status != tokenstore.StatusActive ||
			!got.ExpiresAt.Equal(end) || got.LastUsedAt != nil || *got.RateLimit != "60/m" || got.Version != 1 || got.Rotation != nil ||
			!slices.Equal(got.Permissions, []string{"a.b", "shop.*"}) || got.AllowedCIDRs[0].String() != "10.1.2.3/32" ||
			!slices.Equal(got.EffectivePermissions, []string{"a.b", "blog.view_article", "shop.*"}) ||
			!strings.HasPrefix(got.ID, "tok_") || len(got.ID) != 20 || got.Key != secret.Key() {
			t.Errorf("%+v", got)
		}
		again := must(b.Token(got.Key))(t)
		if again.ID != got.ID || b.reason(secret, here) != tokenstore.ReasonAddress {
			t.Error("not found by its key, or not verified")
		}
		b.Close()
	})
}

func TestWhatIsWrongWithAnEditNamesItsField(t *testing.T) {
	b := newBench(t, tokenstore.Options{MaxExpiry: 365 * 24 * time.Hour})
	past, far := time.Now().Add(-time.Second), time.Now().AddDate(2, 0, 0)
	for _, c := range []struct {
		field string
		n     tokenstore.NewToken
	}{
		{"name", tokenstore.NewToken{}},
		{"name", tokenstore.NewToken{Name: "a\u202eb"}},
		{"user", tokenstore.NewToken{User: "a\nb"}},
		{"description", tokenstore.NewToken{Description: strings.Repeat("x", 2001)}},
		{"groups", tokenstore.NewToken{Groups: []string{"nobody"}}},
		{"permissions", tokenstore.NewToken{Permissions: []string{"blog"}}},
		{"permissions", tokenstore.NewToken{Permissions: []string{"mcp_token.view_*"}}},
		{"allowed_cidrs", tokenstore.NewToken{AllowedCIDRs: []string{"10.0.0.1/33"}}},
		{"audiences", tokenstore.NewToken{Audiences: []string{"a b"}}},
		{"rate_limit", tokenstore.NewToken{RateLimit: "60"}},
		{"expires_in", tokenstore.NewToken{ExpiresIn: "soon"}},
		{"expires_in", tokenstore.NewToken{ExpiresIn: "366d"}},
		{"expires_in", tokenstore.NewToken{ExpiresIn: "never"}},
		{"expires_at", tokenstore.NewToken{NeverExpires: true}},
		{"expires_at", tokenstore.NewToken{ExpiresAt: &past}},
		{"expires_at", tokenstore.NewToken{ExpiresAt: &far}},
		{"expires_at", tokenstore.NewToken{ExpiresAt: &far, ExpiresIn: "1d"}},
	} {
		if c.field != "name" {
			c.n.Name = "a"
		}
		_, _, err := b.CreateToken(t.Context(), root, c.n)
		var field *tokenstore.FieldError
		if !errors.As(err, &field) || field.Field != c.field {
			t.Errorf("%+v: %v, want an error of %s", c.n, err, c.field)
		}
	}
	if stats := b.Stats(); stats.Total != 0 {
		t.Errorf("%d tokens were made", stats.Total)
	}
}

func TestAnOmittedExpiryFitsTheLongestAllowed(t *testing.T) {
	b := newBench(t, tokenstore.Options{MaxExpiry: 7 * 24 * time.Hour})
	record, _ := b.create(tokenstore.NewToken{Name: "a"})
	if life := record.ExpiresAt.Sub(record.CreatedAt); life < 6*24*time.Hour || life > 8*24*time.Hour {
		t.Errorf("lives %s", life)
	}
}

func TestAPatchChangesOnlyWhatItNames(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	record, _ := b.create(tokenstore.NewToken{Name: "a", User: "ann", Permissions: []string{"a.b"}, RateLimit: "1/s", Audiences: []string{"x"}})
	user, none := "bob", ""
	got := must(b.UpdateToken(t.Context(), root, record.ID, 1, tokenstore.TokenPatch{User: &user, RateLimit: &none, Audiences: &[]string{}}))(t)
	if got.User != "bob" || got.RateLimit != nil || len(got.Audiences) != 0 || got.Name != "a" || len(got.Permissions) != 1 ||
		got.Version != 2 || !got.ExpiresAt.Equal(*record.ExpiresAt) || got.CreatedBy != "root" {
		t.Errorf("%+v", got)
	}
	if _, err := b.UpdateToken(t.Context(), root, record.ID, 1, tokenstore.TokenPatch{User: &none}); !errors.Is(err, tokenstore.ErrConflict) {
		t.Errorf("an edit of the old version: %v", err)
	}
	commits, _ := b.WriteCounts()
	if got := must(b.UpdateToken(t.Context(), root, record.ID, 2, tokenstore.TokenPatch{User: &user}))(t); got.Version != 2 {
		t.Error("an edit that changes nothing makes a version")
	}
	if after, _ := b.WriteCounts(); after != commits {
		t.Error("an edit that changes nothing is committed")
	}
	got = must(b.UpdateToken(t.Context(), root, record.ID, 0, tokenstore.TokenPatch{NeverExpires: true}))(t)
	if got.ExpiresAt != nil {
		t.Errorf("expires %v", got.ExpiresAt)
	}
}

func TestNamesAreTakenByOneTokenAlone(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	first, _ := b.create(tokenstore.NewToken{Name: "Straße"})
	second, _ := b.create(tokenstore.NewToken{Name: "b"})
	name := "STRASSE"
	_, _, create := b.CreateToken(t.Context(), root, tokenstore.NewToken{Name: name})
	_, rename := b.UpdateToken(t.Context(), root, second.ID, 0, tokenstore.TokenPatch{Name: &name})
	for _, err := range []error{create, rename} {
		var taken *tokenstore.NameTakenError
		if !errors.As(err, &taken) || taken.ID != first.ID || taken.Name != "Straße" {
			t.Errorf("error %v", err)
		}
	}
	if _, err := b.UpdateToken(t.Context(), root, first.ID, 0, tokenstore.TokenPatch{Name: &name}); err != nil {
		t.Errorf("a token cannot take its own name in other case: %v", err)
	}
	b.group("Readers")
	_, err := b.CreateGroup(t.Context(), root, tokenstore.NewGroup{Name: "readers"})
	var taken *tokenstore.NameTakenError
	if !errors.As(err, &taken) || taken.ID != "Readers" {
		t.Errorf("error %v", err)
	}
}

func TestAnExpiredTokenIsNeitherEnabledNorRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, tokenstore.Options{})
		record, _ := b.create(tokenstore.NewToken{Name: "a", ExpiresIn: "1m"})
		must(b.SetActive(t.Context(), root, record.ID, 0, false, "test"))(t)
		time.Sleep(time.Hour)
		yes := true
		_, enable := b.SetActive(t.Context(), root, record.ID, 0, true, "")
		_, patch := b.UpdateToken(t.Context(), root, record.ID, 0, tokenstore.TokenPatch{IsActive: &yes})
		_, _, rotate := b.RotateToken(t.Context(), root, record.ID, 0, tokenstore.RotateOptions{})
		for _, err := range []error{enable, patch, rotate} {
			var state *tokenstore.StateError
			if !errors.As(err, &state) || state.Code != tokenstore.StateExpired {
				t.Errorf("error %v", err)
			}
		}
		got, secret, err := b.RotateToken(t.Context(), root, record.ID, 0, tokenstore.RotateOptions{ExpiresIn: "1d"})
		if err != nil || got.Status != tokenstore.StatusDisabled {
			t.Fatalf("%+v, %v", got, err)
		}
		if got := must(b.UpdateToken(t.Context(), root, record.ID, 0, tokenstore.TokenPatch{IsActive: &yes}))(t); got.Status != tokenstore.StatusExpiring {
			t.Errorf("status %s", got.Status)
		}
		if reason := b.reason(secret, here); reason != "" {
			t.Errorf("refused with %q", reason)
		}
		b.Close()
	})
}

func TestRotationHasItsLimits(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	record, _ := b.create(tokenstore.NewToken{Name: "a"})
	for _, grace := range []time.Duration{-1, tokenstore.MaxGrace + 1} {
		_, _, err := b.RotateToken(t.Context(), root, record.ID, 0, tokenstore.RotateOptions{Grace: grace})
		var field *tokenstore.FieldError
		if !errors.As(err, &field) || field.Field != "grace" {
			t.Errorf("grace %s: %v", grace, err)
		}
	}
	_, err := b.FinishRotation(t.Context(), root, record.ID, 0)
	var state *tokenstore.StateError
	if !errors.As(err, &state) || state.Code != tokenstore.StateNoRotation {
		t.Errorf("finishing no rotation: %v", err)
	}
	rotated, _, err := b.RotateToken(t.Context(), root, record.ID, 1, tokenstore.RotateOptions{Grace: tokenstore.MaxGrace})
	if err != nil || !rotated.ExpiresAt.Equal(*record.ExpiresAt) {
		t.Errorf("%+v, %v", rotated, err)
	}
	if old := must(b.Token(record.Key))(t); old.ID != record.ID {
		t.Error("the old key leads elsewhere")
	}
	first := must(b.FinishRotation(t.Context(), root, record.ID, 2))(t)
	if again := must(b.FinishRotation(t.Context(), root, record.ID, 3))(t); again.Version != first.Version {
		t.Error("finishing again is an edit")
	}
}

func TestGroupsReachTheirTokensInTheSameCommit(t *testing.T) {
	path := t.TempDir() + "/tokens.db"
	b := openBench(t, path, tokenstore.Options{})
	b.group("old", "blog.view_article")
	b.group("other")
	record, secret := b.create(tokenstore.NewToken{Name: "a", Groups: []string{"other", "old"}})
	name := "new"
	commits, _ := b.WriteCounts()
	renamed := must(b.UpdateGroup(t.Context(), root, "old", 1, tokenstore.GroupPatch{Name: &name, Permissions: &[]string{"blog.*"}}))(t)
	if renamed.Name != "new" || renamed.Tokens != 1 || renamed.Version != 2 {
		t.Errorf("%+v", renamed)
	}
	got := must(b.Token(record.ID))(t)
	if !slices.Equal(got.Groups, []string{"new", "other"}) || !slices.Equal(got.EffectivePermissions, []string{"blog.*"}) || got.Version != 2 {
		t.Errorf("%+v", got)
	}
	if err := b.DeleteGroup(t.Context(), root, "new", 1); !errors.Is(err, tokenstore.ErrConflict) {
		t.Errorf("deleting the old version: %v", err)
	}
	if err := b.DeleteGroup(t.Context(), root, "new", 2); err != nil {
		t.Fatal(err)
	}
	if after, _ := b.WriteCounts(); after != commits+2 {
		t.Errorf("%d commits", after-commits)
	}
	if _, err := b.Group("new"); !errors.Is(err, tokenstore.ErrNotFound) {
		t.Errorf("still there: %v", err)
	}
	session := b.open(secret)
	if session.Grants().Has("blog.view_article") {
		t.Error("a deleted group grants")
	}
	session.End()
	b.Close()

	b = openBench(t, path, tokenstore.Options{})
	if got := must(b.Token(record.ID))(t); !slices.Equal(got.Groups, []string{"other"}) || got.Version != 3 {
		t.Errorf("after reopening: %+v", got)
	}
}

func TestEveryEditIsOnTheAuditTrailWithoutSecrets(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	actor := tokenstore.Actor{
		ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorAdminEndpoint, Name: "ann", IP: "::1"}, RequestID: "req-1",
	}
	ctx := t.Context()
	record, secret, err := b.CreateToken(ctx, actor, tokenstore.NewToken{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	user, name := "bob", "h"
	must(b.UpdateToken(ctx, actor, record.ID, 0, tokenstore.TokenPatch{User: &user}))(t)
	_, fresh, err := b.RotateToken(ctx, actor, record.ID, 0, tokenstore.RotateOptions{Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	must(b.FinishRotation(ctx, actor, record.ID, 0))(t)
	must(b.SetActive(ctx, actor, record.ID, 0, false, "gone on holiday"))(t)
	must(b.SetActive(ctx, actor, record.ID, 0, true, ""))(t)
	must(b.CreateGroup(ctx, actor, tokenstore.NewGroup{Name: "g"}))(t)
	must(b.UpdateGroup(ctx, actor, "g", 0, tokenstore.GroupPatch{Name: &name}))(t)
	if err := errors.Join(b.DeleteGroup(ctx, actor, "h", 0), b.DeleteToken(ctx, actor, record.ID, 0)); err != nil {
		t.Fatal(err)
	}
	b.RecordAccess(ctx, actor, tokenstore.ActionSignIn, "")
	b.RecordAccess(ctx, actor, tokenstore.ActionSignIn, "unknown")

	page := must(b.Audit(ctx, root, tokenstore.AuditQuery{}))(t)
	var actions []tokenstore.Action
	for _, e := range slices.Backward(page.Items) {
		actions = append(actions, e.Action)
		if e.Actor != actor.ActorInfo || e.RequestID != "req-1" || e.Time.IsZero() {
			t.Errorf("entry %+v", e)
		}
		if denied := e.Reason == "unknown"; denied != (e.Result == "denied") {
			t.Errorf("result %s for reason %q", e.Result, e.Reason)
		}
	}
	want := []tokenstore.Action{
		tokenstore.ActionTokenCreate, tokenstore.ActionTokenUpdate, tokenstore.ActionTokenRotate, tokenstore.ActionTokenRotateFinish,
		tokenstore.ActionTokenDisable, tokenstore.ActionTokenEnable, tokenstore.ActionGroupCreate, tokenstore.ActionGroupUpdate,
		tokenstore.ActionGroupDelete, tokenstore.ActionTokenDelete, tokenstore.ActionSignIn, tokenstore.ActionSignIn,
	}
	if !slices.Equal(actions, want) {
		t.Errorf("actions %v", actions)
	}
	update := page.Items[len(page.Items)-2]
	if c := update.Changes["user"]; len(update.Changes) != 1 || c[0] != "ann" || c[1] != "bob" {
		t.Errorf("changes %v", update.Changes)
	}
	if disable := page.Items[len(page.Items)-5]; disable.Reason != "gone on holiday" || disable.Changes["is_active"] != [2]any{true, false} {
		t.Errorf("%+v", disable)
	}
	text, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{secret.Reveal()[21:], fresh.Reveal()[21:], "salt", "hash"} {
		if strings.Contains(string(text), forbidden) {
			t.Errorf("%q is on the audit trail", forbidden)
		}
	}
}

func TestAuditPagesAreBoundToTheirQuery(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	for _, name := range []string{"a", "b", "c"} {
		b.create(tokenstore.NewToken{Name: name})
	}
	first := must(b.Audit(t.Context(), root, tokenstore.AuditQuery{Limit: 2}))(t)
	second := must(b.Audit(t.Context(), root, tokenstore.AuditQuery{Limit: 2, Cursor: first.NextCursor}))(t)
	if len(first.Items) != 2 || len(second.Items) != 1 || second.NextCursor != "" || second.Items[0].Target.Name != "a" {
		t.Errorf("pages %+v, %+v", first, second)
	}
	for _, q := range []tokenstore.AuditQuery{
		{Cursor: first.NextCursor, Actor: "root"}, {Cursor: first.NextCursor + "A"}, {Cursor: "x"}, {Limit: -1}, {Limit: 201}, {Result: "maybe"},
	} {
		var field *tokenstore.FieldError
		if _, err := b.Audit(t.Context(), root, q); !errors.As(err, &field) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestOldAuditEntriesAreDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, tokenstore.Options{FlushInterval: time.Hour, AuditRetention: 10 * 24 * time.Hour})
		b.create(tokenstore.NewToken{Name: "old"})
		time.Sleep(9 * 24 * time.Hour)
		b.create(tokenstore.NewToken{Name: "new"})
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		page := must(b.Audit(t.Context(), root, tokenstore.AuditQuery{}))(t)
		if len(page.Items) != 1 || page.Items[0].Target.Name != "new" {
			t.Errorf("%+v", page.Items)
		}
		b.Close()
	})
}
