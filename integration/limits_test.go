package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// limited is a site with a line of the directive.
func limited(upstream, line string) config {
	return site("mcp_token require blog.view_article {\n\t" + line + "\n}\n" + proxy(upstream))
}

// hammer calls from many connections for a while, and counts the statuses.
func hammer(t testing.TB, g *gateway, secret string, clients int, duration time.Duration) (accepted, refused int64, took time.Duration) {
	t.Helper()
	var yes, no, other atomic.Int64
	request := get("/", "Authorization: Bearer "+secret)
	var conns []net.Conn
	for range clients {
		conn, err := net.Dial("tcp", g.site)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(duration + 20*time.Second)); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	began := time.Now()
	var wg sync.WaitGroup
	for _, conn := range conns {
		wg.Go(func() {
			br := bufio.NewReader(conn)
			for time.Since(began) < duration {
				if _, err := io.WriteString(conn, request); err != nil {
					other.Add(1)
					return
				}
				resp, err := http.ReadResponse(br, nil)
				if err != nil {
					other.Add(1)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					yes.Add(1)
				case http.StatusTooManyRequests:
					no.Add(1)
				default:
					other.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if other.Load() > 0 {
		t.Errorf("%d requests had neither answer", other.Load())
	}
	return yes.Load(), no.Load(), time.Since(began)
}

func TestARateHoldsUnderManyClients(t *testing.T) {
	const clients, perSecond, burst = 64, 200, 50
	g := start(t, limited(newUpstream(t), fmt.Sprintf("rate_limit %d/s burst %d", perSecond, burst)))
	for name, test := range map[string]struct {
		limit any
		rate  float64
		burst float64
	}{
		"the route's":     {nil, perSecond, burst},
		"the token's own": {"6000/m burst 30", 100, 30},
	} {
		fields := object{"permissions": []string{"blog.view_article"}}
		if test.limit != nil {
			fields["rate_limit"] = test.limit
		}
		tok := g.newToken(t, fields)
		accepted, refused, took := hammer(t, g, tok.secret, clients, 5*time.Second)
		want := test.burst + test.rate*took.Seconds()
		t.Logf("%s: %d accepted, %d refused in %v; the limit allows %.0f", name, accepted, refused, took, want)
		if off := (float64(accepted) - want) / want; off > 0.02 || off < -0.02 {
			t.Errorf("%s: %d accepted, %.1f %% off", name, accepted, 100*off)
		}
		if refused == 0 {
			t.Errorf("%s: nothing was refused", name)
		}
	}
	// One token's hunger is not another's.
	status(t, g, "/", g.holder(t, "blog.view_article").secret, http.StatusOK)
}

func TestATokenAboveItsRateIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	g := start(t, limited(newUpstream(t), "rate_limit 2/m"))
	auth := "Authorization: " + g.holder(t, "blog.view_article").bearer()
	for range 2 {
		if a := g.raw(t, post("/", callOK, auth)); a.status != http.StatusOK {
			t.Fatalf("status %d", a.status)
		}
	}
	a := g.raw(t, post("/", callOK, auth))
	after, err := strconv.Atoi(a.header.Get("Retry-After"))
	if a.status != http.StatusTooManyRequests || err != nil || after < 1 || after > 30 {
		t.Fatalf("status %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	id, _, message := a.rpcError(t)
	if string(id) != "1" || !strings.Contains(message, strconv.Itoa(after)) {
		t.Errorf("id %s, message %q", id, message)
	}
}

func TestGuessingIsSlowedAndHonestClientsAreNot(t *testing.T) {
	t.Parallel()
	g := start(t, limited(newUpstream(t), "auth_failure_limit 5/m"))
	good := g.holder(t, "blog.view_article")
	disabled := g.holder(t, "blog.view_article")
	g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+disabled.ID+"/disable", object{})
	guess := "mcp_AAAAAAAAAAAAAAAA." + strings.Repeat("0", 43)

	// Known but useless tokens, and requests without one, trip nothing.
	for range 20 {
		status(t, g, "/", disabled.secret, http.StatusUnauthorized)
		if a := g.raw(t, get("/")); a.status != http.StatusUnauthorized {
			t.Fatalf("without a token: status %d", a.status)
		}
	}
	for range 5 {
		status(t, g, "/", guess, http.StatusUnauthorized)
	}
	for range 10 {
		a := g.raw(t, get("/", "Authorization: Bearer "+guess))
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Fatalf("a guess: status %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
		}
		status(t, g, "/", good.secret, http.StatusOK)
	}
}

func TestAnAudienceKeepsATokenToItsRoute(t *testing.T) {
	t.Parallel()
	upstream := newUpstream(t)
	g := start(t, limited(upstream, "audience blog"))
	for _, test := range []struct {
		audiences []string
		want      int
	}{
		{nil, http.StatusOK},
		{[]string{"blog"}, http.StatusOK},
		{[]string{"shop", "blog"}, http.StatusOK},
		{[]string{"shop"}, http.StatusUnauthorized},
		{[]string{"Blog"}, http.StatusUnauthorized},
	} {
		fields := object{"permissions": []string{"blog.view_article"}}
		if test.audiences != nil {
			fields["audiences"] = test.audiences
		}
		if got := g.statusOf(t, "/", g.newToken(t, fields).secret); got != test.want {
			t.Errorf("audiences %q: status %d, want %d", test.audiences, got, test.want)
		}
	}
}

func TestTheUpstreamGetsACredentialOfItsOwn(t *testing.T) {
	t.Parallel()
	upstream, closeUpstream, err := newRecorder()
	if err != nil {
		t.Fatal(err)
	}
	defer closeUpstream()
	g := start(t, limited(upstream.url, `upstream_authorization "Bearer of-the-upstream"`))
	tok := g.holder(t, "blog.view_article")
	_, reached := send(t, g, upstream, get("/", "Authorization: "+tok.bearer(), "Connection: authorization"))
	if len(reached) != 1 {
		t.Fatalf("%d requests upstream", len(reached))
	}
	if got := reached[0].header["Authorization"]; len(got) != 1 || got[0] != "Bearer of-the-upstream" {
		t.Errorf("the upstream got %q", got)
	}
}
