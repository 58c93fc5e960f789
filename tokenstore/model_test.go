package tokenstore_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// sequences is how many random sequences of edits and requests are tried.
const sequences = 10_000

func TestTheServiceAgreesWithASimpleModel(t *testing.T) {
	checks := sequences
	if testing.Short() {
		checks = 500
	}
	const runs = 5 // of rapid, which stops after a day of the bubble's time
	if err := flag.Set("rapid.checks", fmt.Sprint(checks/runs)); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		b := newFastBench(t, tokenstore.Options{FlushInterval: time.Hour})
		serial := 0
		for range runs {
			// Of a *testing.T rapid would ask the deadline, which a bubble lacks.
			rapid.Check(struct{ testing.TB }{t}, func(t *rapid.T) {
				m := &model{T: t, b: b, groups: make(map[string][]string), serial: &serial}
				defer m.clear()
				steps := rapid.SliceOfN(rapid.SampledFrom(slices.Sorted(maps.Keys(modelSteps))), 1, 25).Draw(t, "steps")
				for _, step := range steps {
					modelSteps[step](m)
					m.check(step)
				}
			})
		}
		b.Close()
	})
}

// model is what tokens, groups and requests ought to be.
type model struct {
	*rapid.T
	b      bench
	tokens []*modelToken
	groups map[string][]string // permissions
	open   []*modelSession
	serial *int
}

type modelToken struct {
	id          string
	gone        bool
	active      bool
	expires     time.Time // zero: never
	permissions []string
	groups      []string
	secret      tokenstore.Secret
	old         []modelSecret // all that were rotated out, the latest last
}

type modelSecret struct {
	tokenstore.Secret
	until time.Time
}

type modelSession struct {
	*tokenstore.Session
	token *modelToken
	text  string // of the secret
	needs string // the permission that it holds, or ""
	over  bool
}

var modelPermissions = []string{"blog.view", "blog.add", "shop.view", "shop.*"}

var modelSteps = map[string]func(*model){
	"create":       (*model).create,
	"begin":        (*model).begin,
	"begin again":  (*model).begin,
	"begin as old": (*model).beginOld,
	"end":          (*model).end,
	"wait":         (*model).wait,
	"create group": func(m *model) {
		m.edit("a new group", len(m.groups) >= 3, func() error {
			name, permissions := m.name("g"), m.permissions()
			_, err := m.b.CreateGroup(m.b.Context(), root, tokenstore.NewGroup{Name: name, Permissions: permissions})
			m.groups[name] = permissions
			return err
		})
	},
	"edit group": func(m *model) {
		m.editGroup(func(name string) error {
			permissions := m.permissions()
			_, err := m.b.UpdateGroup(m.b.Context(), root, name, 0, tokenstore.GroupPatch{Permissions: &permissions})
			m.groups[name] = permissions
			return err
		})
	},
	"rename group": func(m *model) {
		m.editGroup(func(name string) error {
			to := m.name("g")
			_, err := m.b.UpdateGroup(m.b.Context(), root, name, 0, tokenstore.GroupPatch{Name: &to})
			m.groups[to] = m.groups[name]
			delete(m.groups, name)
			for _, t := range m.tokens {
				if i := slices.Index(t.groups, name); i >= 0 {
					t.groups[i] = to
				}
			}
			return err
		})
	},
	"delete group": func(m *model) {
		m.editGroup(func(name string) error {
			delete(m.groups, name)
			for _, t := range m.tokens {
				t.groups = slices.DeleteFunc(t.groups, func(g string) bool { return g == name })
			}
			return m.b.DeleteGroup(m.b.Context(), root, name, 0)
		})
	},
	"delete": func(m *model) {
		m.editToken(func(t *modelToken) error {
			t.gone = true
			return m.b.DeleteToken(m.b.Context(), root, t.id, 0)
		})
	},
	"disable": func(m *model) {
		m.editToken(func(t *modelToken) error {
			t.active = false
			_, err := m.b.SetActive(m.b.Context(), root, t.id, 0, false, "")
			return err
		})
	},
	"enable": func(m *model) {
		m.editToken(func(t *modelToken) error {
			_, err := m.b.SetActive(m.b.Context(), root, t.id, 0, true, "")
			return m.unlessExpired(t, err, func() { t.active = true })
		})
	},
	"grant": func(m *model) {
		m.editToken(func(t *modelToken) error {
			t.permissions, t.groups = m.permissions(), m.someGroups()
			_, err := m.b.UpdateToken(m.b.Context(), root, t.id, 0, tokenstore.TokenPatch{Permissions: &t.permissions, Groups: &t.groups})
			return err
		})
	},
	"new expiry": func(m *model) {
		m.editToken(func(t *modelToken) error {
			in, end := m.expiry()
			t.expires = end
			_, err := m.b.UpdateToken(m.b.Context(), root, t.id, 0, tokenstore.TokenPatch{ExpiresIn: in})
			return err
		})
	},
	"rotate": func(m *model) {
		m.editToken(func(t *modelToken) error {
			grace := time.Duration(rapid.IntRange(0, 3).Draw(m.T, "grace")) * time.Minute
			_, secret, err := m.b.RotateToken(m.b.Context(), root, t.id, 0, tokenstore.RotateOptions{Grace: grace})
			return m.unlessExpired(t, err, func() {
				t.finish(time.Now())
				t.old = append(t.old, modelSecret{t.secret, time.Now().Add(grace)})
				t.secret = secret
			})
		})
	},
	"finish rotation": func(m *model) {
		m.editToken(func(t *modelToken) error {
			_, err := m.b.FinishRotation(m.b.Context(), root, t.id, 0)
			if len(t.old) == 0 {
				var state *tokenstore.StateError
				if !errors.As(err, &state) {
					m.Fatalf("finishing no rotation: %v", err)
				}
				return nil
			}
			t.finish(time.Now())
			return err
		})
	},
}

