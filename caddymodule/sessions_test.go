package caddymodule

import (
	"net/http"
	"testing"

	"pgregory.net/rapid"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestASessionBelongsToTheTokenThatOpenedIt(t *testing.T) {
	r := newRig(t, "require a.b")
	record, own := r.token("a.b")
	_, other := r.token("a.b")
	r.upstream = func(w http.ResponseWriter, req *http.Request) error {
		w.Header().Set(sessionHeader, "up.1")
		return nil
	}
	ownID := r.get("/mcp", bearer(own)).Header.Get(sessionHeader)
	otherID := r.get("/mcp", bearer(other)).Header.Get(sessionHeader)
	if ownID == otherID || ownID == "up.1" {
		t.Fatalf("ids %q and %q", ownID, otherID)
	}
	_, rotated, err := r.service.RotateToken(t.Context(), admin, record.ID, 0, tokenstore.RotateOptions{Grace: 3600e9})
	if err != nil {
		t.Fatal(err)
	}
	credentials := map[string][]string{
		"same": {bearer(own)}, "rotated": {bearer(rotated.Reveal())}, "other": {bearer(other)}, "none": nil,
	}
	sessions := map[string]string{"own": ownID, "other's": otherID, "forged": "up.1.AAAAAAAAAAAAAAAAAAAAAA", "none": ""}
	want := map[string]map[string]int{
		"same":    {"own": 200, "other's": 404, "forged": 404, "none": 200},
		"rotated": {"own": 200, "other's": 404, "forged": 404, "none": 200},
		"other":   {"own": 404, "other's": 200, "forged": 404, "none": 200},
		"none":    {"own": 401, "other's": 401, "forged": 401, "none": 401},
	}
	for who, lines := range credentials {
		for which, id := range sessions {
			if id != "" {
				lines = append([]string{sessionHeader + ": " + id}, credentials[who]...)
			} else {
				lines = credentials[who]
			}
			a := r.get("/mcp", lines...)
			if a.StatusCode != want[who][which] {
				t.Errorf("token %s, session %s: %d, want %d", who, which, a.StatusCode, want[who][which])
			}
			if got := r.last().Header.Get(sessionHeader); a.StatusCode == 200 && id != "" && got != "up.1" {
				t.Errorf("token %s, session %s: the upstream got the id %q", who, which, got)
			}
		}
	}
	for _, lines := range [][]string{
		{bearer(own), sessionHeader + ": " + ownID, sessionHeader + ": " + ownID},
		{bearer(own), sessionHeader + ": " + ownID + "x"},
		{bearer(own), sessionHeader + ":"},
		{bearer(own), sessionHeader + ": up.1"},
		{bearer(own), sessionHeader + ": ."},
	} {
		r.want(r.get("/mcp", lines...), http.StatusNotFound, tokenstore.ReasonSession)
	}
}

func TestARefusedSessionIsAnsweredWithTheRequestsID(t *testing.T) {
	for _, directive := range []string{"require a.b", "{" + rules + "}"} {
		r := newRig(t, directive)
		_, secret := r.token("a.b")
		a := r.post(call("7", "ok"), bearer(secret), sessionHeader+": x.y")
		if want := `{"jsonrpc":"2.0","id":7,"error":{"code":404,"message":"There is no such session. Start one with initialize."}}`; a.body != want {
			t.Errorf("%s: body %s", directive, a.body)
		}
	}
}

func TestBindSessionsOffPassesIDsThrough(t *testing.T) {
	r := newRig(t, "{\n bind_sessions off\n}")
	_, secret := r.token()
	r.upstream = func(w http.ResponseWriter, req *http.Request) error {
		w.Header().Set(sessionHeader, req.Header.Get(sessionHeader))
		return nil
	}
	if a := r.get("/mcp", bearer(secret), sessionHeader+": any.thing"); a.Header.Get(sessionHeader) != "any.thing" {
		t.Errorf("came back as %q", a.Header.Get(sessionHeader))
	}
}

func TestOnlyTheBoundTokenUnbinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		id := rapid.StringMatching(`[!-~]{0,40}`).Draw(t, "id")
		token := rapid.StringMatching(`tok_[A-Za-z0-9_-]{16}`).Draw(t, "token")
		other := rapid.StringMatching(`tok_[A-Za-z0-9_-]{16}`).Draw(t, "other")
		bound := bindSession(key, token, id)
		if got, ok := unbindSession(key, token, bound); !ok || got != id {
			t.Fatalf("%q comes back as %q, %v", bound, got, ok)
		}
		if _, ok := unbindSession(key, other, bound); ok && other != token {
			t.Fatalf("%q is good for %s too", bound, other)
		}
	})
}
