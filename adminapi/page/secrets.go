package page

import (
	"sync"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// shownWithin is how long a new secret waits for the one page that shows it.
const shownWithin = time.Minute

// secrets holds each new secret between the POST that made it and the GET that
// shows it, which takes it out: a reload, the back button or a second tab finds
// nothing. Keyed by browser session and token, so that nobody else can fetch
// it.
type secrets struct {
	mu sync.Mutex
	m  map[secretKey]waiting
}

type secretKey struct{ cookie, tokenID string }

type waiting struct {
	secret tokenstore.Secret
	until  time.Time
}

func newSecrets() *secrets {
	return &secrets{m: make(map[secretKey]waiting)}
}

func (s *secrets) put(cookie, tokenID string, secret tokenstore.Secret, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, w := range s.m {
		if now.After(w.until) {
			delete(s.m, key)
		}
	}
	s.m[secretKey{cookie, tokenID}] = waiting{secret, now.Add(shownWithin)}
}

func (s *secrets) take(cookie, tokenID string, now time.Time) (tokenstore.Secret, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := secretKey{cookie, tokenID}
	w, ok := s.m[key]
	delete(s.m, key)
	return w.secret, ok && now.Before(w.until)
}
