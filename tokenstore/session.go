package tokenstore

import (
	"context"
	"time"
)

// Session is one accepted request. Its methods are safe for concurrent use.
type Session struct {
	service *Service
	entry   *entry
	token   *Token // as it was at Begin
	key     string // of the credential that was presented
	caller  Caller
	id      uint64
	since   time.Time

	ctx    context.Context
	cancel context.CancelCauseFunc

	// The entry's mutex guards these.
	place              int // in entry.sessions
	ended              bool
	may                func(*Grants) bool // what the request holds, or nil
	mcpMethod, mcpName string
}

// register makes the request live and notes the use. The caller holds mu.
func (s *Service) register(ctx context.Context, e *entry, cred *credential, c Caller, now time.Time) *Session {
	token := e.state.Load().token
	x := &Session{
		service: s, entry: e, token: token, key: cred.key, caller: c,
		id: s.live.next.Add(1), since: now,
	}
	x.ctx, x.cancel = context.WithCancelCause(ctx)

	e.mu.Lock()
	defer e.mu.Unlock()
	x.place = len(e.sessions)
	e.sessions = append(e.sessions, x)
	s.live.count.Add(1)
	if x.place == 0 {
		s.live.add(e)
	}
	if end := cred.end(token); !end.IsZero() && (e.due.IsZero() || end.Before(e.due)) {
		e.arm(s, end)
	}
	e.note(s, cred, c.Addr, now)
	return x
}

// Token returns the token as it was at Begin.
func (x *Session) Token() *Token { return x.token }

// Key returns the key of the credential that was presented: the token's, or
// the one before its last rotation.
func (x *Session) Key() string { return x.key }

// Context is the request's context, and ends besides when the token is
// deleted, disabled or expires, when its credential is rotated out, when what
// the request holds is no longer granted, and by EndLive. The cause is then an
// *EndedError.
func (x *Session) Context() context.Context { return x.ctx }

// Grants returns what the token holds now; of a deleted token nothing.
func (x *Session) Grants() *Grants { return x.entry.state.Load().grants }

// Hold reports whether may is true of the token's grants, and if so keeps it:
// an edit after which it is false ends the request with permission_changed.
// Both are one step as seen by edits. A later Hold replaces an earlier one. Of
// a session that has ended, Hold is false.
//
// May is called under the Service's locks: it must be quick, and call neither
// the Service nor the Session.
func (x *Session) Hold(may func(*Grants) bool) bool {
	x.service.mu.RLock()
	defer x.service.mu.RUnlock()
	if !may(x.Grants()) {
		return false
	}
	x.entry.mu.Lock()
	defer x.entry.mu.Unlock()
	if x.ended {
		return false
	}
	x.may = may
	return true
}

// SetMCPMethod says, for the list of live requests, what the message asks for.
func (x *Session) SetMCPMethod(method, name string) {
	x.entry.mu.Lock()
	defer x.entry.mu.Unlock()
	x.mcpMethod, x.mcpName = method, name
}

// End ends the session. Ending it again does nothing.
func (x *Session) End() {
	x.entry.mu.Lock()
	defer x.entry.mu.Unlock()
	x.leave(context.Canceled)
}

// leave takes x off the live requests and ends its context. The caller holds
// the entry's mutex.
func (x *Session) leave(cause error) {
	if x.ended {
		return
	}
	x.ended, x.may = true, nil
	e := x.entry
	last := len(e.sessions) - 1
	e.sessions[x.place] = e.sessions[last]
	e.sessions[x.place].place = x.place
	e.sessions[last] = nil
	e.sessions = e.sessions[:last]
	x.service.live.count.Add(-1)
	if last == 0 {
		x.service.live.drop(e)
		e.arm(x.service, time.Time{})
	}
	x.cancel(cause)
}

// EndedError is the cause with which a session's context ends.
type EndedError struct{ Code string }

// Codes of an EndedError.
const (
	EndedRevoked    = "credential_revoked"
	EndedExpired    = "credential_expired"
	EndedPermission = "permission_changed"
	EndedByOperator = "ended_by_operator"
	EndedClosing    = "gateway_closing"
)

func (e *EndedError) Error() string { return "request ended: " + e.Code }

// Is makes the end of a session a cancellation: net/http's transport returns
// the cause, and a reverse proxy that does not know it for a cancellation
// answers 502 and blames the upstream.
func (e *EndedError) Is(target error) bool { return target == context.Canceled }
