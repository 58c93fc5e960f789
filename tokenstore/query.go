package tokenstore

import "time"

// TokenQuery selects and sorts tokens; zero fields select all.
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
