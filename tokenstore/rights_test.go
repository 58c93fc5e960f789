package tokenstore_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// by returns a token as actor, with the rights that it holds now.
func (b bench) by(record tokenstore.Record) tokenstore.Actor {
	return tokenstore.Actor{
		ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorToken, ID: record.ID, Name: record.Name},
		Grants:    tokenstore.NewGrants(record.EffectivePermissions...),
	}
}

// forbidden reports whether err says that a right is missing.
func forbidden(err error) bool {
	var f *tokenstore.ForbiddenError
	return errors.As(err, &f) && errors.Is(err, tokenstore.ErrForbidden) && f.Detail != ""
}

func TestEveryEditNeedsItsRight(t *testing.T) {
	edits := map[string]func(b bench, a tokenstore.Actor, id string) error{
		tokenstore.RightAddToken: func(b bench, a tokenstore.Actor, _ string) error {
			_, _, err := b.CreateToken(b.Context(), a, tokenstore.NewToken{Name: "new"})
			return err
		},
		tokenstore.RightDeleteToken: func(b bench, a tokenstore.Actor, id string) error { return b.DeleteToken(b.Context(), a, id, 0) },
		tokenstore.RightDeleteToken + " in bulk": func(b bench, a tokenstore.Actor, id string) error {
			_, err := b.Bulk(b.Context(), a, tokenstore.Bulk{Action: tokenstore.BulkDelete, IDs: []string{id}})
			return err
		},
		tokenstore.RightChangeToken + " to update": func(b bench, a tokenstore.Actor, id string) error {
			user := "x"
			_, err := b.UpdateToken(b.Context(), a, id, 0, tokenstore.TokenPatch{User: &user})
			return err
		},
		tokenstore.RightChangeToken + " to rotate": func(b bench, a tokenstore.Actor, id string) error {
			_, _, err := b.RotateToken(b.Context(), a, id, 0, tokenstore.RotateOptions{})
			return err
		},
		tokenstore.RightChangeToken + " to finish": func(b bench, a tokenstore.Actor, id string) error {
			if _, _, err := b.RotateToken(b.Context(), root, id, 0, tokenstore.RotateOptions{Grace: tokenstore.MaxGrace}); err != nil {
				return err
			}
			_, err := b.FinishRotation(b.Context(), a, id, 0)
			return err
		},
		tokenstore.RightChangeToken + " to disable": func(b bench, a tokenstore.Actor, id string) error {
			_, err := b.SetActive(b.Context(), a, id, 0, false, "")
			return err
		},
		tokenstore.RightChangeToken + " to end requests": func(b bench, a tokenstore.Actor, id string) error {
			_, err := b.EndLive(b.Context(), a, id, "")
			return err
		},
		tokenstore.RightChangeToken + " in bulk": func(b bench, a tokenstore.Actor, id string) error {
			_, err := b.Bulk(b.Context(), a, tokenstore.Bulk{Action: tokenstore.BulkDisable, IDs: []string{id}})
			return err
		},
		tokenstore.RightChangeGroup + " to create": func(b bench, a tokenstore.Actor, _ string) error {
			_, err := b.CreateGroup(b.Context(), a, tokenstore.NewGroup{Name: "new"})
			return err
		},
		tokenstore.RightChangeGroup + " to update": func(b bench, a tokenstore.Actor, _ string) error {
			_, err := b.UpdateGroup(b.Context(), a, "g", 0, tokenstore.GroupPatch{Permissions: &[]string{"a.b"}})
			return err
		},
		tokenstore.RightChangeGroup + " to delete": func(b bench, a tokenstore.Actor, _ string) error {
			return b.DeleteGroup(b.Context(), a, "g", 0)
		},
		tokenstore.RightViewAudit: func(b bench, a tokenstore.Actor, _ string) error {
			_, err := b.Audit(b.Context(), a, tokenstore.AuditQuery{})
			return err
		},
		tokenstore.RightExport: func(b bench, a tokenstore.Actor, _ string) error { return b.Backup(b.Context(), a, io.Discard) },
	}
	for name, edit := range edits {
		right, _, _ := strings.Cut(name, " ")
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tokenstore.Options{})
			b.group("g")
			record, _ := b.create(tokenstore.NewToken{Name: "a"})
			var others []string
			for _, other := range tokenstore.Rights {
				if other != right {
					others = append(others, other)
				}
			}
			actor := tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorToken}}
			for _, grants := range []*tokenstore.Grants{nil, tokenstore.NewGrants(others...), tokenstore.NewGrants("*", "*.*")} {
				actor.Grants = grants
				if err := edit(b, actor, record.ID); !forbidden(err) {
					t.Errorf("with %v: %v", grants.List(), err)
				}
			}
			actor.Type = "somebody"
			actor.Grants = tokenstore.NewGrants(right)
			if err := edit(b, actor, record.ID); !forbidden(err) {
				t.Errorf("of an unknown type: %v", err)
			}
			actor.Type = tokenstore.ActorToken
			if err := edit(b, actor, record.ID); err != nil {
				t.Errorf("with %s: %v", right, err)
			}
		})
	}
}

