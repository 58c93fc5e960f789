package adminapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

// BenchmarkList answers each list, search and filter with 100,000 tokens in the
// store; p50-ms is the median of one answer.
func BenchmarkList(b *testing.B) {
	handler := crowd(b, 100_000)
	for _, path := range []string{
		"/tokens", "/tokens?sort=name", "/tokens?sort=-last_used_at", "/tokens?limit=200&sort=expires_at",
		"/tokens?q=token+99999", "/tokens?q=e", "/tokens?q=nobody", "/tokens?status=expiring", "/tokens?status=disabled&sort=user",
		"/tokens?user=user7", "/tokens?group=group3", "/tokens?permission=blog.view_article", "/tokens?permission=app5.*",
		"/tokens?unused_for=30d", "/tokens?never_used=true", "/tokens?expiring_within=7d&sort=-expires_at",
		"/stats", "/permissions", "/groups", "/audit",
	} {
		b.Run(path, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				r, w := httptest.NewRequestWithContext(b.Context(), "GET", path, nil), httptest.NewRecorder()
				begin := time.Now()
				handler.ServeHTTP(w, r)
				times = append(times, time.Since(begin))
				if w.Code != http.StatusOK {
					b.Fatalf("%d: %s", w.Code, w.Body)
				}
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
		})
	}
}

// crowd is an API over n tokens in 20 groups.
func crowd(b *testing.B, n int) http.Handler {
	store, err := bolt.Open(filepath.Join(b.TempDir(), "db", "tokens.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().UTC()
	var change tokenstore.Change
	for i := range 20 {
		change.Groups = append(change.Groups, tokenstore.GroupChange{After: &tokenstore.Group{
			Name: fmt.Sprint("group", i), Permissions: []string{fmt.Sprintf("app%d.*", i)}, CreatedAt: now, UpdatedAt: now, Version: 1}})
	}
	credential := tokenstore.NewCredential(tokenstore.NewSecret())
	for i := range n {
		created := now.Add(-time.Duration(i) * time.Minute)
		credential.Key = fmt.Sprintf("%016d", i)
		token := &tokenstore.Token{
			ID: fmt.Sprintf("tok_%016d", i), Name: fmt.Sprintf("token %d", i), Description: "made for the benchmark",
			User: fmt.Sprint("user", i%1000), IsActive: i%50 != 0, CreatedAt: created, UpdatedAt: created, Version: 1,
			Groups: []string{fmt.Sprint("group", i%20)}, Permissions: []string{"blog.view_article"}, Credential: credential,
		}
		if i%3 != 0 {
			token.ExpiresAt = new(now.Add(time.Duration(i%90-5) * 24 * time.Hour))
		}
		change.Tokens = append(change.Tokens, tokenstore.TokenChange{After: token})
	}
	if err := store.Commit(b.Context(), change); err != nil {
		b.Fatal(err)
	}
	service, err := tokenstore.Open(b.Context(), store, tokenstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { service.Close() })
	api := &API{
		Service: func() (*tokenstore.Service, error) { return service, nil },
		Actor:   func(*http.Request) (tokenstore.Actor, error) { return local, nil },
	}
	return api.Handler()
}
