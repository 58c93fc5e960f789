package tokenstore

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// useLog is what has been used and not yet been written.
type useLog struct {
	mu    sync.Mutex // taken after an entry's mu
	dirty []dirtyUse
}

type dirtyUse struct {
	entry *entry
	use   *use
}

// note makes now the last use of cred. The caller holds e.mu. Time goes forward
// only: a clock set back does not undo a use.
func (e *entry) note(s *Service, cred *credential, addr netip.Addr, now time.Time) {
	at := instant(now)
	u := cred.use
	if !at.After(u.at.At) {
		return
	}
	u.at = Use{TokenID: e.state.Load().token.ID, Key: cred.key, At: at, IP: addr}
	if at.UnixNano() > e.lastUsed.Load() {
		e.lastUsed.Store(at.UnixNano())
	}
	if !u.dirty {
		u.dirty = true
		s.uses.mu.Lock()
		s.uses.dirty = append(s.uses.dirty, dirtyUse{e, u})
		s.uses.mu.Unlock()
	}
}

// merge takes over a use that the store holds, if it is later.
func (e *entry) merge(stored Use) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if stored.At.UnixNano() > e.lastUsed.Load() {
		e.lastUsed.Store(stored.At.UnixNano())
	}
	if cred := e.state.Load().credential(stored.Key); cred != nil && stored.At.After(cred.use.at.At) {
		cred.use.at = stored
	}
}

// flushUses writes the uses since the last time in one transaction. What could
// not be written stays for the next time.
func (s *Service) flushUses(ctx context.Context) error {
	s.uses.mu.Lock()
	dirty := s.uses.dirty
	s.uses.dirty = nil
	s.uses.mu.Unlock()
	if len(dirty) == 0 {
		return nil
	}
	batch := make([]Use, len(dirty))
	for i, d := range dirty {
		d.entry.mu.Lock()
		d.use.dirty = false
		batch[i] = d.use.at
		d.entry.mu.Unlock()
	}
	s.flushes.Add(1)
	err := s.store.RecordUses(ctx, batch)
	if err == nil {
		return nil
	}
	for _, d := range dirty {
		d.entry.mu.Lock()
		if !d.use.dirty {
			d.use.dirty = true
			s.uses.mu.Lock()
			s.uses.dirty = append(s.uses.dirty, d)
			s.uses.mu.Unlock()
		}
		d.entry.mu.Unlock()
	}
	return err
}

// instant returns t as it is stored and shown: UTC, whole microseconds. Tokens
// made one after the other then sort in that order.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// addrText returns addr as text, "" of the zero Addr.
func addrText(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
