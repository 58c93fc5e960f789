package tokenstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// MaxStale is how long a Service that has lost the feed of other gateways'
// edits goes on accepting tokens. After it, it refuses them all: a token
// revoked elsewhere must not live on here.
const MaxStale = 30 * time.Second

// feed is the edits of other processes, from the last time that everything was
// loaded.
type feed struct {
	// lost is when the feed broke: Unix nanoseconds, 0 while it works.
	lost atomic.Int64

	// editMu guards these.
	revision Revision // where Watch continues
	loads    int      // what a Watch from before the last load says is old
	stop     context.CancelFunc
}

// restart makes the feed begin at revision. The caller holds editMu.
func (f *feed) restart(revision Revision) {
	f.revision = revision
	f.loads++
	if f.stop != nil {
		f.stop()
	}
}

// follow applies what other processes commit, until ctx ends.
func (s *Service) follow(ctx context.Context) {
	for ctx.Err() == nil {
		s.editMu.Lock()
		load := s.feed.loads
		watching, stop := context.WithCancel(ctx)
		s.feed.stop = stop
		revision := s.feed.revision
		s.editMu.Unlock()

		err := s.store.Watch(watching, revision, func(c Change) { s.applyRemote(load, c) })
		restarted := watching.Err() != nil
		stop()
		if !restarted {
			s.regain(ctx, err)
		}
	}
}

// regain loads everything anew, which makes up for what the lost feed did not
// tell, and tries until it succeeds or ctx ends.
func (s *Service) regain(ctx context.Context, err error) {
	s.feed.lost.Store(time.Now().UnixNano())
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		s.logger().Warn("the feed of other gateways' edits is lost; loading anew", "error", err)
		s.editMu.Lock()
		err = s.reload(ctx)
		s.editMu.Unlock()
		if err == nil {
			s.feed.lost.Store(0)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// applyRemote applies a change that another process committed after the load
// that it names. It waits for the edit of this process that is under way, and
// does nothing if everything was loaded meanwhile: what is newer must not be
// undone, not for a moment.
func (s *Service) applyRemote(load int, c Change) {
	s.editMu.Lock()
	defer s.editMu.Unlock()
	if load != s.feed.loads {
		return
	}
	if err := s.apply(c); err != nil {
		s.logger().Error("an edit of another gateway cannot be read", "error", err)
	}
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
	s.feed.restart(snapshot.Revision)
	return nil
}

// available returns why the Service cannot vouch for its table, or nil. The
// caller holds mu or editMu.
func (s *Service) available(now time.Time) error {
	if s.closed {
		return ErrClosed
	}
	if lost := s.feed.lost.Load(); lost != 0 && now.UnixNano()-lost > int64(MaxStale) {
		return fmt.Errorf("%w: no contact for more than %s", ErrUnavailable, MaxStale)
	}
	return nil
}
