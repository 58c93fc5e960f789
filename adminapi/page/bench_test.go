package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// A person does not wait for a list, however many tokens there are.
func BenchmarkListsOf100000Tokens(b *testing.B) {
	begin := time.Now().UTC().Truncate(time.Second)
	tokens := make([]*tokenstore.Token, 100_000)
	for i := range tokens {
		expires := begin.Add(time.Duration(i%200-10) * 24 * time.Hour)
		tokens[i] = &tokenstore.Token{
			ID: fmt.Sprintf("tok_%016d", i), Name: fmt.Sprintf("agent %d of the fleet", i), User: fmt.Sprintf("user%d", i%50),
			IsActive: i%10 != 0, CreatedAt: begin.Add(-time.Duration(i) * time.Minute), UpdatedAt: begin, ExpiresAt: &expires,
			Groups: []string{}, Permissions: []string{"blog.view_article", fmt.Sprintf("app%d.change_thing", i%30)}, Audiences: []string{}, Version: 1,
			Credential: tokenstore.Credential{Key: fmt.Sprintf("%016d", i), Salt: strings.Repeat("s", 22), Hash: fmt.Sprintf("%064x", i)},
		}
	}
	s := open(b, tokens...)
	s.signIn("admin", "mcp_token.*")
	for _, path := range []string{
		"/tokens", "/tokens?sort=name", "/tokens?sort=-last_used_at", "/tokens?q=99", "/tokens?q=nothing", "/tokens?status=expired",
		"/tokens?unused_for=30d", "/tokens?permission=app7.change_thing", "/tokens?user=user7&sort=expires_at", "/access", "/tokens/new", "/check",
	} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				if got := s.get(path); got.status != 200 {
					b.Fatalf("status %d", got.status)
				}
			}
		})
	}
}
