package tokenstore

import (
	"context"
	"errors"
	"fmt"
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

// reload brings the table to what the store holds. The caller holds editMu.
func (s *Service) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	snapshot, err := s.store.Load(ctx)
	if err != nil {
		return err
	}
	return s.absorb(snapshot)
}

// absorb applies the difference between the table and a snapshot. The caller
// holds editMu, or is Open.
func (s *Service) absorb(snapshot Snapshot) error {
	var c Change
	groups := make(map[string]bool, len(snapshot.Groups))
	for _, g := range snapshot.Groups {
		groups[g.Name] = true
		if old := s.table.groups[g.Name]; old == nil || old.Version != g.Version || !old.UpdatedAt.Equal(g.UpdatedAt) {
			c.Groups = append(c.Groups, GroupChange{old, g})
		}
	}
	for name, old := range s.table.groups {
		if !groups[name] {
			c.Groups = append(c.Groups, GroupChange{Before: old})
		}
	}

	tokens := make(map[string]bool, len(snapshot.Tokens))
	for _, t := range snapshot.Tokens {
		tokens[t.ID] = true
		var old *Token
		if e := s.table.byID[t.ID]; e != nil {
			old = e.state.Load().token
		}
		if old == nil || old.Version != t.Version || !old.UpdatedAt.Equal(t.UpdatedAt) {
			c.Tokens = append(c.Tokens, TokenChange{old, t})
		}
	}
	for id, e := range s.table.byID {
		if !tokens[id] {
			c.Tokens = append(c.Tokens, TokenChange{Before: e.state.Load().token})
		}
	}
	if err := s.apply(c); err != nil {
		return err
	}
	for _, u := range snapshot.Uses {
		if e := s.table.byID[u.TokenID]; e != nil {
			e.merge(u)
		}
	}
	s.revision = snapshot.Revision
	return nil
}

// MaxStale is how long a Service that has lost the feed of other gateways'
// edits goes on accepting tokens. After it, it refuses them all: a token
// revoked elsewhere must not live on here.
const MaxStale = 30 * time.Second

// follow applies what other processes commit, until ctx ends.
func (s *Service) follow(ctx context.Context) {
	for {
		err := s.store.Watch(ctx, s.revision, s.applyRemote)
		for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
			s.lost.CompareAndSwap(0, time.Now().UnixNano())
			s.logger().Warn("the feed of other gateways' edits is lost; loading anew", "error", err)
			s.editMu.Lock()
			err = s.reload(ctx)
			s.editMu.Unlock()
			if err == nil {
				s.lost.Store(0)
				break
			}
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// applyRemote applies a change that another process committed. It waits for
// the edit of this process that is under way: its commit came first or fails.
func (s *Service) applyRemote(c Change) {
	s.editMu.Lock()
	defer s.editMu.Unlock()
	if err := s.apply(c); err != nil {
		s.logger().Error("an edit of another gateway cannot be read", "error", err)
	}
}

// available returns why the Service cannot vouch for its table, or nil. The
// caller holds mu or editMu.
func (s *Service) available(now time.Time) error {
	if s.closed {
		return ErrClosed
	}
	if lost := s.lost.Load(); lost != 0 && now.UnixNano()-lost > int64(MaxStale) {
		return fmt.Errorf("%w: no contact for more than %s", ErrUnavailable, MaxStale)
	}
	return nil
}
