package caddymodule

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

func init() {
	caddy.RegisterModule(new(BboltStore))
}

// StoreModule is what modules in the namespace mcp_token.stores are.
type StoreModule interface {
	// Identity tells stores apart: two modules with the same identity are the
	// same store, whatever their other settings are. It begins with the name of
	// the backend, and reads at most.
	Identity() (string, error)

	// Open opens the store. It is called at most once at a time per identity.
	Open(ctx context.Context) (tokenstore.Store, error)
}

// BboltStore keeps tokens in a database file. One process at a time can have it
// open.
type BboltStore struct {
	// Path is the database file; it is made, readable by its owner only, if it
	// does not exist. The default is mcp_token/tokens.db below Caddy's data
	// directory. Placeholders are replaced once, at start.
	Path string `json:"path,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*BboltStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "mcp_token.stores.bbolt",
		New: func() caddy.Module { return new(BboltStore) },
	}
}

// DefaultStorePath is where tokens are kept when nothing else is said.
func DefaultStorePath() string {
	return filepath.Join(caddy.AppDataDir(), "mcp_token", "tokens.db")
}

// Provision makes the path absolute.
func (s *BboltStore) Provision(caddy.Context) error {
	if s.Path == "" {
		s.Path = DefaultStorePath()
	}
	path, err := caddy.NewReplacer().ReplaceOrErr(s.Path, true, true)
	if err != nil {
		return fmt.Errorf("path of the token store: %w", err)
	}
	if s.Path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("path of the token store: %w", err)
	}
	return nil
}

// Identity is the path with its symbolic links resolved.
func (s *BboltStore) Identity() (string, error) {
	return "bbolt:" + resolve(s.Path), nil
}

// resolve resolves the links of the part of path that exists.
func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	dir, name := filepath.Split(path)
	if parent := filepath.Clean(dir); parent != path {
		return filepath.Join(resolve(parent), name)
	}
	return path
}

// Open opens the database.
func (s *BboltStore) Open(context.Context) (tokenstore.Store, error) {
	return bolt.Open(s.Path, bolt.Options{})
}

// UnmarshalCaddyfile reads
//
//	store bbolt [<path>]
func (s *BboltStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the backend's name
	if d.NextArg() {
		s.Path = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(d.Nesting()) {
		return d.Errf("unrecognized subdirective '%s': store bbolt takes a path and no block", d.Val())
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*BboltStore)(nil)
	_ caddyfile.Unmarshaler = (*BboltStore)(nil)
	_ StoreModule           = (*BboltStore)(nil)
)
