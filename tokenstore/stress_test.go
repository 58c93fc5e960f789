package tokenstore_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// opens is how many requests are accepted while tokens are revoked.
const opens = 100_000

func TestNoRequestSurvivesItsRevocation(t *testing.T) {
	b := newFastBench(t, tokenstore.Options{})
	b.group("g", "blog.view_article")
	record, first := b.create(tokenstore.NewToken{Name: "a", Groups: []string{"g"}})
	var secret atomic.Pointer[tokenstore.Secret]
	secret.Store(&first)

	// Eight clients begin requests, each of which holds a permission. They
	// stand still only while the count is taken.
	var counting sync.RWMutex
	var mu sync.Mutex
	var open []*tokenstore.Session
	accepted := 0
	done := make(chan struct{})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				counting.RLock()
				session, err := b.Begin(context.Background(), *secret.Load(), here)
				if err == nil && session.Hold(func(g *tokenstore.Grants) bool { return g.Has("blog.view_article") }) {
					mu.Lock()
					open = append(open, session)
					accepted++
					mu.Unlock()
				} else if err == nil {
					session.End()
				}
				counting.RUnlock()
			}
		})
	}

	// Each pair takes away what every request stands on, and gives it back.
	setGroup := func(permissions ...string) func() error {
		return func() error {
			_, err := b.UpdateGroup(t.Context(), root, "g", 0, tokenstore.GroupPatch{Permissions: &permissions})
			return err
		}
	}
	setActive := func(active bool) func() error {
		return func() error {
			_, err := b.SetActive(t.Context(), root, record.ID, 0, active, "")
			return err
		}
	}
	var next tokenstore.Secret
	rotate := func() (err error) {
		_, next, err = b.RotateToken(t.Context(), root, record.ID, 0, tokenstore.RotateOptions{})
		return err
	}
	publish := func() error {
		fresh := next
		secret.Store(&fresh)
		return nil
	}
	pairs := [][2]func() error{{setActive(false), setActive(true)}, {setGroup(), setGroup("blog.*")}, {rotate, publish}}
	survivors, rounds := 0, 0
	for total := 0; total < opens; rounds++ {
		pair := pairs[rounds%len(pairs)]
		if err := pair[0](); err != nil {
			t.Fatal(err)
		}
		counting.Lock()
		for _, session := range open {
			if session.Context().Err() == nil {
				survivors++
			}
			session.End()
		}
		open, total = nil, accepted
		live := b.LiveCount()
		counting.Unlock()
		if live != 0 {
			t.Errorf("round %d: %d requests are live", rounds, live)
		}
		if err := pair[1](); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	clients.Wait()
	if survivors > 0 {
		t.Errorf("%d of %d requests survived", survivors, accepted)
	}
	for _, session := range open {
		session.End()
	}
	if n := b.LiveCount(); n != 0 || len(b.Live("")) != 0 {
		t.Errorf("%d requests are still live", n)
	}
	t.Logf("%d requests accepted, %d revocations", accepted, rounds)
}

func TestAThousandRequestsEndTogether(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	record, secret := b.create(tokenstore.NewToken{Name: "a"})
	_, other := b.create(tokenstore.NewToken{Name: "b"})
	var mine, theirs []*tokenstore.Session
	for range 500 {
		mine, theirs = append(mine, b.open(secret)), append(theirs, b.open(other))
	}
	start := time.Now()
	if _, err := b.SetActive(t.Context(), root, record.ID, 0, false, ""); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
	for i := range mine {
		if mine[i].Context().Err() == nil || theirs[i].Context().Err() != nil {
			t.Fatal("the wrong ones ended")
		}
		mine[i].End()
		theirs[i].End()
	}
	if n := b.LiveCount(); n != 0 {
		t.Errorf("%d are left", n)
	}
}
