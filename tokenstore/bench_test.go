package tokenstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

func BenchmarkBegin(b *testing.B) {
	s := newBench(b, tokenstore.Options{})
	s.group("readers", "blog.view_article")
	_, secret := s.create(tokenstore.NewToken{Name: "ci", Groups: []string{"readers"}})
	text, ctx := secret.Reveal(), context.Background()
	b.Run("accepted", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			secret, _ := tokenstore.ParseSecret(text)
			session, err := s.Begin(ctx, secret, here)
			if err != nil {
				b.Fatal(err)
			}
			session.End()
		}
	})
	b.Run("unknown", func(b *testing.B) {
		secret := tokenstore.NewSecret()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Begin(ctx, secret, here); err == nil {
				b.Fatal("accepted")
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				session, err := s.Begin(ctx, secret, here)
				if err != nil {
					b.Error(err)
					return
				}
				session.End()
			}
		})
	})
}

// large returns a Service over n tokens.
func large(t testing.TB, n int) bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens.db")
	store, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	group := &tokenstore.Group{Name: "readers", Permissions: []string{"blog.view_article"}, Version: 1}
	c := tokenstore.Change{Groups: []tokenstore.GroupChange{{After: group}}}
	var uses []tokenstore.Use
	now := time.Now().UTC().Truncate(time.Second)
	for i := range n {
		end := now.Add(time.Duration(i+1) * time.Hour)
		token := &tokenstore.Token{
			ID: fmt.Sprintf("tok_%016d", i), Name: fmt.Sprintf("Service account %d", i*7919%n),
			User: fmt.Sprintf("user%d", i%97), IsActive: i%11 != 0, ExpiresAt: &end, Permissions: []string{"shop.*"},
			CreatedAt: now.Add(-time.Duration(i) * time.Minute), UpdatedAt: now, Version: 1,
			Credential: tokenstore.Credential{Key: fmt.Sprintf("%016d", i), Salt: "salt", Hash: fmt.Sprintf("%064x", i)},
		}
		if i%3 == 0 {
			token.Groups = []string{"readers"}
		}
		if i%5 != 0 {
			uses = append(uses, tokenstore.Use{TokenID: token.ID, Key: token.Credential.Key, At: now.Add(-time.Duration(i*31%n) * time.Minute)})
		}
		c.Tokens = append(c.Tokens, tokenstore.TokenChange{After: token})
		if i == n-1 || len(c.Tokens) == 2000 {
			if err := store.Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			c = tokenstore.Change{}
		}
	}
	if err := store.RecordUses(t.Context(), uses); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return openBench(t, path, tokenstore.Options{})
}

func BenchmarkTokensOf100000(b *testing.B) {
	s := large(b, 100_000)
	for name, q := range map[string]tokenstore.TokenQuery{
		"default":      {},
		"search":       {Q: "ACCOUNT 777"},
		"permission":   {Permission: "blog.view_article", Sort: "name"},
		"last used":    {Sort: "last_used_at", Limit: 200},
		"unused":       {UnusedFor: 30 * 24 * time.Hour, Sort: "-name"},
		"expiring":     {Status: tokenstore.StatusExpiring, Sort: "expires_at"},
		"user & group": {User: "user7", Group: "readers"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Tokens(q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("stats", func(b *testing.B) {
		for b.Loop() {
			s.Stats()
		}
	})
}

func BenchmarkEdit(b *testing.B) {
	s := newBench(b, tokenstore.Options{})
	r, _ := s.create(tokenstore.NewToken{Name: "a"})
	on := false
	for b.Loop() {
		if _, err := s.SetActive(b.Context(), root, r.ID, 0, on, ""); err != nil {
			b.Fatal(err)
		}
		on = !on
	}
}
