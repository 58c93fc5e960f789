package tokenstore

import (
	"net/netip"
	"time"
)

// Token is one API token as it is stored: who it is for, what it may do, and
// the credentials that prove it. It never holds a secret, only salted hashes.
//
// A Token that the Service hands out is shared: treat it as read-only.
type Token struct {
	// ID is "tok_" and 16 url-safe characters. It never changes, rotation
	// included.
	ID string `json:"id"`

	// Name is 1–200 characters, NFC, without control or bidi characters, and
	// unique among tokens (compared after case folding).
	Name string `json:"name"`

	// Description is free text of at most 2,000 characters.
	Description string `json:"description"`

	// User answers for the token, for audit alone: a token never inherits the
	// rights of its user.
	User string `json:"user"`

	// IsActive is false while the token is disabled.
	IsActive bool `json:"is_active"`

	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	UpdatedAt time.Time `json:"updated_at"`

	// ExpiresAt is the first instant at which the token is no longer accepted;
	// nil means never.
	ExpiresAt *time.Time `json:"expires_at"`

	// Groups are the names of the groups whose permissions the token holds
	// besides its own.
	Groups []string `json:"groups"`

	// Permissions are the grants given to the token directly.
	Permissions []string `json:"permissions"`

	// AllowedCIDRs limits the client addresses that may use the token; empty
	// means any.
	AllowedCIDRs []netip.Prefix `json:"allowed_cidrs"`

	// Audiences limits the gateways' routes that accept the token, by the name
	// they give themselves; empty means any.
	Audiences []string `json:"audiences"`

	// RateLimit overrides the route's limit, as "60/m" or "60/m burst 20";
	// empty means the route's own.
	RateLimit string `json:"rate_limit"`

	// Source says where a token came from: "" for one made here,
	// "django-admin-mcp" for one taken over.
	Source string `json:"source"`

	// Version counts the edits of the token, from 1; it is what an ETag shows
	// and what If-Match compares.
	Version uint64 `json:"version"`

	// Credential is what proves the token today.
	Credential Credential `json:"credential"`

	// Previous is the credential before the last rotation: valid until its
	// ValidUntil, afterwards kept so that its use can be recognised as stale.
	Previous *Credential `json:"previous,omitempty"`
}

// Credential is the stored half of a secret: enough to verify it, not enough
// to make it.
type Credential struct {
	// Key is the public half of the secret, 16 url-safe characters: what lists
	// and logs show.
	Key string `json:"key"`

	// Salt is hashed as text in front of the secret part.
	Salt string `json:"salt"`

	// Hash is the lower-case hex SHA-256 of Salt followed by the secret part.
	Hash string `json:"hash"`

	// ValidUntil is set on a rotated-out credential: the end of its grace.
	ValidUntil *time.Time `json:"valid_until,omitempty"`
}

// Status is a token's state in one word.
type Status string

const (
	StatusActive   Status = "active"
	StatusExpiring Status = "expiring" // active, and expires within ExpiringWithin
	StatusExpired  Status = "expired"
	StatusDisabled Status = "disabled"
)

// ExpiringWithin is how long before its expiry a token is called expiring.
const ExpiringWithin = 7 * 24 * time.Hour

// StatusAt returns t's status at now. A disabled token is disabled whether or
// not it has expired too.
func (t *Token) StatusAt(now time.Time) Status {
	switch {
	case !t.IsActive:
		return StatusDisabled
	case t.ExpiresAt == nil:
		return StatusActive
	case !now.Before(*t.ExpiresAt):
		return StatusExpired
	case t.ExpiresAt.Sub(now) <= ExpiringWithin:
		return StatusExpiring
	}
	return StatusActive
}

// Record is the public form of a token: the JSON that the API, the CLI and the
// page show. It holds neither secret nor hash.
type Record struct {
	ID                   string         `json:"id"`
	Name                 string         `json:"name"`
	Description          string         `json:"description"`
	User                 string         `json:"user"`
	Key                  string         `json:"key"`
	IsActive             bool           `json:"is_active"`
	Status               Status         `json:"status"`
	CreatedAt            time.Time      `json:"created_at"`
	CreatedBy            string         `json:"created_by"`
	UpdatedAt            time.Time      `json:"updated_at"`
	ExpiresAt            *time.Time     `json:"expires_at"`
	LastUsedAt           *time.Time     `json:"last_used_at"`
	LastUsedIP           *string        `json:"last_used_ip"`
	Groups               []string       `json:"groups"`
	Permissions          []string       `json:"permissions"`
	EffectivePermissions []string       `json:"effective_permissions"`
	AllowedCIDRs         []netip.Prefix `json:"allowed_cidrs"`
	Audiences            []string       `json:"audiences"`
	RateLimit            *string        `json:"rate_limit"`
	Rotation             *Rotation      `json:"rotation"`
	Source               string         `json:"source"`
	Version              uint64         `json:"version"`
}

// Rotation tells of the credential before the last rotation.
type Rotation struct {
	PreviousKey string     `json:"previous_key"`
	ValidUntil  time.Time  `json:"valid_until"`
	LastUsedAt  *time.Time `json:"last_used_at"`
}

// Group is a named set of permissions that tokens can hold.
type Group struct {
	// Name identifies the group, by the same rules as a token's name.
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Permissions []string  `json:"permissions"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Version     uint64    `json:"version"`
}

// Use is when and from where a credential was last accepted.
type Use struct {
	TokenID string     `json:"token_id"`
	Key     string     `json:"key"`
	At      time.Time  `json:"at"`
	IP      netip.Addr `json:"ip"`
}
