package tokenstore

import (
	"context"
	"errors"
	"time"
)

// apply brings c, which is committed, into the table, and ends the live
// requests that it leaves without a valid token, or without a grant that they
// hold. It is the only place where the table changes. The caller holds editMu.
//
// Compiling happens before mu is taken: an edit of a group may touch every
// token, and verification must not wait for that.
func (s *Service) apply(c Change) error {
	u, err := s.table.compile(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, g := range u.groups {
		if g == nil {
			delete(s.table.groups, name)
		} else {
			s.table.groups[name] = g
		}
	}
	s.table.remove(u.gone)
	for e := range u.gone {
		e.bury(s)
	}
	now := time.Now()
	for _, set := range u.states {
		s.table.put(set.entry, set.state)
		set.entry.review(s, now, true)
	}
	return nil
}

// update is a Change ready for the table.
type update struct {
	groups map[string]*Group // nil: deleted
	gone   map[*entry]struct{}
	states []entryState // in the order of the Change, so that lists read memory in order
}

type entryState struct {
	entry *entry
	state *state
}

// compile makes an update of c: the tokens that it names, and those that hold a
// group that it names.
func (t *table) compile(c Change) (*update, error) {
	u := &update{groups: make(map[string]*Group), gone: make(map[*entry]struct{})}
	for _, g := range c.Groups {
		if g.Before != nil {
			u.groups[g.Before.Name] = nil
		}
	}
	for _, g := range c.Groups {
		if g.After != nil {
			u.groups[g.After.Name] = g.After
		}
	}
	compile := newCompiler(func(name string) *Group {
		if g, changed := u.groups[name]; changed {
			return g
		}
		return t.groups[name]
	})

	done := make(map[*entry]struct{}, len(c.Tokens))
	for _, change := range c.Tokens {
		if change.After == nil {
			if e := t.byID[change.Before.ID]; e != nil {
				u.gone[e], done[e] = struct{}{}, struct{}{}
			}
			continue
		}
		e := t.byID[change.After.ID]
		if e == nil {
			e = new(entry)
		}
		st, err := compile.state(change.After, e.state.Load())
		if err != nil {
			return nil, err
		}
		u.states = append(u.states, entryState{e, st})
		done[e] = struct{}{}
	}
	for name := range u.groups {
		for e := range t.members[name] {
			if _, found := done[e]; found {
				continue
			}
			st := *e.state.Load()
			st.grants = compile.effective(st.token)
			u.states = append(u.states, entryState{e, &st})
			done[e] = struct{}{}
		}
	}
	return u, nil
}

// commit makes c durable and applies it. When it returns nil, no later request
// is decided on the old state. The caller holds editMu.
func (s *Service) commit(ctx context.Context, c Change) error {
	s.commits.Add(1)
	err := s.store.Commit(ctx, c)
	if err == nil {
		err = s.apply(c)
	}
	if err == nil || errors.Is(err, ErrClosed) {
		return err
	}
	// Another gateway was faster, or it is unknown whether c was written.
	if again := s.reload(context.WithoutCancel(ctx)); again != nil {
		s.logger().Error("loading the tokens anew failed", "error", again)
	}
	return unavailable(err)
}
