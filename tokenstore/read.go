package tokenstore

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"
)

// GroupRecord is the public form of a group.
type GroupRecord struct {
	Group
	Tokens int `json:"tokens"` // how many hold it
}

// PermissionUse is a permission and who holds it, as granted.
type PermissionUse struct {
	Permission string `json:"permission"`
	Tokens     int    `json:"tokens"` // directly
	Groups     int    `json:"groups"`
}

// Stats counts the tokens. Active, Expiring, Expired and Disabled add up to
// Total.
type Stats struct {
	Total     int `json:"total"`
	Active    int `json:"active"`
	Expiring  int `json:"expiring"`
	Expired   int `json:"expired"`
	Disabled  int `json:"disabled"`
	Unused30d int `json:"unused_30d"` // as UnusedFor of 30 days
	NeverUsed int `json:"never_used"`
	Groups    int `json:"groups"`
	Live      int `json:"live"` // requests running now
}

// Token returns the token with this id or key, or ErrNotFound. The key before
// the last rotation finds it too.
func (s *Service) Token(ref string) (Record, error) {
	now := time.Now()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.available(now); err != nil {
		return Record{}, err
	}
	e := s.table.find(ref)
	if e == nil {
		return Record{}, ErrNotFound
	}
	return e.record(e.state.Load(), now), nil
}

// Group returns the group called name, or ErrNotFound.
func (s *Service) Group(name string) (GroupRecord, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.available(time.Now()); err != nil {
		return GroupRecord{}, err
	}
	g := s.table.groups[name]
	if g == nil {
		return GroupRecord{}, ErrNotFound
	}
	return s.table.groupRecord(g), nil
}

// Groups returns all groups by name.
func (s *Service) Groups() []GroupRecord {
	s.mu.RLock()
	defer s.mu.RUnlock()
	records := make([]GroupRecord, 0, len(s.table.groups))
	for _, g := range s.table.groups {
		records = append(records, s.table.groupRecord(g))
	}
	slices.SortFunc(records, func(a, b GroupRecord) int { return strings.Compare(FoldName(a.Name), FoldName(b.Name)) })
	return records
}

// groupRecord returns g in its public form. The caller holds mu or editMu.
func (t *table) groupRecord(g *Group) GroupRecord {
	r := GroupRecord{Group: *g, Tokens: len(t.members[g.Name])}
	r.Permissions = list(g.Permissions)
	return r
}

// PermissionsInUse returns every permission that a token or a group holds, by
// name.
func (s *Service) PermissionsInUse() []PermissionUse {
	s.mu.RLock()
	all := s.table.all
	uses := make(map[string]*PermissionUse)
	use := func(p string) *PermissionUse {
		if uses[p] == nil {
			uses[p] = &PermissionUse{Permission: p}
		}
		return uses[p]
	}
	for _, g := range s.table.groups {
		for _, p := range g.Permissions {
			use(p).Groups++
		}
	}
	s.mu.RUnlock()
	for _, e := range all {
		for _, p := range e.state.Load().token.Permissions {
			use(p).Tokens++
		}
	}
	sorted := make([]PermissionUse, 0, len(uses))
	for _, u := range uses {
		sorted = append(sorted, *u)
	}
	slices.SortFunc(sorted, func(a, b PermissionUse) int { return strings.Compare(a.Permission, b.Permission) })
	return sorted
}

// Stats counts the tokens by their state of now.
func (s *Service) Stats() Stats {
	now := time.Now()
	s.mu.RLock()
	all := s.table.all
	stats := Stats{Total: len(all), Groups: len(s.table.groups), Live: s.LiveCount()}
	s.mu.RUnlock()
	for _, e := range all {
		t, used := e.state.Load().token, e.lastUsed.Load()
		switch t.StatusAt(now) {
		case StatusActive:
			stats.Active++
		case StatusExpiring:
			stats.Expiring++
		case StatusExpired:
			stats.Expired++
		case StatusDisabled:
			stats.Disabled++
		}
		if used == 0 {
			stats.NeverUsed++
		}
		if unusedFor(t, used, 30*24*time.Hour, now) {
			stats.Unused30d++
		}
	}
	return stats
}

// Backup writes a consistent copy of the store to w while it is in use. The
// copy holds the hashes of all tokens, so it needs the right to export.
func (s *Service) Backup(ctx context.Context, a Actor, w io.Writer) error {
	if !a.may(RightExport) {
		return forbidden(RightExport)
	}
	return unavailable(s.store.Backup(ctx, w))
}

// record returns the public form of e, whose state is st.
func (e *entry) record(st *state, now time.Time) Record {
	t := st.token
	r := Record{
		ID:                   t.ID,
		Name:                 t.Name,
		Description:          t.Description,
		User:                 t.User,
		Key:                  t.Credential.Key,
		IsActive:             t.IsActive,
		Status:               t.StatusAt(now),
		CreatedAt:            t.CreatedAt,
		CreatedBy:            t.CreatedBy,
		UpdatedAt:            t.UpdatedAt,
		ExpiresAt:            t.ExpiresAt,
		Groups:               list(t.Groups),
		Permissions:          list(t.Permissions),
		EffectivePermissions: st.grants.List(),
		AllowedCIDRs:         list(t.AllowedCIDRs),
		Audiences:            list(t.Audiences),
		Source:               t.Source,
		Version:              t.Version,
	}
	if t.RateLimit != "" {
		r.RateLimit = &t.RateLimit
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if last := st.current.use.at; !last.At.IsZero() {
		r.LastUsedAt = &last.At
		if ip := addrText(last.IP); ip != "" {
			r.LastUsedIP = &ip
		}
	}
	if st.previous != nil {
		r.Rotation = &Rotation{PreviousKey: st.previous.key, ValidUntil: st.previous.until}
		if last := st.previous.use.at; !last.At.IsZero() {
			r.Rotation.LastUsedAt = &last.At
		}
	}
	return r
}