func (m *model) name(kind string) string {
	*m.serial++
	return fmt.Sprintf("%s%d", kind, *m.serial)
}

func (m *model) permissions() []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(modelPermissions), 0, 2, rapid.ID).Draw(m.T, "permissions")
}

func (m *model) someGroups() []string {
	all := slices.Sorted(maps.Keys(m.groups))
	return slices.DeleteFunc(all, func(string) bool { return rapid.Bool().Draw(m.T, "group") })
}

func (m *model) expiry() (in string, end time.Time) {
	minutes := rapid.IntRange(0, 5).Draw(m.T, "minutes")
	if minutes == 0 {
		return tokenstore.Never, time.Time{}
	}
	return fmt.Sprintf("%dm", minutes), time.Now().Add(time.Duration(minutes) * time.Minute)
}

// edit makes an edit, unless it is to be left out.
func (m *model) edit(what string, leave bool, f func() error) {
	if leave {
		return
	}
	if err := f(); err != nil {
		m.Fatalf("%s: %v", what, err)
	}
}

func (m *model) editToken(f func(*modelToken) error) {
	t := m.pick()
	m.edit("editing a token", t == nil, func() error { return f(t) })
}

func (m *model) editGroup(f func(name string) error) {
	names := slices.Sorted(maps.Keys(m.groups))
	m.edit("editing a group", len(names) == 0, func() error { return f(rapid.SampledFrom(names).Draw(m.T, "which group")) })
}

// pick returns a token that is there, or nil.
func (m *model) pick() *modelToken {
	there := slices.DeleteFunc(slices.Clone(m.tokens), func(t *modelToken) bool { return t.gone })
	if len(there) == 0 {
		return nil
	}
	return rapid.SampledFrom(there).Draw(m.T, "which token")
}

// unlessExpired runs f if t has not expired; if it has, err must say so.
func (m *model) unlessExpired(t *modelToken, err error, f func()) error {
	if !t.expired() {
		f()
		return err
	}
	var state *tokenstore.StateError
	if !errors.As(err, &state) || state.Code != tokenstore.StateExpired {
		m.Fatalf("an expired token: %v", err)
	}
	return nil
}

func (m *model) create() {
	m.edit("a new token", len(m.tokens) >= 6, func() error {
		in, end := m.expiry()
		t := &modelToken{active: rapid.Bool().Draw(m.T, "active"), expires: end, permissions: m.permissions(), groups: m.someGroups()}
		record, secret, err := m.b.CreateToken(m.b.Context(), root, tokenstore.NewToken{
			Name: m.name("t"), ExpiresIn: in, Permissions: t.permissions, Groups: t.groups, Disabled: !t.active,
		})
		t.id, t.secret = record.ID, secret
		m.tokens = append(m.tokens, t)
		return err
	})
}

