package page

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

// A session ends after idleTimeout without a request, and after maxSession in
// any case; it ends earlier with the token that opened it.
const (
	idleTimeout = 30 * time.Minute
	maxSession  = 12 * time.Hour
)

// maxSessions bounds the memory that sign-ins can take. The one idle longest
// gives way.
const maxSessions = 1000

// session is one signed-in browser. It names the credential that opened it and
// holds no secret.
type session struct {
	tokenID, key string
	opened, seen time.Time
}

// sessions maps the SHA-256 of a cookie to its session, so that a dump of the
// memory holds no cookie. They do not survive a restart.
type sessions struct {
	mu sync.Mutex
	m  map[[sha256.Size]byte]*session
}

func newSessions() *sessions {
	return &sessions{m: make(map[[sha256.Size]byte]*session)}
}

// open starts a session for a credential that has just been proven, and
// returns its cookie's value: always a new one, so that a value planted before
// the sign-in is worth nothing (session fixation).
func (s *sessions) open(tokenID, key string, now time.Time) string {
	value := base64.RawURLEncoding.EncodeToString(random32())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	if len(s.m) >= maxSessions {
		s.dropIdlest()
	}
	s.m[sha256.Sum256([]byte(value))] = &session{tokenID: tokenID, key: key, opened: now, seen: now}
	return value
}

// find returns the session of a request, and counts it as seen.
func (s *sessions) find(r *http.Request, now time.Time) (tokenID, key string, ok bool) {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return "", "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.m[sha256.Sum256([]byte(cookie.Value))]
	if found == nil || found.over(now) {
		return "", "", false
	}
	found.seen = now
	return found.tokenID, found.key, true
}

func (s *sessions) close(r *http.Request) {
	if cookie, err := r.Cookie(cookieName(r)); err == nil {
		s.mu.Lock()
		delete(s.m, sha256.Sum256([]byte(cookie.Value)))
		s.mu.Unlock()
	}
}

func (s *sessions) sweep(now time.Time) {
	for id, found := range s.m {
		if found.over(now) {
			delete(s.m, id)
		}
	}
}

func (s *sessions) dropIdlest() {
	var idlest [sha256.Size]byte
	var since time.Time
	for id, found := range s.m {
		if since.IsZero() || found.seen.Before(since) {
			idlest, since = id, found.seen
		}
	}
	delete(s.m, idlest)
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.seen) >= idleTimeout || now.Sub(s.opened) >= maxSession
}

// cookieName carries the __Host- prefix where a browser accepts it: over TLS.
func cookieName(r *http.Request) string {
	if r.TLS != nil {
		return "__Host-mcp_token_session"
	}
	return "mcp_token_session"
}

func setCookie(w http.ResponseWriter, r *http.Request, value string) {
	cookie := &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/",
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
		MaxAge: int(maxSession.Seconds()),
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

func random32() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}
