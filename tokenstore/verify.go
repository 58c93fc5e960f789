package tokenstore

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// Caller is where a request comes from and goes to.
type Caller struct {
	Addr         netip.Addr // the client, by Caddy's client_ip or the like
	Audience     string     // the name that the route gives itself, or ""
	Method, Path string     // of HTTP, for the list of live requests alone
}

// Reason says why a request is refused. Logs, metrics and the audit trail show
// it; the client does not learn it.
type Reason string

// The closed list of reasons. Begin gives those marked with *.
const (
	ReasonMissing     Reason = "missing"      // no credential
	ReasonMalformed   Reason = "malformed"    // * cannot be a secret
	ReasonUnknown     Reason = "unknown"      // * nobody has the key
	ReasonBadSecret   Reason = "bad_secret"   // * the key's secret is another one
	ReasonInactive    Reason = "inactive"     // * disabled
	ReasonExpired     Reason = "expired"      // * past its expiry, or rotated out and past its grace
	ReasonAudience    Reason = "audience"     // * bound to other audiences
	ReasonAddress     Reason = "address"      // * not for this client address
	ReasonRateLimited Reason = "rate_limited" // too many requests
	ReasonPermission  Reason = "permission"   // the route requires a permission that is missing
	ReasonRule        Reason = "rule"         // a rule denies the message
	ReasonSession     Reason = "session"      // the MCP session belongs to another token
	ReasonOrigin      Reason = "origin"       // a foreign Origin
	ReasonBody        Reason = "body"         // the message cannot be read strictly
	ReasonStore       Reason = "store"        // * the store is closed or out of reach
)

// Refusal is Begin's error.
type Refusal struct {
	Reason Reason

	// TokenID and Name are set when the caller has proven the secret, Key
	// whenever the secret is well-formed.
	TokenID, Key, Name string
}

func (r *Refusal) Error() string { return "credential refused: " + string(r.Reason) }

// Begin verifies secret for a request of c and registers the request as live,
// in one step as seen by edits: an edit either decides this request or ends
// it. The error is a *Refusal. The caller must End the session.
//
// Accepted means used: the time and the address become the token's last use.
func (s *Service) Begin(ctx context.Context, secret Secret, c Caller) (*Session, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	// The clock is read under the lock: a time from before an edit that ends a
	// secret now would still find it good after that edit.
	now := time.Now()
	e, cred, refusal := s.decide(secret, c, now)
	if refusal != nil {
		if refusal.Reason == ReasonExpired {
			s.noteStale(e, cred, c, now)
		}
		return nil, refusal
	}
	return s.register(ctx, e, cred, c, now), nil
}

// decide looks secret up and judges its token's state. With a Refusal the
// entry is that of a proven secret, or nil. The caller holds mu.
//
// The secret is compared before the state is looked at, and an unknown key
// costs the same comparison: whoever lacks the secret learns nothing, not even
// by the time that the answer takes.
func (s *Service) decide(secret Secret, c Caller, now time.Time) (*entry, *credential, *Refusal) {
	if s.available(now) != nil {
		return nil, nil, &Refusal{Reason: ReasonStore}
	}
	key := secret.Key()
	if key == "" {
		return nil, nil, &Refusal{Reason: ReasonMalformed}
	}
	found, known := s.table.byKey[key]
	verifier := unknown
	if known {
		verifier = found.cred.verifier
	}
	accepted := verifier.accepts(secret)
	switch {
	case !known:
		return nil, nil, &Refusal{Reason: ReasonUnknown, Key: key}
	case !accepted:
		return nil, nil, &Refusal{Reason: ReasonBadSecret, Key: key}
	}
	st := found.entry.state.Load()
	if reason := st.judge(found.cred, c, now); reason != "" {
		return found.entry, found.cred, &Refusal{reason, st.token.ID, key, st.token.Name}
	}
	return found.entry, found.cred, nil
}

// judge returns why a caller who has proven cred is refused at now, or "".
func (st *state) judge(cred *credential, c Caller, now time.Time) Reason {
	t := st.token
	switch {
	case !t.IsActive:
		return ReasonInactive
	case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt), cred.over(now):
		return ReasonExpired
	case len(t.AllowedCIDRs) > 0 && !contains(t.AllowedCIDRs, c.Addr):
		return ReasonAddress
	case len(t.Audiences) > 0 && !slices.Contains(t.Audiences, c.Audience):
		return ReasonAudience
	}
	return ""
}

// contains reports whether one of prefixes holds addr, IPv4 in its IPv6 form
// taken for IPv4.
func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Verify returns the token of secret, whatever its state, and records no use.
// A secret that has been rotated out and is past its grace is no token's:
// ErrNotFound, as for any that is wrong.
func (s *Service) Verify(secret Secret) (Record, error) {
	i := s.Inspect(secret, Caller{})
	if i.Record.ID == "" {
		return Record{}, ErrNotFound
	}
	return i.Record, nil
}

// Inspection is what Begin would decide.
type Inspection struct {
	Record  Record   // of the token, if the secret is right
	Grants  *Grants  // of the token
	Refusal *Refusal // nil if Begin would accept
}

// Inspect says what Begin would decide about secret and c, and leaves no trace.
func (s *Service) Inspect(secret Secret, c Caller) Inspection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := time.Now()
	e, cred, refusal := s.decide(secret, c, now)
	if e == nil || cred.over(now) {
		return Inspection{Refusal: refusal}
	}
	st := e.state.Load()
	return Inspection{Record: e.record(st, now), Grants: st.grants, Refusal: refusal}
}

// InspectToken says what Begin would decide about the current secret of the
// token with this id or key. It returns ErrNotFound if there is none.
func (s *Service) InspectToken(ref string, c Caller) (Inspection, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := time.Now()
	e := s.table.find(ref)
	if e == nil {
		return Inspection{}, ErrNotFound
	}
	st := e.state.Load()
	i := Inspection{Record: e.record(st, now), Grants: st.grants}
	if reason := st.judge(st.current, c, now); reason != "" {
		i.Refusal = &Refusal{reason, st.token.ID, st.current.key, st.token.Name}
	}
	return i, nil
}