func (m *model) begin() {
	if len(m.tokens) > 0 {
		t := rapid.SampledFrom(m.tokens).Draw(m.T, "whose") // perhaps of a token that is gone
		m.present(t, t.secret)
	}
}

func (m *model) beginOld() {
	if len(m.tokens) > 0 {
		if t := rapid.SampledFrom(m.tokens).Draw(m.T, "whose"); len(t.old) > 0 {
			m.present(t, rapid.SampledFrom(t.old).Draw(m.T, "which").Secret)
		}
	}
}

// present begins a request, which may hold a permission.
func (m *model) present(t *modelToken, secret tokenstore.Secret) {
	session, err := m.b.Begin(m.b.Context(), secret, here)
	if accepted := err == nil; accepted != t.accepts(secret.Reveal()) {
		m.Fatalf("accepted: %t (%v), but the model says %t", accepted, err, !accepted)
	}
	if err != nil {
		return
	}
	s := &modelSession{Session: session, token: t, text: secret.Reveal()}
	m.open = append(m.open, s)
	for _, p := range modelPermissions[:3] {
		if session.Grants().Has(p) != m.has(t, p) {
			m.Fatalf("%s granted: %t", p, !m.has(t, p))
		}
	}
	if needs := rapid.SampledFrom(append(modelPermissions[:3:3], "")).Draw(m.T, "needs"); needs != "" {
		may := func(g *tokenstore.Grants) bool { return g.Has(needs) }
		if held := session.Hold(may); held != m.has(t, needs) {
			m.Fatalf("%s held: %t", needs, held)
		} else if held {
			s.needs = needs
		}
	}
}

func (m *model) end() {
	if len(m.open) > 0 {
		i := rapid.IntRange(0, len(m.open)-1).Draw(m.T, "which request")
		m.open[i].End()
		m.open = slices.Delete(m.open, i, i+1)
	}
}

func (m *model) wait() {
	time.Sleep(time.Duration(rapid.IntRange(1, 90).Draw(m.T, "seconds")) * time.Second)
}

// finish ends the grace of the last rotation.
func (t *modelToken) finish(now time.Time) {
	if n := len(t.old); n > 0 && now.Before(t.old[n-1].until) {
		t.old[n-1].until = now
	}
}

func (t *modelToken) expired() bool { return !t.expires.IsZero() && !time.Now().Before(t.expires) }

// accepts reports whether the text of a secret is good for t now.
func (t *modelToken) accepts(text string) bool {
	if t.gone || !t.active || t.expired() {
		return false
	}
	if text == t.secret.Reveal() {
		return true
	}
	last := len(t.old) - 1
	return last >= 0 && t.old[last].Reveal() == text && time.Now().Before(t.old[last].until)
}

// has reports whether t holds permission.
func (m *model) has(t *modelToken, permission string) bool {
	held := slices.Clone(t.permissions)
	for _, g := range t.groups {
		held = append(held, m.groups[g]...)
	}
	return slices.Contains(held, permission) || strings.HasPrefix(permission, "shop.") && slices.Contains(held, "shop.*")
}

// check compares the running requests with the model.
func (m *model) check(step string) {
	synctest.Wait()
	running := 0
	for _, s := range m.open {
		s.over = s.over || !s.token.accepts(s.text) || s.needs != "" && !m.has(s.token, s.needs)
		if over := s.Context().Err() != nil; over != s.over {
			m.Fatalf("after %s a request has ended: %t, but the model says %t", step, over, s.over)
		}
		if !s.over {
			running++
		}
	}
	if n := m.b.LiveCount(); n != running {
		m.Fatalf("after %s %d requests are live, but the model says %d", step, n, running)
	}
}

// clear ends what the sequence has left.
func (m *model) clear() {
	for _, s := range m.open {
		s.End()
	}
	var ids []string
	for _, t := range m.tokens {
		ids = append(ids, t.id)
	}
	if len(ids) > 0 {
		if _, err := m.b.Bulk(m.b.Context(), root, tokenstore.Bulk{Action: tokenstore.BulkDelete, IDs: ids}); err != nil {
			m.Error(err)
		}
	}
	for name := range m.groups {
		if err := m.b.DeleteGroup(m.b.Context(), root, name, 0); err != nil {
			m.Error(err)
		}
	}
}
