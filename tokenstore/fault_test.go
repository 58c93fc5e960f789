package tokenstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

var errDisk = errors.New("the disk is full")

// faulty is a Store that fails when it is told to, and whose feed of other
// processes' edits is in the test's hands.
type faulty struct {
	tokenstore.Store
	feed chan tokenstore.Change // an empty one breaks it

	mu         sync.Mutex
	watches    []func(tokenstore.Change)
	noLoad     bool
	noCommit   bool
	noFlush    bool
	afterwards bool // noCommit fails after the change was written
}

func (f *faulty) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *faulty) Load(ctx context.Context) (tokenstore.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noLoad {
		return tokenstore.Snapshot{}, errDisk
	}
	return f.Store.Load(ctx)
}

func (f *faulty) Commit(ctx context.Context, c tokenstore.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noCommit {
		if f.afterwards {
			return errors.Join(f.Store.Commit(ctx, c), errDisk)
		}
		return errDisk
	}
	return f.Store.Commit(ctx, c)
}

func (f *faulty) RecordUses(ctx context.Context, uses []tokenstore.Use) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noFlush {
		return errDisk
	}
	return f.Store.RecordUses(ctx, uses)
}

func (f *faulty) Watch(ctx context.Context, _ tokenstore.Revision, apply func(tokenstore.Change)) error {
	f.set(func() { f.watches = append(f.watches, apply) })
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-f.feed:
			if c.Tokens == nil {
				return errDisk
			}
			apply(c)
		}
	}
}

func newFaulty(t *testing.T) (*faulty, bench) {
	t.Helper()
	store := must(bolt.Open(filepath.Join(t.TempDir(), "tokens.db"), bolt.Options{}))(t)
	f := &faulty{Store: store, feed: make(chan tokenstore.Change)}
	s := must(tokenstore.Open(context.Background(), f, tokenstore.Options{FlushInterval: time.Second}))(t)
	return f, bench{t, s}
}

func TestAFailedFlushIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b := newFaulty(t)
		record, secret := b.create(tokenstore.NewToken{Name: "a"})
		f.set(func() { f.noFlush = true })
		b.open(secret).End()
		used := must(b.Token(record.ID))(t).LastUsedAt
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if uses := must(f.Load(t.Context()))(t).Uses; len(uses) != 0 {
			t.Errorf("written: %+v", uses)
		}
		f.set(func() { f.noFlush = false })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if uses := must(f.Load(t.Context()))(t).Uses; len(uses) != 1 || !uses[0].At.Equal(*used) {
			t.Errorf("written: %+v", uses)
		}
		b.Close()
	})
}

func TestAnEditThatCannotBeWrittenDoesNotHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b := newFaulty(t)
		record, secret := b.create(tokenstore.NewToken{Name: "a"})
		f.set(func() { f.noCommit = true })
		_, err := b.SetActive(t.Context(), root, record.ID, 0, false, "")
		if !errors.Is(err, tokenstore.ErrUnavailable) || b.reason(secret, here) != "" {
			t.Errorf("error %v; the token is %s", err, must(b.Token(record.ID))(t).Status)
		}
		// What was written although the store says that it failed, counts.
		f.set(func() { f.afterwards = true })
		_, err = b.SetActive(t.Context(), root, record.ID, 0, false, "")
		if !errors.Is(err, tokenstore.ErrUnavailable) || b.reason(secret, here) != tokenstore.ReasonInactive {
			t.Errorf("error %v; the token is %s", err, must(b.Token(record.ID))(t).Status)
		}
		f.set(func() { f.noCommit = false })
		must(b.SetActive(t.Context(), root, record.ID, 0, true, ""))(t)
		b.Close()
	})
}

func TestARefusalThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b := newFaulty(t)
		f.set(func() { f.noCommit = true })
		b.RecordAccess(t.Context(), root, tokenstore.ActionSignIn, "unknown")
		time.Sleep(10 * time.Second)
		f.set(func() { f.noCommit = false })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if page := must(f.Audit(t.Context(), tokenstore.AuditQuery{}))(t); len(page.Items) != 1 {
			t.Errorf("%+v", page.Items)
		}
		b.Close()
	})
}

func TestAnEditOfAnotherGatewayCountsHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b := newFaulty(t)
		record, secret := b.create(tokenstore.NewToken{Name: "a"})
		session := b.open(secret)
		defer session.End()
		before := must(f.Load(t.Context()))(t).Tokens[0]
		after := *before
		after.IsActive, after.Version = false, 2
		f.feed <- tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: before, After: &after}}}
		synctest.Wait()
		if ended(t, session) != tokenstore.EndedRevoked || b.reason(secret, here) != tokenstore.ReasonInactive {
			t.Error("the token is still active")
		}
		f.feed <- tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: &after}}}
		synctest.Wait()
		if _, err := b.Token(record.ID); !errors.Is(err, tokenstore.ErrNotFound) {
			t.Errorf("error %v", err)
		}
		b.Close()
	})
}

func TestWhatAnOlderFeedTellsDoesNotUndoALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b := newFaulty(t)
		synctest.Wait() // until the first feed is there
		record, secret := b.create(tokenstore.NewToken{Name: "a"})
		first := must(f.Load(t.Context()))(t).Tokens[0]
		must(b.SetActive(t.Context(), root, record.ID, 0, false, ""))(t)
		f.set(func() { f.noCommit = true })
		if _, err := b.SetActive(t.Context(), root, record.ID, 0, true, ""); err == nil {
			t.Fatal("written")
		}
		f.set(func() { f.noCommit = false })
		synctest.Wait()
		if len(f.watches) != 2 {
			t.Fatalf("%d feeds, want a second after the load", len(f.watches))
		}
		f.watches[0](tokenstore.Change{Tokens: []tokenstore.TokenChange{{After: first}}})
		if b.reason(secret, here) != tokenstore.ReasonInactive {
			t.Error("the token is active again")
		}
		b.Close()
	})
}

func TestALostFeedIsMadeUpForOrRefusesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b := newFaulty(t)
		record, secret := b.create(tokenstore.NewToken{Name: "a"})

		// An edit falls into the gap, and a reload brings it.
		before := must(f.Load(t.Context()))(t).Tokens[0]
		after := *before
		after.Version, after.Description = 2, "elsewhere"
		if err := f.Store.Commit(t.Context(), tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: before, After: &after}}}); err != nil {
			t.Fatal(err)
		}
		f.feed <- tokenstore.Change{}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := must(b.Token(record.ID))(t); got.Description != "elsewhere" {
			t.Errorf("%+v", got)
		}

		// Without the store, tokens are good for a while, and then none is.
		f.set(func() { f.noLoad = true })
		f.feed <- tokenstore.Change{}
		time.Sleep(tokenstore.MaxStale)
		if reason := b.reason(secret, here); reason != "" {
			t.Errorf("refused with %q too early", reason)
		}
		time.Sleep(time.Second)
		if reason := b.reason(secret, here); reason != tokenstore.ReasonStore {
			t.Errorf("refused with %q", reason)
		}
		if _, err := b.SetActive(t.Context(), root, record.ID, 0, false, ""); !errors.Is(err, tokenstore.ErrUnavailable) {
			t.Errorf("an edit: %v", err)
		}
		f.set(func() { f.noLoad = false })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if reason := b.reason(secret, here); reason != "" {
			t.Errorf("refused with %q although the store is back", reason)
		}
		b.Close()
	})
}
