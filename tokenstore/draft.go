package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// draft is an edit in the making: a Change over the table, and the actor whose
// rights it must stay within. It lives while editMu is held.
type draft struct {
	s      *Service
	actor  Actor
	action Action
	now    time.Time
	target Target // of the audit entry, should the edit be denied
	change Change

	groups   map[string]*Group // those that the change sets, nil for deleted
	compile  *compiler         // over groups
	managers map[string]bool   // ids of the tokens that can manage tokens; nil until asked for
}

// begin starts a draft. The caller holds editMu.
func (s *Service) begin(ctx context.Context, a Actor, action Action) (*draft, error) {
	// The request of a management token ends with the token: what it asked for
	// after that moment must not happen.
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	now := time.Now()
	if err := s.available(now); err != nil {
		return nil, err
	}
	d := &draft{s: s, actor: a, action: action, now: now, groups: make(map[string]*Group)}
	d.compile = newCompiler(d.group)
	return d, nil
}

// edit makes a change by f and commits it, unless f leaves it empty. It returns
// the record of the token with the id that f returns, if any.
func (s *Service) edit(ctx context.Context, a Actor, action Action, f func(d *draft) (id string, err error)) (Record, error) {
	s.editMu.Lock()
	defer s.editMu.Unlock()
	d, err := s.begin(ctx, a, action)
	if err != nil {
		return Record{}, err
	}
	id, err := f(d)
	if err != nil {
		return Record{}, d.deny(err)
	}
	if len(d.change.Tokens)+len(d.change.Groups) > 0 {
		if err := s.commit(ctx, d.change); err != nil {
			return Record{}, err
		}
	}
	if e := s.table.byID[id]; e != nil {
		return e.record(e.state.Load(), d.now), nil
	}
	return Record{}, nil
}

// deny puts err on the audit trail if it tells of a right that is missing, and
// returns it.
func (d *draft) deny(err error) error {
	var state *StateError
	if errors.Is(err, ErrForbidden) || errors.As(err, &state) && state.Code == StateLastManager {
		e := d.s.auditEntry(d.actor, d.action, d.target)
		e.Result, e.Reason = ResultDenied, clip(err.Error())
		d.s.enqueue(e)
	}
	return err
}

// note adds an audit entry to the change.
func (d *draft) note(target Target, changes map[string][2]any, reason string) {
	e := d.s.auditEntry(d.actor, d.action, target)
	e.Changes, e.Reason = changes, reason
	d.change.Audit = append(d.change.Audit, e)
}

// require returns a *ForbiddenError if the actor lacks right.
func (d *draft) require(right string) error {
	if !d.actor.may(right) {
		return forbidden(right)
	}
	return nil
}

func forbidden(right string) error {
	return &ForbiddenError{Right: right, Detail: "this needs the right " + right}
}

// find returns the token with this id or key, at the version named unless that
// is 0.
func (d *draft) find(ref string, ifVersion uint64) (*Token, error) {
	e := d.s.table.find(ref)
	if e == nil {
		return nil, ErrNotFound
	}
	t := e.state.Load().token
	d.target = t.target()
	if ifVersion != 0 && ifVersion != t.Version {
		return t, ErrConflict
	}
	return t, nil
}

// group returns the group called name as the change leaves it, or nil.
func (d *draft) group(name string) *Group {
	if g, changed := d.groups[name]; changed {
		return g
	}
	return d.s.table.groups[name]
}

// put adds to the change that before becomes after, which gets its version and
// time. It refuses, for a token as actor, what would raise rights or leave
// nobody to manage tokens.
//
// Weakening says that the edit only takes away: disabling, deleting. It may be
// done to a token of any rights, in an emergency by whoever is at hand.
func (d *draft) put(before, after *Token, weakening bool) error {
	if err := d.checkEscalation(before, after, weakening); err != nil {
		return err
	}
	if err := d.checkManagers(before, after); err != nil {
		return err
	}
	if after != nil {
		after.UpdatedAt, after.Version = instant(d.now), 1
		if before != nil {
			after.UpdatedAt, after.Version = d.later(before.UpdatedAt), before.Version+1
		}
	}
	d.change.Tokens = append(d.change.Tokens, TokenChange{before, after})
	return nil
}

