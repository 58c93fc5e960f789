package tokenstore

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// diffTokens returns what an audit entry tells of an edit: each field that
// differs, with its old and its new value; either token may be nil. Of the
// credentials it tells the keys, which are public.
func diffTokens(before, after *Token) map[string][2]any {
	return diff(before.fields(), after.fields())
}

// diffGroups is diffTokens of groups.
func diffGroups(before, after *Group) map[string][2]any {
	return diff(before.fields(), after.fields())
}

func (t *Token) fields() map[string]any {
	if t == nil {
		return nil
	}
	f := map[string]any{
		"name":          t.Name,
		"description":   t.Description,
		"user":          t.User,
		"is_active":     t.IsActive,
		"expires_at":    timeText(t.ExpiresAt),
		"groups":        list(t.Groups),
		"permissions":   list(t.Permissions),
		"allowed_cidrs": prefixTexts(t.AllowedCIDRs),
		"audiences":     list(t.Audiences),
		"rate_limit":    t.RateLimit,
		"key":           t.Credential.Key,
	}
	if t.Previous != nil {
		f["previous_key"] = t.Previous.Key
		f["previous_valid_until"] = timeText(t.Previous.ValidUntil)
	}
	return f
}

func (g *Group) fields() map[string]any {
	if g == nil {
		return nil
	}
	return map[string]any{
		"name":        g.Name,
		"description": g.Description,
		"permissions": list(g.Permissions),
	}
}

// diff returns the fields that differ. A field that is empty on one side and
// missing on the other does not.
func diff(before, after map[string]any) map[string][2]any {
	changes := make(map[string][2]any)
	names := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	for _, name := range names {
		was, is := before[name], after[name]
		if !reflect.DeepEqual(was, is) && !(empty(was) && empty(is)) {
			changes[name] = [2]any{was, is}
		}
	}
	return changes
}

func empty(v any) bool {
	if l, ok := v.([]string); ok {
		return len(l) == 0
	}
	return v == nil || v == ""
}

// timeText returns t as JSON would hold it, so that an entry reads the same
// before and after it was stored.
func timeText(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func prefixTexts(prefixes []netip.Prefix) []string {
	texts := make([]string, len(prefixes))
	for i, p := range prefixes {
		texts[i] = p.String()
	}
	return texts
}

// list returns l, never nil: JSON shall have [] for it.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
