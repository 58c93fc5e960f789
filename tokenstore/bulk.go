package tokenstore

import (
	"context"
	"slices"
	"time"
)

// BulkAction is what a bulk edit does to each token.
type BulkAction string

const (
	BulkDisable           BulkAction = "disable"
	BulkEnable            BulkAction = "enable"
	BulkDelete            BulkAction = "delete"
	BulkAddGroups         BulkAction = "add_groups"
	BulkRemoveGroups      BulkAction = "remove_groups"
	BulkAddPermissions    BulkAction = "add_permissions"
	BulkRemovePermissions BulkAction = "remove_permissions"
	BulkSetExpiry         BulkAction = "set_expiry"
)

// MaxBulkIDs is how many tokens a bulk edit may name. A filter may match more.
const MaxBulkIDs = 500

// Bulk is one edit of many tokens, named by IDs (ids or keys) or by Filter,
// not both. What the action does not need stays empty.
type Bulk struct {
	Action BulkAction
	IDs    []string
	Filter *TokenQuery // its Sort, Limit and Cursor stay empty

	Groups      []string // add_groups, remove_groups
	Permissions []string // add_permissions, remove_permissions

	ExpiresIn    string // set_expiry
	ExpiresAt    *time.Time
	NeverExpires bool

	Reason string // for the audit trail

	DryRun      bool // say what would happen, and change nothing
	ExpectCount *int // a StateError if another number of tokens is met
}

// BulkResult tells what became of each token. Items are committed together;
// those refused are left out.
type BulkResult struct {
	DryRun  bool       `json:"dry_run"`
	Matched int        `json:"matched"`
	Changed int        `json:"changed"`
	Items   []BulkItem `json:"items"`
}

// BulkItem is what became of one token.
type BulkItem struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Result string `json:"result"` // one of the Bulk results
	Detail string `json:"detail"` // why it was refused
}

// Results of a BulkItem.
const (
	BulkChanged   = "changed"
	BulkUnchanged = "unchanged"
	BulkNotFound  = "not_found"
	BulkRefused   = "refused"
)

// Bulk makes one edit of many tokens, in one commit. It fails as a whole when
// the edit itself is wrong; a token that the actor may not edit, or that cannot
// be edited so, is left out and told of.
func (s *Service) Bulk(ctx context.Context, a Actor, b Bulk) (BulkResult, error) {
	result := BulkResult{DryRun: b.DryRun, Items: []BulkItem{}}
	s.editMu.Lock()
	defer s.editMu.Unlock()
	d, err := s.begin(ctx, a, b.Action.auditAction())
	if err != nil {
		return result, err
	}
	if err := d.require(b.Action.right()); err != nil {
		return result, d.deny(err)
	}
	change, err := d.bulkChange(b)
	if err != nil {
		return result, err
	}
	reason, err := cleanReason(b.Reason)
	if err != nil {
		return result, err
	}
	tokens, missing, err := d.bulkTokens(b)
	if err != nil {
		return result, err
	}
	result.Matched = len(tokens)
	if b.ExpectCount != nil && *b.ExpectCount != len(tokens) {
		return result, &StateError{StateCount, "the number of tokens is another than expected: look again before you change them"}
	}

	for _, ref := range missing {
		result.Items = append(result.Items, BulkItem{ID: ref, Result: BulkNotFound})
	}
	for _, t := range tokens {
		item := BulkItem{ID: t.ID, Name: t.Name, Result: BulkUnchanged}
		before := len(d.change.Tokens)
		d.target = t.target()
		if err := d.bulkOne(t, b.Action, change, reason); err != nil {
			item.Result, item.Detail = BulkRefused, err.Error()
			if !b.DryRun {
				_ = d.deny(err)
			}
		} else if len(d.change.Tokens) > before {
			item.Result = BulkChanged
			result.Changed++
		}
		result.Items = append(result.Items, item)
	}
	if b.DryRun || result.Changed == 0 {
		return result, nil
	}
	if err := s.commit(ctx, d.change); err != nil {
		return BulkResult{Items: []BulkItem{}}, err
	}
	return result, nil
}

// bulkOne adds the edit of t to the change.
func (d *draft) bulkOne(t *Token, action BulkAction, change func(*Token), reason string) error {
	if action == BulkDelete {
		if err := d.put(t, nil, true); err != nil {
			return err
		}
		d.note(t.target(), diffTokens(t, nil), reason)
		return nil
	}
	after := *t
	change(&after)
	if action == BulkEnable {
		if err := d.checkEnabling(&after); err != nil {
			return err
		}
	}
	return d.replace(t, &after, action == BulkDisable, reason)
}

