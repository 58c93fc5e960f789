package tokenstore

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Results of an AuditEntry.
const (
	ResultOK     = "ok"
	ResultDenied = "denied"
)

// maxPending bounds the entries that wait to be written: whoever is refused a
// million times a second must not fill the memory, nor the disk at that rate.
const maxPending = 1000

// auditLog is entries that no edit carries: refusals, sign-ins, stale secrets.
// They are written within a flush interval, off the path of the request.
type auditLog struct {
	mu      sync.Mutex
	entries []AuditEntry
	lost    int // dropped since the last write

	writing sync.Mutex // keeps one write after the other
}

// enqueue puts e on the audit trail, soon.
func (s *Service) enqueue(e AuditEntry) {
	s.pending.mu.Lock()
	if len(s.pending.entries) < maxPending {
		s.pending.entries = append(s.pending.entries, e)
	} else {
		s.pending.lost++
	}
	s.pending.mu.Unlock()
	s.nudge()
}

// flushAudit writes what is pending. What could not be written stays.
func (s *Service) flushAudit(ctx context.Context) error {
	s.pending.writing.Lock()
	defer s.pending.writing.Unlock()

	s.pending.mu.Lock()
	batch, lost := s.pending.entries, s.pending.lost
	s.pending.entries, s.pending.lost = nil, 0
	s.pending.mu.Unlock()
	if lost > 0 {
		s.logger().Error("too many refusals at once: some are missing from the audit trail", "missing", lost)
	}
	if len(batch) == 0 {
		return nil
	}
	err := s.store.Commit(ctx, Change{Audit: batch})
	if err != nil {
		s.pending.mu.Lock()
		s.pending.entries = append(batch, s.pending.entries...)
		s.pending.mu.Unlock()
	}
	return err
}

// RecordAccess puts on the audit trail that a came or went, as action says: a
// sign-in, a sign-out. With a reason it says that a was refused, and why.
func (s *Service) RecordAccess(_ context.Context, a Actor, action Action, refused string) {
	e := s.auditEntry(a, action, Target{})
	if refused != "" {
		e.Result, e.Reason = ResultDenied, clip(refused)
	}
	s.enqueue(e)
}

// noteStale puts on the audit trail, once an hour, that a rotated-out secret
// is still presented: a client that was forgotten, or a thief.
func (s *Service) noteStale(e *entry, cred *credential, c Caller, now time.Time) {
	if !cred.over(now) {
		return
	}
	e.mu.Lock()
	again := now.Sub(cred.stale) >= time.Hour
	if again {
		cred.stale = now
	}
	e.mu.Unlock()
	if !again {
		return
	}
	target := e.state.Load().token.target()
	target.Key = cred.key
	entry := s.auditEntry(Actor{ActorInfo: ActorInfo{Type: ActorSystem, IP: addrText(c.Addr)}}, ActionTokenStaleCredential, target)
	entry.Result, entry.Reason = ResultDenied, "the secret was rotated out and its grace is over"
	s.enqueue(entry)
}

// auditEntry returns an entry with result ok.
func (s *Service) auditEntry(a Actor, action Action, target Target) AuditEntry {
	id, now := s.ids.next()
	return AuditEntry{
		ID: id, Time: instant(now), Actor: a.ActorInfo, Action: action, Target: target,
		Result: ResultOK, Changes: map[string][2]any{}, RequestID: a.RequestID,
	}
}

// Audit returns a page of the audit trail, newest first. It needs the right to
// view it.
func (s *Service) Audit(ctx context.Context, a Actor, q AuditQuery) (AuditPage, error) {
	if !a.may(RightViewAudit) {
		return AuditPage{}, forbidden(RightViewAudit)
	}
	limit, err := pageLimit(q.Limit)
	if err != nil {
		return AuditPage{}, err
	}
	q.Limit = limit
	if q.Result != "" && q.Result != ResultOK && q.Result != ResultDenied {
		return AuditPage{}, fieldError("result", "expected ok or denied")
	}
	bound := fmt.Sprintf("audit\n%q %q %q %q %d %d", q.Actor, q.Action, q.Target, q.Result, q.Since.UnixNano(), q.Until.UnixNano())
	if q.Cursor != "" {
		inner, err := s.openCursor(bound, q.Cursor)
		if err != nil {
			return AuditPage{}, err
		}
		q.Cursor = string(inner)
	}
	s.report("writing the audit trail failed; it will be tried again", s.flushAudit(ctx))
	page, err := s.store.Audit(ctx, q)
	if err != nil {
		return AuditPage{}, unavailable(err)
	}
	if page.NextCursor != "" {
		page.NextCursor = s.sealCursor(bound, []byte(page.NextCursor))
	}
	return page, nil
}

// Pruning deletes old entries in steps, so that no edit waits long for it.
const (
	pruneInterval = 24 * time.Hour
	pruneStep     = 500
	maxPruneSteps = 2000 // a million entries a day
)

// prune deletes the audit entries that are past their retention.
func (s *Service) prune(ctx context.Context) error {
	retention := s.options.Load().AuditRetention
	if retention < 0 {
		return nil
	}
	before := time.Now().Add(-retention)
	for range maxPruneSteps {
		n, err := s.store.PruneAudit(ctx, before, pruneStep)
		if err != nil || n < pruneStep {
			return err
		}
	}
	return nil
}

// idClock makes ids that sort in the order of making, whatever the clock does.
type idClock struct {
	mu   sync.Mutex
	last int64 // Unix nanoseconds
}

const auditPrefix = "aud_"

// next returns an id: the time in hexadecimal, and some random characters,
// for several gateways may write to one store.
func (c *idClock) next() (string, time.Time) {
	now := time.Now()
	c.mu.Lock()
	c.last = max(c.last+1, now.UnixNano())
	id := c.last
	c.mu.Unlock()
	return fmt.Sprintf("%s%016x%s", auditPrefix, id, randomText(6)), now
}

// after makes every next id greater than id.
func (c *idClock) after(id string) {
	var last int64
	if _, err := fmt.Sscanf(strings.TrimPrefix(id, auditPrefix), "%16x", &last); err == nil {
		c.last = last
	}
}

// target returns t as an audit entry names it.
func (t *Token) target() Target {
	return Target{Type: "token", ID: t.ID, Key: t.Credential.Key, Name: t.Name}
}

// target returns g as an audit entry names it.
func (g *Group) target() Target { return Target{Type: "group", ID: g.Name, Name: g.Name} }

// may reports whether a has right: local trust has all.
func (a Actor) may(right string) bool {
	switch a.Type {
	case ActorAdminEndpoint, ActorCLI, ActorSystem:
		return true
	case ActorToken:
		return a.Grants.Has(right)
	}
	return false
}

// name returns a for created_by and as the default user of a token.
func (a Actor) name() string { return cmp.Or(a.Name, string(a.Type)) }

// clip bounds a text that goes into the audit trail.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > maxReason {
		return string(r[:maxReason-1]) + "…"
	}
	return s
}
