package tokenstore

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// TokenQuery selects and sorts tokens; zero fields select all.
//
// What it says of last use is about the later of the uses of the current secret
// and of those before: a token whose clients have not changed over to a new
// secret is not unused.
type TokenQuery struct {
	Status     Status // exactly this one: an expiring token is not "active"
	Q          string // part of name, description, user or key, in any case
	User       string
	Group      string
	Permission string // tokens that may do this; with a wildcard, that hold this very grant

	UnusedFor      time.Duration // last used longer ago, or never and created longer ago
	NeverUsed      bool
	LastUsedBefore time.Time     // never used included
	ExpiringWithin time.Duration // active, and expires within this time

	// Sort is one of name user created_at updated_at expires_at last_used_at,
	// with "-" in front for descending; "-created_at" unless set. A token that
	// never expires sorts after all that do, one never used before all used.
	Sort string

	Limit  int    // 1–200, 50 unless set
	Cursor string // NextCursor of the page before, of the same query
}

// Limits of a list.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// TokenPage is one page of tokens.
type TokenPage struct {
	Items      []Record
	NextCursor string // "" on the last page
	Total      int    // on all pages
}

// Tokens returns one page of the tokens that q selects. A wrong field of q is a
// *FieldError; so is a cursor of another query.
func (s *Service) Tokens(q TokenQuery) (TokenPage, error) {
	now := time.Now()
	limit, err := pageLimit(q.Limit)
	if err != nil {
		return TokenPage{}, err
	}
	filter, err := q.compile(now)
	if err != nil {
		return TokenPage{}, err
	}
	order, err := parseOrder(cmp.Or(q.Sort, "-created_at"))
	if err != nil {
		return TokenPage{}, err
	}
	bound := q.bound()
	var after *sortKey
	if q.Cursor != "" {
		inner, err := s.openCursor(bound, q.Cursor)
		if err != nil {
			return TokenPage{}, err
		}
		if after, err = parseSortKey(inner); err != nil {
			return TokenPage{}, err
		}
	}

	s.mu.RLock()
	all, err := s.table.all, s.available(now)
	s.mu.RUnlock()
	if err != nil {
		return TokenPage{}, err
	}
	first := topKeys{limit: limit + 1, order: order}
	total := 0
	for _, e := range all {
		st := e.state.Load()
		if !filter.matches(e, st) {
			continue
		}
		total++
		key := order.key(e, st)
		if after == nil || order.less(after, &key) {
			first.add(key)
		}
	}

	rows := first.sorted()
	page := TokenPage{Items: make([]Record, 0, min(limit, len(rows))), Total: total}
	if len(rows) > limit {
		rows = rows[:limit]
		page.NextCursor = s.sealCursor(bound, rows[limit-1].text())
	}
	for _, row := range rows {
		page.Items = append(page.Items, row.entry.record(row.state, now))
	}
	return page, nil
}

// pageLimit returns how many items a page has for the limit asked for.
func pageLimit(limit int) (int, error) {
	switch {
	case limit == 0:
		return DefaultLimit, nil
	case limit < 0 || limit > MaxLimit:
		return 0, fieldError("limit", "must be between 1 and %d", MaxLimit)
	}
	return limit, nil
}

// bound returns what makes q this query: all of it but its place and size.
func (q TokenQuery) bound() string {
	return fmt.Sprintf("tokens\n%q %q %q %q %q %d %t %d %d %q", q.Status, q.Q, q.User, q.Group, q.Permission,
		q.UnusedFor, q.NeverUsed, q.LastUsedBefore.UnixNano(), q.ExpiringWithin, q.Sort)
}

// tokenFilter is a TokenQuery at one moment.
type tokenFilter struct {
	TokenQuery
	now        time.Time
	search     string
	usedBefore int64 // Unix nanoseconds
}

// compile checks what q selects by.
func (q TokenQuery) compile(now time.Time) (*tokenFilter, error) {
	switch q.Status {
	case "", StatusActive, StatusExpiring, StatusExpired, StatusDisabled:
	default:
		return nil, fieldError("status", "%.40q: expected active, expiring, expired or disabled", string(q.Status))
	}
	if q.UnusedFor < 0 {
		return nil, fieldError("unused_for", "must not be negative")
	}
	if q.ExpiringWithin < 0 {
		return nil, fieldError("expiring_within", "must not be negative")
	}
	if q.Permission != "" {
		if err := CheckGrant(q.Permission); err != nil {
			return nil, &FieldError{"permission", err.Error()}
		}
	}
	f := &tokenFilter{TokenQuery: q, now: now, search: FoldName(strings.TrimSpace(q.Q)), usedBefore: math.MaxInt64}
	if !q.LastUsedBefore.IsZero() {
		f.usedBefore = q.LastUsedBefore.UnixNano()
	}
	return f, nil
}

// matches reports whether f selects e, whose state is st.
func (f *tokenFilter) matches(e *entry, st *state) bool {
	t := st.token
	used := e.lastUsed.Load()
	return (f.Status == "" || t.StatusAt(f.now) == f.Status) &&
		(f.User == "" || t.User == f.User) &&
		(f.Group == "" || slices.Contains(t.Groups, f.Group)) &&
		(f.Permission == "" || st.grants.holds(f.Permission)) &&
		(!f.NeverUsed || used == 0) &&
		used < f.usedBefore &&
		(f.UnusedFor == 0 || unusedFor(t, used, f.UnusedFor, f.now)) &&
		(f.ExpiringWithin == 0 || expiringWithin(t, f.ExpiringWithin, f.now)) &&
		(f.search == "" || strings.Contains(st.search, f.search) || strings.Contains(t.Credential.Key, strings.TrimSpace(f.Q)))
}

// unusedFor reports whether a token last used at used, in Unix nanoseconds, has
// been idle for longer than d.
func unusedFor(t *Token, used int64, d time.Duration, now time.Time) bool {
	if used == 0 {
		return t.CreatedAt.Before(now.Add(-d))
	}
	return used < now.Add(-d).UnixNano()
}

func expiringWithin(t *Token, d time.Duration, now time.Time) bool {
	return t.IsActive && t.ExpiresAt != nil && now.Before(*t.ExpiresAt) && t.ExpiresAt.Sub(now) <= d
}

// holds reports whether g has permission or, if that is a wildcard, this grant.
func (g *Grants) holds(permission string) bool {
	if strings.Contains(permission, "*") {
		_, found := slices.BinarySearch(g.List(), permission)
		return found
	}
	return g.Has(permission)
}
