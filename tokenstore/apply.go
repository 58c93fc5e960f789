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
	groups := make(map[string]*Group, len(c.Groups)) // nil: deleted
	for _, g := range c.Groups {
		if g.Before != nil {
			groups[g.Before.Name] = nil
		}
	}
	for _, g := range c.Groups {
		if g.After != nil {
			groups[g.After.Name] = g.After
		}
	}
	compile := newCompiler(func(name string) *Group {
		if g, changed := groups[name]; changed {
			return g
		}
		return s.table.groups[name]
	})

	states := make(map[*entry]*state)
	gone := make(map[*entry]struct{})
	for _, t := range c.Tokens {
		if t.After == nil {
			if e := s.table.byID[t.Before.ID]; e != nil {
				gone[e] = struct{}{}
			}
			continue
		}
		e := s.table.byID[t.After.ID]
		if e == nil {
			e = new(entry)
		}
		st, err := compile.state(t.After, e.state.Load())
		if err != nil {
			return err
		}
		states[e] = st
	}
	for name := range groups {
		for e := range s.table.members[name] {
			if states[e] != nil {
				continue
			}
			st := *e.state.Load()
			st.grants = compile.effective(st.token)
			states[e] = &st
		}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	for name, g := range groups {
		if g == nil {
			delete(s.table.groups, name)
		} else {
			s.table.groups[name] = g
		}
	}
	s.table.remove(gone)
	for e := range gone {
		delete(states, e)
		e.bury(s)
	}
	now := time.Now()
	for e, st := range states {
		s.table.put(e, st)
		e.review(s, now, true)
	}
	return nil
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
