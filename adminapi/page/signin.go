package page

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Sign-ins that fail are refused beyond a rate. A secret has 256 bits, so this
// keeps the audit trail readable rather than the door shut; a right token
// passes always.
const (
	failuresPerSecond = 0.5
	failuresBurst     = 20
)

// visitor is a signed-in request: who asks, and what they may.
type visitor struct {
	service *tokenstore.Service
	actor   tokenstore.Actor
	cookie  string // the session's, to key what belongs to it alone
}

// screen answers a signed-in request.
type screen func(w http.ResponseWriter, r *http.Request, v *visitor)

var errNoManagement = errors.New("the token holds no management right")

// signedIn lets a request through to next if its session is alive and its
// token still good, and shows the sign-in form otherwise.
func (s *Site) signedIn(next screen) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		service, err := s.Service()
		if err != nil {
			s.unavailable(w, r)
			return
		}
		actor, ok := s.resume(service, r)
		if !ok {
			setCookie(w, r, "")
			s.render(w, r, http.StatusUnauthorized, "signin", signInScreen{frame: frame{Title: "Sign in"}, Error: s.lapsed(r)})
			return
		}
		cookie, _ := r.Cookie(cookieName(r))
		next(w, r, &visitor{service: service, actor: actor, cookie: cookie.Value})
	}
}

// resume returns the actor of a request's session.
func (s *Site) resume(service *tokenstore.Service, r *http.Request) (tokenstore.Actor, bool) {
	tokenID, key, ok := s.sessions.find(r, time.Now())
	if !ok {
		return tokenstore.Actor{}, false
	}
	seen, err := service.InspectToken(tokenID, s.caller(r))
	if err != nil || seen.Refusal != nil || !seen.Grants.HoldsManagement() || !proves(seen.Record, key) {
		s.sessions.close(r)
		return tokenstore.Actor{}, false
	}
	return s.actor(r, seen.Record.ID, seen.Record.Name, seen.Grants), true
}

// proves reports whether key is still a credential of the token: a session
// ends with the secret that opened it.
func proves(t tokenstore.Record, key string) bool {
	return t.Key == key || t.Rotation != nil && t.Rotation.PreviousKey == key && time.Now().Before(t.Rotation.ValidUntil)
}

func (s *Site) lapsed(r *http.Request) string {
	if _, err := r.Cookie(cookieName(r)); err == nil {
		return "Your session has ended. Sign in again."
	}
	return ""
}

func (s *Site) root(w http.ResponseWriter, r *http.Request) {
	s.signedIn(func(w http.ResponseWriter, r *http.Request, _ *visitor) {
		redirect(w, r, "tokens")
	})(w, r)
}

// signIn exchanges a management token, sent once in a form, for a session.
func (s *Site) signIn(w http.ResponseWriter, r *http.Request) {
	service, err := s.Service()
	if err != nil {
		s.unavailable(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	actor, key, err := s.prove(service, r, strings.TrimSpace(r.PostFormValue("token")))
	if err != nil {
		status, text := http.StatusUnauthorized, "This token is not accepted here."
		if errors.Is(err, errNoManagement) {
			status, text = http.StatusForbidden, "This token holds no management right, such as mcp_token.view_token."
		}
		if s.failures.Allow() {
			service.RecordAccess(r.Context(), actor, tokenstore.ActionSignIn, err.Error())
		} else {
			status, text = http.StatusTooManyRequests, "Too many failed sign-ins. Wait a minute."
			w.Header().Set("Retry-After", "60")
		}
		s.render(w, r, status, "signin", signInScreen{frame: frame{Title: "Sign in"}, Error: text})
		return
	}
	s.sessions.close(r)
	setCookie(w, r, s.sessions.open(actor.ID, key, time.Now()))
	service.RecordAccess(r.Context(), actor, tokenstore.ActionSignIn, "")
	redirect(w, r, "tokens")
}

// prove returns the actor behind a secret that may manage something. It counts
// as a use of the token.
func (s *Site) prove(service *tokenstore.Service, r *http.Request, text string) (tokenstore.Actor, string, error) {
	stranger := s.stranger(r)
	secret, err := tokenstore.ParseSecret(text)
	if err != nil {
		return stranger, "", &tokenstore.Refusal{Reason: tokenstore.ReasonMalformed}
	}
	session, err := service.Begin(r.Context(), secret, s.caller(r))
	if err != nil {
		if refusal, ok := errors.AsType[*tokenstore.Refusal](err); ok {
			stranger.ID, stranger.Name = refusal.TokenID, refusal.Name
		}
		return stranger, "", err
	}
	defer session.End()
	actor := s.actor(r, session.Token().ID, session.Token().Name, session.Grants())
	if !actor.Grants.HoldsManagement() {
		return actor, "", errNoManagement
	}
	return actor, secret.Key(), nil
}

func (s *Site) signOut(w http.ResponseWriter, r *http.Request, v *visitor) {
	s.sessions.close(r)
	setCookie(w, r, "")
	v.service.RecordAccess(r.Context(), v.actor, tokenstore.ActionSignOut, "")
	redirect(w, r, "")
}

// apiActor is who asks the API under api/: the session's token, or the token
// of a Bearer header.
func (s *Site) apiActor(r *http.Request) (tokenstore.Actor, error) {
	service, err := s.Service()
	if err != nil {
		return s.stranger(r), err
	}
	if lines := r.Header["Authorization"]; len(lines) == 1 {
		scheme, text, _ := strings.Cut(lines[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return s.stranger(r), errors.New("the scheme is not Bearer")
		}
		actor, _, err := s.prove(service, r, strings.TrimLeft(text, " "))
		return actor, err
	} else if len(lines) > 1 {
		return s.stranger(r), errors.New("more than one Authorization line")
	}
	if actor, ok := s.resume(service, r); ok {
		return actor, nil
	}
	return s.stranger(r), errors.New("no credential")
}

func (s *Site) actor(r *http.Request, id, name string, grants *tokenstore.Grants) tokenstore.Actor {
	actor := s.stranger(r)
	actor.ID, actor.Name, actor.Grants = id, name, grants
	return actor
}

// stranger is an actor without rights: what the audit trail shows of somebody
// who has not proven anything.
func (s *Site) stranger(r *http.Request) tokenstore.Actor {
	return tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorToken, IP: s.ClientAddr(r).String()}}
}

func (s *Site) caller(r *http.Request) tokenstore.Caller {
	return tokenstore.Caller{Addr: s.ClientAddr(r), Method: r.Method, Path: r.URL.Path}
}

func newFailures() *rate.Limiter { return rate.NewLimiter(failuresPerSecond, failuresBurst) }

type signInScreen struct {
	frame
	Error string
}
