package tokenstore

import (
	"context"
	"io"
	"time"
)

// Store keeps tokens, groups, uses and the audit trail durably. It is small on
// purpose: everything that decides is in the Service. A Store is safe for
// concurrent use, and package storetest says in code what is written here.
type Store interface {
	// Load returns all tokens, groups and uses, and the revision from which
	// Watch continues.
	Load(ctx context.Context) (Snapshot, error)

	// Commit makes c durable, whole or not at all: when it returns nil the
	// change and its audit entries survive a crash. It returns ErrConflict,
	// and changes nothing, if a token or group is not at the version that c
	// starts from, or if a name or key of c is taken by another token.
	Commit(ctx context.Context, c Change) error

	// RecordUses merges times of last use, each only if it is later than what
	// is stored. It never touches the tokens themselves, so a late flush
	// cannot undo an edit, and it ignores tokens that no longer exist.
	RecordUses(ctx context.Context, uses []Use) error

	// Audit returns the entries that match q, newest first.
	Audit(ctx context.Context, q AuditQuery) (AuditPage, error)

	// PruneAudit deletes at most limit entries older than before, oldest
	// first, and returns how many it deleted.
	PruneAudit(ctx context.Context, before time.Time, limit int) (int, error)

	// Key returns 32 random bytes kept under name, made on first use: the same
	// for every gateway that shares the store and over every restart.
	Key(ctx context.Context, name string) ([]byte, error)

	// Watch calls f, in order, for every change that another process commits
	// after rev. It returns ctx's error when ctx ends, and another one when
	// the feed is lost, after which the caller loads anew.
	Watch(ctx context.Context, rev Revision, f func(Change)) error

	// Backup writes a consistent copy of the whole store to w, in the store's
	// own format, while it is in use.
	Backup(ctx context.Context, w io.Writer) error

	Close() error
}

// Revision is a Store's own count of changes.
type Revision int64

// Snapshot is everything that a Service keeps in memory.
type Snapshot struct {
	Tokens   []*Token
	Groups   []*Group
	Uses     []Use
	Revision Revision
}

// Change is a set of edits and the audit entries that tell of them. They are
// committed together.
type Change struct {
	Tokens []TokenChange
	Groups []GroupChange
	Audit  []AuditEntry
}

// TokenChange replaces Before by After. A nil Before creates, a nil After
// deletes; a token's ID is the same in both.
type TokenChange struct{ Before, After *Token }

// GroupChange replaces Before by After. A nil Before creates, a nil After
// deletes. Renaming is both, in one Change.
type GroupChange struct{ Before, After *Group }
