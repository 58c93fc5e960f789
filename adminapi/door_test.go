package adminapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// through sends a creation through a door with this Actor.
func through(t *testing.T, g *gateway, ctx context.Context, actor func(*http.Request) (tokenstore.Actor, error)) (*httptest.ResponseRecorder, Problem) {
	t.Helper()
	api := &API{Service: func() (*tokenstore.Service, error) { return g.service, nil }, Actor: actor}
	r := httptest.NewRequestWithContext(ctx, "POST", "/tokens", strings.NewReader(`{"name": "x"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	api.Handler().ServeHTTP(w, r)
	var p Problem
	if w.Code >= 400 {
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
	}
	return w, p
}

func TestADoorChoosesItsRefusal(t *testing.T) {
	g := start(t)
	for what, c := range map[string]struct {
		actor  func(*http.Request) (tokenstore.Actor, error)
		status int
		code   string
	}{
		"no door":         {nil, 401, codeUnauthenticated},
		"nobody":          {func(*http.Request) (tokenstore.Actor, error) { return tokenstore.Actor{}, nil }, 403, codeForbidden},
		"an error":        {refuse(errors.New("secret detail")), 401, codeUnauthenticated},
		"a store is gone": {refuse(tokenstore.ErrClosed), 503, codeStoreUnavailable},
		"a refusal":       {refuse(&tokenstore.Refusal{Reason: tokenstore.ReasonMissing}), 401, codeUnauthenticated},
		"a store's":       {refuse(&tokenstore.Refusal{Reason: tokenstore.ReasonStore}), 503, codeStoreUnavailable},
		"its own problem": {refuse(&Problem{Status: 421, Code: "host_not_allowed", Detail: "Not here."}), 421, "host_not_allowed"},
	} {
		w, p := through(t, g, t.Context(), c.actor)
		if w.Code != c.status || p.Code != c.code || p.RequestID == "" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	if n := g.service.Stats().Total; n != 0 {
		t.Errorf("%d tokens were made", n)
	}
}

func refuse(err error) func(*http.Request) (tokenstore.Actor, error) {
	return func(*http.Request) (tokenstore.Actor, error) { return tokenstore.Actor{}, err }
}

func TestTheRequestIDOfADoorIsKept(t *testing.T) {
	g := start(t)
	w, _ := through(t, g, t.Context(), func(*http.Request) (tokenstore.Actor, error) {
		actor := local
		actor.RequestID = "from-the-door"
		return actor, nil
	})
	if w.Code != 201 || w.Header().Get("X-Request-Id") != "from-the-door" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// The context of a management token's request ends with the token.
func TestWhatATokenAskedForBeforeItEndedIsNotDoneAfterwards(t *testing.T) {
	g := start(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	w, p := through(t, g, ctx, func(*http.Request) (tokenstore.Actor, error) {
		cancel(&tokenstore.EndedError{Code: tokenstore.EndedRevoked})
		return local, nil
	})
	if w.Code != 401 || p.Code != codeUnauthenticated || g.service.Stats().Total != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
