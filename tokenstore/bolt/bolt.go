// Package bolt is a tokenstore.Store on a bbolt database file.
package bolt

import (
	"log/slog"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Options are a Store's settings.
type Options struct {
	// Timeout is how long Open waits for another process to let go of the
	// file: one second unless set.
	Timeout time.Duration

	// Logger is told when the file's mode had to be narrowed.
	Logger *slog.Logger
}

// Store keeps tokens in one file.
type Store struct{ tokenstore.Store }

// Open opens the database at path, and makes it if it is not there.
func Open(path string, o Options) (*Store, error) { return nil, tokenstore.ErrUnavailable }