// limited is a Service with a group that holds an audit right, a token that
// holds all rights, a plain token, and a limited manager as actor.
type limited struct {
	bench
	admin, plain, self tokenstore.Record
	actor              tokenstore.Actor
}

func newLimited(t *testing.T) limited {
	b := newBench(t, tokenstore.Options{})
	b.group("auditors", tokenstore.RightViewAudit)
	b.group("readers", "blog.view_article")
	l := limited{bench: b}
	l.admin, _ = b.create(tokenstore.NewToken{Name: "admin", Permissions: []string{tokenstore.AllRights}})
	l.plain, _ = b.create(tokenstore.NewToken{Name: "plain", Groups: []string{"readers"}})
	l.self, _ = b.create(tokenstore.NewToken{Name: "limited", Permissions: []string{
		tokenstore.RightAddToken, tokenstore.RightChangeToken, tokenstore.RightDeleteToken, tokenstore.RightChangeGroup,
	}})
	l.actor = b.by(l.self)
	return l
}

func TestNobodyGrantsARightThatTheyLack(t *testing.T) {
	groups, perms := func(s ...string) *[]string { return &s }, func(s ...string) *[]string { return &s }
	for name, edit := range map[string]func(l limited) error{
		"to a new token": func(l limited) error {
			_, _, err := l.CreateToken(l.Context(), l.actor, tokenstore.NewToken{Name: "x", Permissions: []string{tokenstore.RightExport}})
			return err
		},
		"all rights": func(l limited) error {
			_, _, err := l.CreateToken(l.Context(), l.actor, tokenstore.NewToken{Name: "x", Permissions: []string{tokenstore.AllRights}})
			return err
		},
		"a right that is to come": func(l limited) error {
			_, _, err := l.CreateToken(l.Context(), l.actor, tokenstore.NewToken{Name: "x", Permissions: []string{"mcp_token.invent"}})
			return err
		},
		"to a new token by a group": func(l limited) error {
			_, _, err := l.CreateToken(l.Context(), l.actor, tokenstore.NewToken{Name: "x", Groups: []string{"auditors"}})
			return err
		},
		"to another": func(l limited) error {
			_, err := l.UpdateToken(l.Context(), l.actor, l.plain.ID, 0, tokenstore.TokenPatch{Permissions: perms(tokenstore.RightViewAudit)})
			return err
		},
		"to another by a group": func(l limited) error {
			_, err := l.UpdateToken(l.Context(), l.actor, l.plain.ID, 0, tokenstore.TokenPatch{Groups: groups("auditors")})
			return err
		},
		"to themselves": func(l limited) error {
			_, err := l.UpdateToken(l.Context(), l.actor, l.self.ID, 0, tokenstore.TokenPatch{Permissions: perms(append(l.self.Permissions, tokenstore.RightExport)...)})
			return err
		},
		"to themselves by a group": func(l limited) error {
			_, err := l.UpdateToken(l.Context(), l.actor, l.self.ID, 0, tokenstore.TokenPatch{Groups: groups("auditors")})
			return err
		},
		"to a new group": func(l limited) error {
			_, err := l.CreateGroup(l.Context(), l.actor, tokenstore.NewGroup{Name: "x", Permissions: []string{tokenstore.RightExport}})
			return err
		},
		"to a group": func(l limited) error {
			_, err := l.UpdateGroup(l.Context(), l.actor, "readers", 0, tokenstore.GroupPatch{Permissions: perms(tokenstore.RightExport)})
			return err
		},
		"by editing who holds it": func(l limited) error {
			user := "x"
			_, err := l.UpdateToken(l.Context(), l.actor, l.admin.ID, 0, tokenstore.TokenPatch{User: &user})
			return err
		},
		"by rotating who holds it": func(l limited) error {
			_, _, err := l.RotateToken(l.Context(), l.actor, l.admin.ID, 0, tokenstore.RotateOptions{})
			return err
		},
		"by enabling who holds it": func(l limited) error {
			if _, err := l.SetActive(l.Context(), root, l.admin.ID, 0, false, ""); err != nil {
				return err
			}
			_, err := l.SetActive(l.Context(), l.actor, l.admin.ID, 0, true, "")
			return err
		},
		"by editing a group that holds it": func(l limited) error {
			description := "x"
			_, err := l.UpdateGroup(l.Context(), l.actor, "auditors", 0, tokenstore.GroupPatch{Description: &description})
			return err
		},
		"by deleting a group that holds it": func(l limited) error { return l.DeleteGroup(l.Context(), l.actor, "auditors", 0) },
		"by living longer": func(l limited) error {
			_, err := l.UpdateToken(l.Context(), l.actor, l.self.ID, 0, tokenstore.TokenPatch{ExpiresIn: "365d"})
			return err
		},
		"by rotating into a longer life": func(l limited) error {
			_, _, err := l.RotateToken(l.Context(), l.actor, l.self.ID, 0, tokenstore.RotateOptions{NeverExpires: true})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLimited(t)
			before := l.Stats()
			if err := edit(l); !forbidden(err) {
				t.Errorf("error %v", err)
			}
			if l.Stats().Total != before.Total || len(l.Groups()) != 2 {
				t.Error("something was made")
			}
			page := must(l.Audit(l.Context(), root, tokenstore.AuditQuery{Result: "denied", Actor: l.self.ID}))(t)
			if len(page.Items) != 1 || page.Items[0].Reason == "" {
				t.Errorf("audit: %+v", page.Items)
			}
		})
	}
}

