package tokenstore

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// LiveRequest is a request that a token has running.
type LiveRequest struct {
	ID        string    `json:"id"`
	TokenID   string    `json:"token_id"`
	Since     time.Time `json:"since"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	MCPMethod string    `json:"mcp_method"`
	MCPName   string    `json:"mcp_name"`
	Addr      string    `json:"addr"`
}

// liveSet knows the entries that have live sessions, so that nobody has to look
// through a hundred thousand that have none.
type liveSet struct {
	next  atomic.Uint64 // the last session's id
	count atomic.Int64  // of sessions

	mu      sync.Mutex // taken after an entry's mu
	entries map[*entry]struct{}
}

func (l *liveSet) add(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = make(map[*entry]struct{})
	}
	l.entries[e] = struct{}{}
}

func (l *liveSet) drop(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.entries, e)
}

// list returns the entries of now.
func (l *liveSet) list() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := make([]*entry, 0, len(l.entries))
	for e := range l.entries {
		entries = append(entries, e)
	}
	return entries
}

// Live returns the live requests of the token with this id or key, or of all
// tokens for "", oldest first.
func (s *Service) Live(tokenID string) []LiveRequest {
	requests := []LiveRequest{}
	for _, e := range s.liveEntries(tokenID) {
		e.mu.Lock()
		for _, x := range e.sessions {
			requests = append(requests, x.describe())
		}
		e.mu.Unlock()
	}
	slices.SortFunc(requests, func(a, b LiveRequest) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return requests
}

// LiveCount returns how many requests are live.
func (s *Service) LiveCount() int { return int(s.live.count.Load()) }

// EndLive ends one live request of a token, or all for requestID "", and
// returns how many. The token itself stays as it is. Ending requests needs the
// right to change tokens.
func (s *Service) EndLive(ctx context.Context, a Actor, tokenID, requestID string) (int, error) {
	s.editMu.Lock()
	defer s.editMu.Unlock()
	d, err := s.begin(ctx, a, ActionTokenEndRequests)
	if err != nil {
		return 0, err
	}
	e := s.table.find(tokenID)
	if e == nil {
		return 0, ErrNotFound
	}
	t := e.state.Load().token
	d.target = t.target()
	if err := d.require(RightChangeToken); err != nil {
		return 0, d.deny(err)
	}

	n := 0
	e.mu.Lock()
	for _, x := range slices.Backward(slices.Clone(e.sessions)) {
		if requestID == "" || x.name() == requestID {
			x.leave(&EndedError{EndedByOperator})
			n++
		}
	}
	e.mu.Unlock()
	if n == 0 && requestID != "" {
		return 0, ErrNotFound
	}
	if n > 0 {
		d.note(d.target, map[string][2]any{"live_requests": {n, 0}}, "")
		err = s.commit(ctx, d.change)
	}
	return n, err
}

// liveEntries returns the entry of ref, or all that have sessions for "".
func (s *Service) liveEntries(ref string) []*entry {
	if ref == "" {
		return s.live.list()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.table.find(ref); e != nil {
		return []*entry{e}
	}
	return nil
}

// name returns x's id as the list of live requests shows it.
func (x *Session) name() string { return "req_" + strconv.FormatUint(x.id, 10) }

// describe returns x for the list. The caller holds the entry's mutex.
func (x *Session) describe() LiveRequest {
	return LiveRequest{
		ID: x.name(), TokenID: x.token.ID, Since: instant(x.since),
		Method: x.caller.Method, Path: x.caller.Path,
		MCPMethod: x.mcpMethod, MCPName: x.mcpName, Addr: addrText(x.caller.Addr),
	}
}

// review ends the sessions of e that its state of now no longer carries. The
// caller holds the Service's mu. ByEdit tells an edit from time passing.
func (e *entry) review(s *Service, now time.Time, byEdit bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.state.Load()
	var next time.Time
	for _, x := range slices.Backward(slices.Clone(e.sessions)) {
		cred := st.credential(x.key)
		if code := st.verdict(x, cred, now, byEdit); code != "" {
			x.leave(&EndedError{code})
		} else if end := cred.end(st.token); !end.IsZero() && (next.IsZero() || end.Before(next)) {
			next = end
		}
	}
	e.arm(s, next)
}

// verdict returns the code with which x ends, or "".
func (st *state) verdict(x *Session, cred *credential, now time.Time, byEdit bool) string {
	if cred == nil {
		return EndedRevoked
	}
	switch st.judge(cred, x.caller, now) {
	case "":
		if x.may != nil && !x.may(st.grants) {
			return EndedPermission
		}
		return ""
	case ReasonExpired:
		if byEdit && cred.over(now) {
			return EndedRevoked // rotated without grace, or the grace was ended
		}
		return EndedExpired
	}
	return EndedRevoked
}

// bury ends all sessions of e, which is out of the table, and takes its grants.
func (e *entry) bury(s *Service) {
	dead := *e.state.Load()
	dead.grants = nil
	e.state.Store(&dead)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range slices.Backward(slices.Clone(e.sessions)) {
		x.leave(&EndedError{EndedRevoked})
	}
}

// endAll ends every live session.
func (s *Service) endAll(code string) {
	for _, e := range s.live.list() {
		e.mu.Lock()
		for _, x := range slices.Backward(slices.Clone(e.sessions)) {
			x.leave(&EndedError{code})
		}
		e.mu.Unlock()
	}
}

// end returns when c ceases to be accepted by time alone, zero for never.
func (c *credential) end(t *Token) time.Time {
	end := c.until
	if t.ExpiresAt != nil && (end.IsZero() || t.ExpiresAt.Before(end)) {
		end = *t.ExpiresAt
	}
	return end
}

// arm sets e's timer to due, or stops it for zero. The caller holds e.mu.
func (e *entry) arm(s *Service, due time.Time) {
	if due.Equal(e.due) {
		return
	}
	e.due = due
	switch {
	case due.IsZero():
		e.timer.Stop()
	case e.timer == nil:
		e.timer = time.AfterFunc(time.Until(due), func() { s.expire(e) })
	default:
		e.timer.Reset(time.Until(due))
	}
}

// expire ends the sessions of e whose time is over. Called too early, because
// the clock was set back, it sets the timer again.
func (s *Service) expire(e *entry) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e.mu.Lock()
	e.due = time.Time{}
	e.timer.Stop()
	e.mu.Unlock()
	e.review(s, time.Now(), false)
}

// sweep ends what has expired by the wall clock: a timer runs on a clock that
// stands still while a machine sleeps, and knows nothing of corrections.
func (s *Service) sweep(now time.Time) {
	for _, e := range s.live.list() {
		s.mu.RLock()
		e.review(s, now, false)
		s.mu.RUnlock()
	}
}
