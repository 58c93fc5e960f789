package integration

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`

// acceptBoth is what a server of the older protocol wants of every POST.
const acceptBoth = "Accept: application/json, text/event-stream"

// openSession initializes a session with a token and returns its id.
func openSession(t tb, g *gateway, tok token) string {
	t.Helper()
	a := g.raw(t, post("/mcp", initialize, "Authorization: "+tok.bearer(), acceptBoth))
	id := a.header.Get("Mcp-Session-Id")
	if a.status != http.StatusOK || id == "" {
		t.Fatalf("initialize: status %d, session %q, %s", a.status, id, a.body)
	}
	ready := post("/mcp", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, "Authorization: "+tok.bearer(), acceptBoth, "Mcp-Session-Id: "+id)
	if a := g.raw(t, ready); a.status != http.StatusAccepted {
		t.Fatalf("initialized: status %d, %s", a.status, a.body)
	}
	return id
}

func TestASessionBelongsToItsToken(t *testing.T) {
	t.Parallel()
	server := newMCPServer(t, legacyEra)
	g := start(t, guarded(server.url, 0))
	owner, other := g.holder(t, "blog.view_article"), g.holder(t, "blog.view_article")
	own, others := openSession(t, g, owner), openSession(t, g, other)
	rotated := created(t, g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+owner.ID+"/rotate", object{"grace": "1h"}))

	forged := own[:len(own)-1] + string(own[len(own)-1]^1)
	naked, _, _ := strings.Cut(own, ".") // the upstream's own id, without what binds it
	swapped := naked + others[strings.LastIndexByte(others, '.'):]
	for who, secret := range map[string]string{"the owner": owner.secret, "the owner, rotated": rotated.secret, "another token": other.secret, "no token": ""} {
		for what, id := range map[string]string{"own": own, "the other's": others, "forged": forged, "none": "", "naked": naked, "swapped": swapped} {
			want := http.StatusNotFound
			switch isOwner := strings.HasPrefix(who, "the owner"); {
			case secret == "":
				want = http.StatusUnauthorized
			case what == "none", isOwner && what == "own", !isOwner && what == "the other's":
				want = http.StatusOK // without one the upstream is asked, and answers with an error of its own
			}
			lines := []string{acceptBoth, "Mcp-Protocol-Version: " + legacyEra}
			if secret != "" {
				lines = append(lines, "Authorization: Bearer "+secret)
			}
			if id != "" {
				lines = append(lines, "Mcp-Session-Id: "+id)
			}
			before := server.count("ok")
			a := g.raw(t, post("/mcp", callOK, lines...))
			if a.status != want {
				t.Errorf("%s with session %s: status %d, want %d: %.200s", who, what, a.status, want, a.body)
			}
			if ran := server.count("ok") - before; (ran == 1) != (want == http.StatusOK && what != "none") {
				t.Errorf("%s with session %s: ran %d times", who, what, ran)
			}
			if want == http.StatusNotFound {
				if id, _, _ := a.rpcError(t); string(id) != "1" {
					t.Errorf("%s with session %s: id %s", who, what, id)
				}
			}
		}
	}
	// Nor may another token end it, or listen in.
	for _, method := range []string{"DELETE", "GET"} {
		a := g.raw(t, method+strings.TrimPrefix(get("/mcp", "Authorization: "+other.bearer(), "Accept: text/event-stream", "Mcp-Session-Id: "+own), "GET"))
		if a.status != http.StatusNotFound {
			t.Errorf("%s of another's session: status %d", method, a.status)
		}
	}
	for _, lines := range [][]string{
		{"Mcp-Session-Id: " + own, "Mcp-Session-Id: " + others}, {"Mcp-Session-Id: " + others, "mcp-session-id: " + own},
	} {
		before := server.count("ok")
		if a := g.raw(t, post("/mcp", callOK, append(lines, "Authorization: "+owner.bearer(), acceptBoth)...)); a.status/100 == 2 || server.count("ok") != before {
			t.Errorf("%q: status %d", lines[0][:14], a.status)
		}
	}
}

func TestUnboundSessionsPassAsTheyAre(t *testing.T) {
	t.Parallel()
	server := newMCPServer(t, legacyEra)
	g := start(t, site("mcp_token require blog.view_article {\n\tbind_sessions off\n}\n"+proxy(server.url)))
	owner, other := g.holder(t, "blog.view_article"), g.holder(t, "blog.view_article")
	id := openSession(t, g, owner)
	if a := g.raw(t, post("/mcp", callOK, "Authorization: "+other.bearer(), acceptBoth, "Mcp-Session-Id: "+id)); a.status != http.StatusOK {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

// changing is a transport whose bearer can change while it is in use.
type changing struct{ secret *atomic.Pointer[string] }

func (c changing) RoundTrip(r *http.Request) (*http.Response, error) {
	return withBearer{*c.secret.Load()}.RoundTrip(r)
}

func TestASessionSurvivesRotationAndRestart(t *testing.T) {
	t.Parallel()
	server := newMCPServer(t, legacyEra)
	g := start(t, guarded(server.url, 0))
	tok := g.holder(t, "blog.view_article")
	var secret atomic.Pointer[string]
	secret.Store(&tok.secret)
	client := mcp.NewClient(&mcp.Implementation{Name: "test client", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: g.url("/mcp"), HTTPClient: &http.Client{Transport: changing{&secret}}, MaxRetries: 50,
	}, &mcp.ClientSessionOptions{ProtocolVersion: legacyEra})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	works := func(when string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "ok"}); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	works("at first")
	rotated := created(t, g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+tok.ID+"/rotate", object{"grace": "1h"}))
	works("with the old secret, in its grace")
	secret.Store(&rotated.secret)
	works("with the new secret")
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g.restart(t)
	works("after a restart")
}

func TestRotationAtLoadFailsNoRequest(t *testing.T) {
	const clients, pace = 25, 50 * time.Millisecond // 500 requests a second in all
	g := start(t, guarded(newUpstream(t), 0))
	tok := g.holder(t, "blog.view_article")
	var current atomic.Pointer[string]
	current.Store(&tok.secret)
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{stop: cancel}
	defer l.end()
	for i := range clients {
		c := &caller{secret: tok.secret, want: http.StatusOK}
		client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
		l.wg.Go(func() {
			defer client.CloseIdleConnections()
			clock := time.NewTicker(pace)
			defer clock.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				if n%clients == i { // each switches in its own time
					c.secret = *current.Load()
				}
				l.one(client, g.url("/"), c)
				<-clock.C
			}
		})
	}
	l.reaches(t, 250)
	const grace = 6 * time.Second
	rotated := created(t, g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+tok.ID+"/rotate", object{"grace": "6s"}))
	end := time.Now().Add(grace)
	current.Store(&rotated.secret)
	l.reaches(t, 1250)
	l.end()
	t.Log(l)
	if l.wrong.Load()+l.lost.Load() > 0 {
		t.Errorf("rotation under load: %v", l)
	}

	eventually(t, time.Until(end)+3*time.Second, func() error {
		switch got := g.statusOf(t, "/", tok.secret); {
		case got == http.StatusUnauthorized && time.Now().Before(end.Add(-time.Second)):
			t.Fatal("refused before the end of the grace")
		case got != http.StatusUnauthorized:
			return errors.New("the old secret is still accepted")
		}
		return nil
	})
	status(t, g, "/", rotated.secret, http.StatusOK)
	// The 401 above may be the end of a request that began within the grace.
	status(t, g, "/", tok.secret, http.StatusUnauthorized)
	var record struct {
		Rotation *struct {
			PreviousKey string     `json:"previous_key"`
			LastUsedAt  *time.Time `json:"last_used_at"`
		} `json:"rotation"`
	}
	g.admin(t, http.StatusOK, http.MethodGet, "/tokens/"+tok.ID, nil).into(t, &record)
	if r := record.Rotation; r == nil || r.PreviousKey != tok.Key || r.LastUsedAt == nil || r.LastUsedAt.After(end) {
		t.Errorf("the rotation is told as %+v", r)
	}
	var audit struct {
		Items []struct{ Action string }
	}
	g.admin(t, http.StatusOK, http.MethodGet, "/audit?action=token.stale_credential_used&target="+tok.ID, nil).into(t, &audit)
	if len(audit.Items) == 0 {
		t.Error("the use of the old secret after its grace is not in the audit trail")
	}
}

func TestARotationCanBeFinishedEarly(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	rotated := created(t, f.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+tok.ID+"/rotate", object{"grace": "24h"}))
	f.wants(t, "the old secret in its grace", tok.secret, http.StatusOK)
	f.wants(t, "the new secret", rotated.secret, http.StatusOK)
	f.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+tok.ID+"/rotate/finish", nil)
	f.wants(t, "the old secret", tok.secret, http.StatusUnauthorized)
	f.wants(t, "the new secret", rotated.secret, http.StatusOK)
}

func TestOnlyTheClientsWhoseRightsChangedAreTold(t *testing.T) {
	t.Parallel()
	server := newMCPServer(t, legacyEra)
	g := start(t, ruled(server.url, ""))
	type listener struct {
		tok   token
		heard atomic.Int64
	}
	all := []*listener{{tok: g.holder(t)}, {tok: g.holder(t)}}
	for _, l := range all {
		session := mustConnect(t, g.url("/mcp"), l.tok.secret, legacyEra, &mcp.ClientOptions{
			ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) { l.heard.Add(1) },
		})
		if _, err := session.ListTools(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, l := range all {
		// The stream that notices come by may be on its way still.
		eventually(t, 10*time.Second, func() error {
			if l.heard.Load() > 0 {
				return nil
			}
			g.patch(t, l.tok, object{"permissions": []string{"app.secret"}})
			g.patch(t, l.tok, object{"permissions": []string{}})
			return errors.New("a client was not told that its rights changed")
		})
		for _, other := range all[i+1:] {
			if n := other.heard.Load(); n != 0 {
				t.Errorf("a client whose rights did not change was told %d times", n)
			}
		}
	}
}