// later returns the time of an edit of what was edited at last: never before
// it, whatever the clock says, for the end of a rotated-out secret is judged by
// it.
func (d *draft) later(last time.Time) time.Time {
	if now := instant(d.now); now.After(last) {
		return now
	}
	return last
}

// checkEscalation sees to it that nobody gets a management right, for
// themselves or another, by way of somebody who lacks it.
func (d *draft) checkEscalation(before, after *Token, weakening bool) error {
	if d.actor.Type != ActorToken {
		return nil
	}
	var held *Grants
	if before != nil {
		held = d.s.table.byID[before.ID].state.Load().grants
		if right := d.actor.Grants.MissingRight(held); right != "" && !weakening {
			return &ForbiddenError{right, fmt.Sprintf("the token %q holds %s, which you lack: you may disable or delete it, not edit it", before.Name, right)}
		}
		if before.ID == d.actor.ID && after != nil && reachesFurther(before, after) {
			return &ForbiddenError{Detail: "a token cannot extend its own life or reach; ask another manager"}
		}
	}
	if after != nil {
		return d.checkGranting(held, d.compile.effective(after))
	}
	return nil
}

// checkGranting refuses that granted holds a management right that neither
// held does nor the actor.
func (d *draft) checkGranting(held, granted *Grants) error {
	if d.actor.Type != ActorToken {
		return nil
	}
	for _, p := range granted.List() {
		if strings.HasPrefix(p, reservedLabel+".") && !held.covers(p) && !d.actor.Grants.covers(p) {
			return &ForbiddenError{p, fmt.Sprintf("you cannot grant %s, which you lack", p)}
		}
	}
	return nil
}

// reachesFurther reports whether after lives longer than before or is accepted
// from elsewhere.
func reachesFurther(before, after *Token) bool {
	longer := before.ExpiresAt != nil && (after.ExpiresAt == nil || after.ExpiresAt.After(*before.ExpiresAt))
	return longer || !slices.Equal(before.AllowedCIDRs, after.AllowedCIDRs) || !slices.Equal(before.Audiences, after.Audiences)
}

// checkManagers refuses to a token as actor what leaves no token that can
// manage tokens. Local trust may do it: it can make a new one.
func (d *draft) checkManagers(before, after *Token) error {
	if d.actor.Type != ActorToken {
		return nil
	}
	if after != nil && d.manages(after, d.compile.effective(after)) {
		return nil
	}
	if before == nil || !d.managing()[before.ID] {
		return nil
	}
	if len(d.managers) == 1 {
		return &StateError{StateLastManager, "no token could manage tokens any more: give another one " + RightChangeToken + " first"}
	}
	delete(d.managers, before.ID)
	return nil
}

// managing returns the ids of the tokens that can manage tokens, less those
// that the change has taken it from.
func (d *draft) managing() map[string]bool {
	if d.managers == nil {
		d.managers = make(map[string]bool)
		for _, e := range d.s.table.all {
			if st := e.state.Load(); d.manages(st.token, st.grants) {
				d.managers[st.token.ID] = true
			}
		}
	}
	return d.managers
}

// manages reports whether a token can manage tokens now.
func (d *draft) manages(t *Token, g *Grants) bool {
	return g.HoldsManagement() && g.Manages() && t.IsActive && (t.ExpiresAt == nil || d.now.Before(*t.ExpiresAt))
}

// checkName returns a *NameTakenError if another token than self has name.
func (d *draft) checkName(name string, self *Token) error {
	e := d.s.table.byName[FoldName(name)]
	if e == nil {
		return nil
	}
	if t := e.state.Load().token; self == nil || t.ID != self.ID {
		return &NameTakenError{t.Name, t.ID}
	}
	return nil
}

// cleanGroups returns names sorted and without repetitions. All must exist.
func (d *draft) cleanGroups(names []string) ([]string, error) {
	if len(names) > maxList {
		return nil, fieldError("groups", "must have at most %d entries", maxList)
	}
	for _, name := range names {
		if d.group(name) == nil {
			return nil, fieldError("groups", "there is no group %q", name)
		}
	}
	return sortedSet(names), nil
}

// expiry returns the end that e asks for.
func (d *draft) expiry(e expiry) (*time.Time, error) {
	return e.end(d.now, d.s.options.Load().MaxExpiry)
}
