// Package bolt is a tokenstore.Store on a bbolt database: one file, which one
// process has open at a time.
package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

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
type Store struct{ db *bbolt.DB }

// Open opens the database at path. If there is none it makes one, readable by
// its owner alone, in a directory that it makes likewise. A file that others
// may read is narrowed to 0600, for it holds the hashes of all tokens;
// directories that exist stay as they are.
//
// The error is a tokenstore.ErrInUse if another process has the file, and says
// so if the file is damaged, of a newer version, or something else altogether.
func Open(path string, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the token database: %w", err)
	}
	if err := narrow(path, o.Logger); err != nil {
		return nil, err
	}
	db, err := openFile(path, cmp.Or(o.Timeout, time.Second))
	if err != nil {
		return nil, err
	}
	if err := guard(func() error { return prepare(db) }); err != nil {
		return nil, errors.Join(fmt.Errorf("token database %s: %w", path, err), db.Close())
	}
	return &Store{db}, nil
}

// narrow takes from everybody but the owner what they may do with an existing
// file.
func narrow(path string, logger *slog.Logger) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("token database: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("token database %s: not a file", path)
	case info.Mode().Perm()&0o077 == 0:
		return nil
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("token database %s can be read by others (mode %04o), and that cannot be changed: %w", path, info.Mode().Perm(), err)
	}
	if logger != nil {
		logger.Warn("others could read the token database; its mode is 0600 now", "file", path, "mode", fmt.Sprintf("%04o", info.Mode().Perm()))
	}
	return nil
}

// openFile opens path with bbolt, and puts its errors into words.
func openFile(path string, timeout time.Duration) (db *bbolt.DB, err error) {
	var file *os.File
	options := &bbolt.Options{
		Timeout:      timeout,
		FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	}
	err = guard(func() error {
		db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	switch {
	case errors.Is(err, errDamaged):
		file.Close() // and with it the lock, which bbolt did not get to
		return nil, fmt.Errorf("token database %s: %w", path, err)
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("token database %s is %w: stop that one, or ask it through its admin API", path, tokenstore.ErrInUse)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%s is not a token database, or is damaged: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("token database %s: %w", path, err)
	}
	return db, nil
}

var errDamaged = errors.New("the file is damaged")

// guard calls f. On a damaged file bbolt panics, and on one that was cut short
// it reads memory that is not there, which ends the process unless this
// goroutine asks for a panic.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if trouble := recover(); trouble != nil {
			err = fmt.Errorf("%w: %v", errDamaged, trouble)
		}
	}()
	return f()
}

// Close closes the file. It waits for what is under way.
func (s *Store) Close() error { return s.db.Close() }

// view runs f in a read transaction, update in one that writes and syncs.
func (s *Store) view(ctx context.Context, f func(*bbolt.Tx) error) error {
	return s.run(ctx, s.db.View, f)
}

func (s *Store) update(ctx context.Context, f func(*bbolt.Tx) error) error {
	return s.run(ctx, s.db.Update, f)
}

func (s *Store) run(ctx context.Context, transact func(func(*bbolt.Tx) error) error, f func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := guard(func() error { return transact(f) })
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return tokenstore.ErrClosed
	}
	return err
}

// Watch waits for ctx to end: while this process has the file locked, nobody
// else commits to it.
func (s *Store) Watch(ctx context.Context, _ tokenstore.Revision, _ func(tokenstore.Change)) error {
	<-ctx.Done()
	return ctx.Err()
}

var _ tokenstore.Store = (*Store)(nil)