// bulkChange checks what b asks for and returns what it does to each token.
func (d *draft) bulkChange(b Bulk) (func(*Token), error) {
	end := expiry{b.ExpiresIn, b.ExpiresAt, b.NeverExpires}
	if err := b.checkFields(end); err != nil {
		return nil, err
	}
	switch b.Action {
	case BulkDisable:
		return func(t *Token) { t.IsActive = false }, nil
	case BulkEnable:
		return func(t *Token) { t.IsActive = true }, nil
	case BulkDelete:
		return nil, nil
	case BulkSetExpiry:
		at, err := d.expiry(end)
		return func(t *Token) { t.ExpiresAt = at }, err
	case BulkAddGroups:
		groups, err := d.cleanGroups(b.Groups)
		return func(t *Token) { t.Groups = union(t.Groups, groups) }, err
	case BulkRemoveGroups:
		groups, err := d.cleanGroups(b.Groups)
		return func(t *Token) { t.Groups = without(t.Groups, groups) }, err
	case BulkAddPermissions:
		permissions, err := cleanPermissions(b.Permissions)
		return func(t *Token) { t.Permissions = union(t.Permissions, permissions) }, err
	case BulkRemovePermissions:
		permissions, err := cleanPermissions(b.Permissions)
		return func(t *Token) { t.Permissions = without(t.Permissions, permissions) }, err
	}
	return nil, fieldError("action", "%.40q: expected disable, enable, delete, add_groups, remove_groups, add_permissions, remove_permissions or set_expiry", string(b.Action))
}

// checkFields refuses what the action needs and lacks, or does not need: a
// field that were ignored might be what its sender relied on.
func (b Bulk) checkFields(end expiry) error {
	groups := b.Action == BulkAddGroups || b.Action == BulkRemoveGroups
	permissions := b.Action == BulkAddPermissions || b.Action == BulkRemovePermissions
	for _, f := range []struct {
		name         string
		given, needs bool
	}{
		{"groups", len(b.Groups) > 0, groups},
		{"permissions", len(b.Permissions) > 0, permissions},
		{end.field(), end.given(), b.Action == BulkSetExpiry},
	} {
		if f.given && !f.needs {
			return fieldError(f.name, "the action %q does not take it", string(b.Action))
		}
		if f.needs && !f.given {
			return fieldError(f.name, "the action %q needs it", string(b.Action))
		}
	}
	return nil
}

// bulkTokens returns the tokens that b is about, and the refs that are nobody's.
func (d *draft) bulkTokens(b Bulk) (tokens []*Token, missing []string, err error) {
	switch {
	case b.Filter != nil && b.IDs != nil:
		return nil, nil, fieldError("filter", "give ids or filter, not both")
	case b.Filter != nil:
		if b.Filter.Sort != "" || b.Filter.Limit != 0 || b.Filter.Cursor != "" {
			return nil, nil, fieldError("filter", "takes no sort, limit or cursor")
		}
		f, err := b.Filter.compile(d.now)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range d.s.table.all {
			if st := e.state.Load(); f.matches(e, st) {
				tokens = append(tokens, st.token)
			}
		}
		return tokens, nil, nil
	case len(b.IDs) == 0:
		return nil, nil, fieldError("ids", "give ids or a filter")
	case len(b.IDs) > MaxBulkIDs:
		return nil, nil, fieldError("ids", "must have at most %d entries", MaxBulkIDs)
	}
	seen := make(map[*entry]bool)
	for _, ref := range b.IDs {
		e := d.s.table.find(ref)
		switch {
		case e == nil:
			missing = append(missing, ref)
		case !seen[e]:
			seen[e] = true
			tokens = append(tokens, e.state.Load().token)
		}
	}
	return tokens, missing, nil
}

// right returns what an actor needs for the action.
func (a BulkAction) right() string {
	if a == BulkDelete {
		return RightDeleteToken
	}
	return RightChangeToken
}

// auditAction returns what the action is called for a single token.
func (a BulkAction) auditAction() Action {
	switch a {
	case BulkDisable:
		return ActionTokenDisable
	case BulkEnable:
		return ActionTokenEnable
	case BulkDelete:
		return ActionTokenDelete
	}
	return ActionTokenUpdate
}

func union(a, b []string) []string { return sortedSet(slices.Concat(a, b)) }

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