func TestAManagerMayDoWhatItsRightsCover(t *testing.T) {
	l := newLimited(t)
	ctx, a := l.Context(), l.actor
	for _, permissions := range [][]string{{"blog.*"}, {tokenstore.RightAddToken}, {"*"}} {
		record, _, err := l.CreateToken(ctx, a, tokenstore.NewToken{Name: "made", Permissions: permissions, NeverExpires: true})
		if err != nil {
			t.Fatalf("%v: %v", permissions, err)
		}
		if record.CreatedBy != "limited" || record.User != "limited" {
			t.Errorf("made by %s for %s", record.CreatedBy, record.User)
		}
		must(l.UpdateToken(ctx, a, record.ID, 0, tokenstore.TokenPatch{ExpiresIn: "1d"}))(t)
		if err := l.DeleteToken(ctx, a, record.ID, 0); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.SetActive(ctx, a, l.admin.ID, 0, false, "stolen"); err != nil {
		t.Errorf("disabling a stronger token: %v", err)
	}
	if _, _, err := l.RotateToken(ctx, a, l.self.ID, 0, tokenstore.RotateOptions{}); err != nil {
		t.Errorf("rotating itself: %v", err)
	}
	if _, err := l.UpdateToken(ctx, a, l.self.ID, 0, tokenstore.TokenPatch{ExpiresIn: "1h"}); err != nil {
		t.Errorf("shortening its own life: %v", err)
	}
}

func TestTheLastManagerStays(t *testing.T) {
	strip := tokenstore.TokenPatch{Permissions: &[]string{tokenstore.RightViewToken, tokenstore.RightDeleteToken}}
	no := false
	edits := map[string]func(b bench, a tokenstore.Actor, id string) error{
		"deleted": func(b bench, a tokenstore.Actor, id string) error { return b.DeleteToken(b.Context(), a, id, 0) },
		"disabled": func(b bench, a tokenstore.Actor, id string) error {
			_, err := b.SetActive(b.Context(), a, id, 0, false, "")
			return err
		},
		"disabled by a patch": func(b bench, a tokenstore.Actor, id string) error {
			_, err := b.UpdateToken(b.Context(), a, id, 0, tokenstore.TokenPatch{IsActive: &no})
			return err
		},
		"stripped": func(b bench, a tokenstore.Actor, id string) error {
			patch := strip
			patch.Groups = &[]string{}
			_, err := b.UpdateToken(b.Context(), a, id, 0, patch)
			return err
		},
		"left by its group": func(b bench, a tokenstore.Actor, _ string) error { return b.DeleteGroup(b.Context(), a, "managers", 0) },
		"stripped by its group": func(b bench, a tokenstore.Actor, _ string) error {
			_, err := b.UpdateGroup(b.Context(), a, "managers", 0, tokenstore.GroupPatch{Permissions: &[]string{}})
			return err
		},
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tokenstore.Options{})
			b.group("managers", tokenstore.AllRights)
			last, _ := b.create(tokenstore.NewToken{Name: "last", Groups: []string{"managers"}})
			b.create(tokenstore.NewToken{Name: "disabled", Permissions: []string{tokenstore.AllRights}, Disabled: true})
			b.create(tokenstore.NewToken{Name: "deleter", Permissions: []string{tokenstore.RightDeleteToken}})

			var state *tokenstore.StateError
			if err := edit(b, b.by(last), last.ID); !errors.As(err, &state) || state.Code != tokenstore.StateLastManager {
				t.Errorf("as the last: %v", err)
			}
			if page := must(b.Audit(b.Context(), root, tokenstore.AuditQuery{Result: "denied"}))(t); len(page.Items) != 1 {
				t.Errorf("audit: %+v", page.Items)
			}
			b.create(tokenstore.NewToken{Name: "second", Permissions: []string{tokenstore.RightChangeToken}})
			if err := edit(b, b.by(last), last.ID); err != nil {
				t.Errorf("with a second: %v", err)
			}
		})
	}
	t.Run("and an expired one does not count", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, tokenstore.Options{})
			last, _ := b.create(tokenstore.NewToken{Name: "last", Permissions: []string{tokenstore.AllRights}})
			b.create(tokenstore.NewToken{Name: "expired", Permissions: []string{tokenstore.AllRights}, ExpiresIn: "1m"})
			time.Sleep(time.Hour)
			var state *tokenstore.StateError
			if err := b.DeleteToken(t.Context(), b.by(last), last.ID, 0); !errors.As(err, &state) {
				t.Errorf("error %v", err)
			}
			b.Close()
		})
	})
	t.Run("unless local trust says so", func(t *testing.T) {
		b := newBench(t, tokenstore.Options{})
		last, _ := b.create(tokenstore.NewToken{Name: "last", Permissions: []string{tokenstore.AllRights}})
		if err := b.DeleteToken(b.Context(), root, last.ID, 0); err != nil {
			t.Error(err)
		}
	})
	t.Run("in bulk", func(t *testing.T) {
		b := newBench(t, tokenstore.Options{})
		first, _ := b.create(tokenstore.NewToken{Name: "first", Permissions: []string{tokenstore.AllRights}})
		second, _ := b.create(tokenstore.NewToken{Name: "second", Permissions: []string{tokenstore.AllRights}})
		got := must(b.Bulk(b.Context(), b.by(first), tokenstore.Bulk{Action: tokenstore.BulkDelete, IDs: []string{second.ID, first.ID}}))(t)
		if got.Changed != 1 || got.Items[1].Result != tokenstore.BulkRefused {
			t.Errorf("%+v", got)
		}
	})
}

func TestAnEditOfAnEndedRequestDoesNotHappen(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	record, secret := b.create(tokenstore.NewToken{Name: "admin", Permissions: []string{tokenstore.AllRights}})
	session := b.open(secret)
	defer session.End()
	must(b.SetActive(t.Context(), root, record.ID, 0, false, ""))(t)
	_, _, err := b.CreateToken(session.Context(), b.by(record), tokenstore.NewToken{Name: "late"})
	if !errors.Is(err, context.Canceled) || b.Stats().Total != 1 {
		t.Errorf("error %v", err)
	}
}
