package tokenstore

import "time"

// NewToken is what CreateToken makes a token of. Of the three expiry fields at
// most one is set; with none the token gets the default expiry.
type NewToken struct {
	Name        string // required
	Description string
	User        string // defaults to the actor's name

	ExpiresIn    string // as ParseDuration reads it, or "never"
	ExpiresAt    *time.Time
	NeverExpires bool

	Groups       []string
	Permissions  []string
	AllowedCIDRs []string // prefixes, or single addresses
	Audiences    []string
	RateLimit    string
	Disabled     bool
}

// TokenPatch changes what is not nil; of the three expiry fields at most one
// is set, and none leaves the expiry as it is.
type TokenPatch struct {
	Name        *string
	Description *string
	User        *string
	IsActive    *bool

	ExpiresIn    string
	ExpiresAt    *time.Time
	NeverExpires bool

	Groups       *[]string
	Permissions  *[]string
	AllowedCIDRs *[]string
	Audiences    *[]string
	RateLimit    *string // "" takes the token's own limit away
}

// RotateOptions say how a token is rotated. Without an expiry field the token
// keeps its expiry.
type RotateOptions struct {
	// Grace is how long the old secret works on, up to MaxGrace.
	Grace time.Duration

	ExpiresIn    string
	ExpiresAt    *time.Time
	NeverExpires bool
}

// MaxGrace is the longest grace of a rotation.
const MaxGrace = 30 * 24 * time.Hour

// NewGroup is what CreateGroup makes a group of.
type NewGroup struct {
	Name        string
	Description string
	Permissions []string
}

// GroupPatch changes what is not nil. A new name reaches every token that
// holds the group.
type GroupPatch struct {
	Name        *string
	Description *string
	Permissions *[]string
}

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
	Result string `json:"result"` // "changed", "unchanged", "not_found" or "refused"
	Detail string `json:"detail"` // why it was refused
}
