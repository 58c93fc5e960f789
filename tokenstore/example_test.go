package tokenstore_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

// Open a database, make a token, and check what a request that presents it may
// do.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := bolt.Open(filepath.Join(dir, "tokens.db"), bolt.Options{})
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := tokenstore.Open(ctx, store, tokenstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer tokens.Close()

	me := tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorSystem, Name: "setup"}}
	record, secret, err := tokens.CreateToken(ctx, me, tokenstore.NewToken{
		Name:        "ci",
		ExpiresIn:   "30d",
		Permissions: []string{"blog.view_*"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.Name, "is", record.Status)

	// A client presents the text of the secret.
	presented, err := tokenstore.ParseSecret(secret.Reveal())
	if err != nil {
		log.Fatal(err)
	}
	session, err := tokens.Begin(ctx, presented, tokenstore.Caller{Addr: netip.MustParseAddr("192.0.2.1")})
	if err != nil {
		log.Fatal(err)
	}
	defer session.End()
	fmt.Println("may view:", session.Grants().Has("blog.view_article"))
	fmt.Println("may delete:", session.Grants().Has("blog.delete_article"))
	// Output:
	// ci is active
	// may view: true
	// may delete: false
}

// A grant may hold wildcards; what is required may not. No wildcard reaches the
// rights over the tokens themselves.
func ExampleGrants_Has() {
	grants := tokenstore.NewGrants("blog.*", "*.view_order")
	fmt.Println(grants.Has("blog.add_article"))
	fmt.Println(grants.Has("shop.view_order"))
	fmt.Println(grants.Has("shop.add_order"))
	fmt.Println(tokenstore.NewGrants("*").Has("mcp_token.add_token"))
	// Output:
	// true
	// true
	// false
	// false
}

// Find the tokens that nobody has used for a month, never used ones included.
func ExampleService_Tokens() {
	tokens, me := exampleService()
	defer tokens.Close()
	for _, name := range []string{"ci", "laptop"} {
		if _, _, err := tokens.CreateToken(context.Background(), me, tokenstore.NewToken{Name: name}); err != nil {
			log.Fatal(err)
		}
	}
	query := tokenstore.TokenQuery{UnusedFor: 30 * 24 * time.Hour, Sort: "name"}
	for {
		page, err := tokens.Tokens(query)
		if err != nil {
			log.Fatal(err)
		}
		for _, record := range page.Items {
			fmt.Println(record.Name, record.LastUsedAt)
		}
		if query.Cursor = page.NextCursor; query.Cursor == "" {
			break
		}
	}
	stats := tokens.Stats()
	fmt.Println(stats.NeverUsed, "of", stats.Total, "were never used, but they are new")
	// Output: 2 of 2 were never used, but they are new
}

// Give a token a new secret. The old one works for another day, so that every
// client can change over.
func ExampleService_RotateToken() {
	ctx := context.Background()
	tokens, me := exampleService()
	defer tokens.Close()
	record, old, err := tokens.CreateToken(ctx, me, tokenstore.NewToken{Name: "ci"})
	if err != nil {
		log.Fatal(err)
	}
	rotated, fresh, err := tokens.RotateToken(ctx, me, record.ID, record.Version, tokenstore.RotateOptions{Grace: 24 * time.Hour})
	if err != nil {
		log.Fatal(err)
	}
	accepted := func(secret tokenstore.Secret) bool {
		session, err := tokens.Begin(ctx, secret, tokenstore.Caller{})
		if err == nil {
			session.End()
		}
		return err == nil
	}
	fmt.Println("same token:", rotated.ID == record.ID)
	fmt.Println("old and new:", accepted(old), accepted(fresh))
	if _, err := tokens.FinishRotation(ctx, me, record.ID, 0); err != nil {
		log.Fatal(err)
	}
	fmt.Println("after the rotation is finished:", accepted(old), accepted(fresh))
	// Output:
	// same token: true
	// old and new: true true
	// after the rotation is finished: false true
}

// exampleService returns a Service over a database that is thrown away.
func exampleService() (*tokenstore.Service, tokenstore.Actor) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	store, err := bolt.Open(filepath.Join(dir, "tokens.db"), bolt.Options{})
	if err != nil {
		log.Fatal(err)
	}
	os.RemoveAll(dir) // the open file lives on
	tokens, err := tokenstore.Open(context.Background(), store, tokenstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return tokens, tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorSystem, Name: "example"}}
}
