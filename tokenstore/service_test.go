package tokenstore_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// root is an actor of local trust.
var root = tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorCLI, Name: "root"}}

// here is a caller whom no token excludes.
var here = tokenstore.Caller{Addr: netip.MustParseAddr("192.0.2.1"), Method: "POST", Path: "/mcp"}

// bench is a Service over a new database, with short ways to use it.
type bench struct {
	testing.TB
	*tokenstore.Service
}

func newBench(t testing.TB, o tokenstore.Options) bench {
	t.Helper()
	return openBench(t, filepath.Join(t.TempDir(), "tokens.db"), o)
}

func openBench(t testing.TB, path string, o tokenstore.Options) bench {
	t.Helper()
	store, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := tokenstore.Open(context.Background(), store, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return bench{t, s}
}

// newFastBench is newBench with the database in memory where the machine has a
// place for that: for tests that edit ten thousand times, and ask nothing of a
// disk.
func newFastBench(t testing.TB, o tokenstore.Options) bench {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "tokenstore")
	if err != nil {
		return newBench(t, o)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return openBench(t, filepath.Join(dir, "tokens.db"), o)
}

// create makes a token with local trust.
func (b bench) create(n tokenstore.NewToken) (tokenstore.Record, tokenstore.Secret) {
	b.Helper()
	record, secret, err := b.CreateToken(context.Background(), root, n)
	if err != nil {
		b.Fatal(err)
	}
	return record, secret
}

// group makes a group with local trust.
func (b bench) group(name string, permissions ...string) {
	b.Helper()
	_, err := b.CreateGroup(context.Background(), root, tokenstore.NewGroup{Name: name, Permissions: permissions})
	if err != nil {
		b.Fatal(err)
	}
}

// open begins a request that must be accepted.
func (b bench) open(secret tokenstore.Secret) *tokenstore.Session {
	b.Helper()
	session, err := b.Begin(context.Background(), secret, here)
	if err != nil {
		b.Fatal(err)
	}
	return session
}

// reason begins a request and ends it, and returns why it was refused, "" for
// accepted.
func (b bench) reason(secret tokenstore.Secret, c tokenstore.Caller) tokenstore.Reason {
	b.Helper()
	session, err := b.Begin(context.Background(), secret, c)
	if err == nil {
		session.End()
		return ""
	}
	return err.(*tokenstore.Refusal).Reason
}

// must returns v, for calls that cannot fail here.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
