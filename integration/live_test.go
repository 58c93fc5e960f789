package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// streaming is a guarded site that also speaks HTTP/2 in the clear.
func streaming(upstream string, generation int) config {
	c := guarded(upstream, generation)
	c.global = "servers {\n\tprotocols h1 h2c\n}\n"
	return c
}

// many is how many streams the largest test opens on each of its tokens.
func many() int {
	if raceBinary {
		return 100
	}
	return 500
}

func TestRevocationEndsEveryStreamOfTheTokenAndNoOther(t *testing.T) {
	upstream := newTicker(t)
	g := start(t, streaming(upstream.url, 0))
	generation := 0
	for _, way := range []struct {
		name   string
		n      int
		reason string
		// revoke takes what the streams need, and returns when that was answered.
		revoke func(t *testing.T, tok token, group string) time.Time
	}{
		{"disable", many(), "credential_revoked", func(t *testing.T, tok token, _ string) time.Time {
			g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+tok.ID+"/disable", object{"reason": "lost"})
			return time.Now()
		}},
		{"delete", 20, "credential_revoked", func(t *testing.T, tok token, _ string) time.Time {
			g.admin(t, http.StatusNoContent, http.MethodDelete, "/tokens/"+tok.ID, nil)
			return time.Now()
		}},
		{"rotate", 20, "credential_revoked", func(t *testing.T, tok token, _ string) time.Time {
			created(t, g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+tok.ID+"/rotate", object{}))
			return time.Now()
		}},
		{"the command line", many(), "credential_revoked", func(t *testing.T, tok token, _ string) time.Time {
			if out := command(t, g.Home(), "mcp-token", "disable", tok.ID, "--address", g.Admin); out.code != 0 {
				t.Fatalf("code %d: %s", out.code, out.stderr)
			}
			return time.Now()
		}},
		{"expiry", many(), "credential_expired", func(t *testing.T, tok token, _ string) time.Time {
			expiry := time.Now().Add(2 * time.Second).Truncate(time.Second)
			g.patch(t, tok, object{"expires_at": expiry.UTC().Format(time.RFC3339)})
			return expiry
		}},
		{"a group's edit", many(), "permission_changed", func(t *testing.T, _ token, group string) time.Time {
			g.patchGroup(t, group, object{"permissions": []string{}})
			return time.Now()
		}},
		{"a group's end", 20, "permission_changed", func(t *testing.T, _ token, group string) time.Time {
			g.admin(t, http.StatusNoContent, http.MethodDelete, "/groups/"+group, nil)
			return time.Now()
		}},
		{"leaving the group", 20, "permission_changed", func(t *testing.T, tok token, _ string) time.Time {
			g.patch(t, tok, object{"groups": []string{}})
			return time.Now()
		}},
		{"other addresses", 20, "credential_revoked", func(t *testing.T, tok token, _ string) time.Time {
			g.patch(t, tok, object{"allowed_cidrs": []string{netip.MustParsePrefix("192.0.2.0/24").String()}})
			return time.Now()
		}},
		{"after two reloads", many(), "credential_revoked", func(t *testing.T, tok token, _ string) time.Time {
			for range 2 {
				generation++
				g.reload(t, streaming(upstream.url, generation))
			}
			g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+tok.ID+"/disable", object{})
			return time.Now()
		}},
	} {
		for protocol, client := range protocols() {
			t.Run(way.name+" over "+protocol, func(t *testing.T) {
				// What else the machine does can only add to the times, so the
				// best of three counts; that the right streams end counts always.
				var p99, last time.Duration
				for range 3 {
					client := client()
					p99, last = revocation{g, upstream, way.revoke, way.reason}.run(t, client, way.n)
					client.CloseIdleConnections()
					if p99 <= 100*time.Millisecond*slow && last <= time.Second*slow {
						return
					}
				}
				t.Errorf("99 %% ended within %v, the last after %v", p99, last)
			})
		}
	}
}

// revocation is one way to take a token away from its streams.
type revocation struct {
	g        *gateway
	upstream *ticker
	revoke   func(t *testing.T, tok token, group string) time.Time
	reason   string
}

// run opens n streams on each of two tokens and takes one away. It returns how
// long after the answer its streams ended, 99 % of them and all.
func (r revocation) run(t *testing.T, client *http.Client, n int) (p99, last time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	group := r.g.newGroup(t, "blog.view_article")
	revoked := r.g.newToken(t, object{"groups": []string{group}})
	other := r.g.holder(t, "blog.view_article")
	doomed := streams(ctx, t, r.g, client, revoked.secret, n)
	kept := streams(ctx, t, r.g, client, other.secret, n)

	answered := r.revoke(t, revoked, group)
	var took []time.Duration
	for _, s := range doomed {
		within(t, 10*time.Second, "the end of a stream", s.done)
		took = append(took, s.at.Sub(answered))
		if !strings.Contains(s.last, r.reason) {
			t.Fatalf("a stream ended on %q, which does not say %s", s.last, r.reason)
		}
	}
	// The other token's are open, and the busy ones move on.
	had := make([]int64, n)
	for i, s := range kept {
		had[i] = s.events.Load()
	}
	for i, s := range kept {
		eventually(t, 5*time.Second, func() error {
			if i%2 == 1 && s.events.Load() == had[i] {
				return errors.New("a stream of the other token stands still")
			}
			return nil
		})
		if s.ended() {
			t.Fatalf("a stream of the other token ended, on %q", s.last)
		}
	}
	cancel()
	eventually(t, 10*time.Second, func() error {
		if n := r.upstream.open.Load(); n != 0 {
			return fmt.Errorf("%d streams are open upstream", n)
		}
		if n := r.g.metrics(t).sum("caddy_mcp_token_live_requests"); n != 0 {
			return fmt.Errorf("%v requests live", n)
		}
		return nil
	})
	slices.Sort(took)
	p99, last = took[n*99/100-1], took[n-1]
	t.Logf("%d streams ended, the median %v after the answer, 99 %% within %v, the last after %v", n, took[n/2], p99, last)
	return p99, last
}

// slow is by how much a binary with the race detector may be slower.
const slow = 1 + 9*raceFactor

func TestEndedStreamsLeaveNothingBehind(t *testing.T) {
	upstream := newTicker(t)
	g := start(t, streaming(upstream.url, 0))
	round := func() {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		client := protocols()["HTTP1"]()
		defer client.CloseIdleConnections()
		tok := g.holder(t, "blog.view_article")
		all := streams(ctx, t, g, client, tok.secret, 100)
		g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+tok.ID+"/disable", object{})
		for _, s := range all {
			within(t, 10*time.Second, "the end of a stream", s.done)
		}
	}
	round() // the first opens what stays: idle connections, timers
	settled := func() float64 {
		var least float64
		eventually(t, 20*time.Second, func() error {
			now := g.metrics(t).sum("go_goroutines")
			if least == 0 || now < least {
				least = now
				return errors.New("goroutines are still ending")
			}
			return nil
		})
		return least
	}
	before := settled()
	for range 3 {
		round()
	}
	eventually(t, 20*time.Second, func() error {
		if now := g.metrics(t).sum("go_goroutines"); now > before+10 {
			return fmt.Errorf("%v goroutines, there were %v", now, before)
		}
		return nil
	})
}

func TestNoStreamSurvivesARevocationThatItRaces(t *testing.T) {
	t.Parallel()
	upstream := newTicker(t)
	g := start(t, streaming(upstream.url, 0))
	client := protocols()["HTTP1"]()
	defer client.CloseIdleConnections()
	for range 100 {
		tok := g.holder(t, "blog.view_article")
		var mu sync.Mutex
		var opened []*stream
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if s, err := follow(t.Context(), client, g.url("/idle"), tok.secret); err == nil {
					mu.Lock()
					defer mu.Unlock()
					opened = append(opened, s)
				}
			})
		}
		g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+tok.ID+"/disable", object{})
		wg.Wait()
		for _, s := range opened {
			within(t, 5*time.Second, "the end of a stream that raced its revocation", s.done)
		}
	}
}

func TestLiveRequestsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	upstream := newTicker(t)
	g := start(t, streaming(upstream.url, 0))
	tok := g.holder(t, "blog.view_article")
	client := protocols()["HTTP1"]()
	defer client.CloseIdleConnections()
	all := streams(t.Context(), t, g, client, tok.secret, 6)
	if n := g.metrics(t).sum("caddy_mcp_token_live_requests"); n != 6 {
		t.Errorf("%v live requests are counted, want 6", n)
	}
	var live struct {
		Items []struct {
			ID     string    `json:"id"`
			Since  time.Time `json:"since"`
			Method string    `json:"method"`
		} `json:"items"`
	}
	g.admin(t, http.StatusOK, http.MethodGet, "/tokens/"+tok.ID+"/requests", nil).into(t, &live)
	if len(live.Items) != 6 || live.Items[0].ID == "" || time.Since(live.Items[0].Since) > time.Minute || live.Items[0].Method != http.MethodGet {
		t.Fatalf("%+v", live)
	}
	g.admin(t, http.StatusOK, http.MethodDelete, "/tokens/"+tok.ID+"/requests", nil)
	for _, s := range all {
		within(t, 5*time.Second, "the end of a stream", s.done)
		if !strings.Contains(s.last, "ended_by_operator") {
			t.Errorf("a stream ended on %q", s.last)
		}
	}
	// The token itself is as good as before.
	streams(t.Context(), t, g, client, tok.secret, 1)
}

func TestAnOpenStreamDoesNotHoldUpTheExit(t *testing.T) {
	t.Parallel()
	upstream := newTicker(t)
	g := start(t, streaming(upstream.url, 0))
	client := protocols()["HTTP1"]()
	defer client.CloseIdleConnections()
	all := streams(t.Context(), t, g, client, g.holder(t, "blog.view_article").secret, 2)
	began := time.Now()
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 4*time.Second { // the grace period is 1 s
		t.Errorf("the exit took %v", took)
	}
	for _, s := range all {
		within(t, time.Second, "the end of a stream", s.done)
	}
	if conn, err := net.Dial("tcp", g.site); err == nil {
		conn.Close()
		t.Error("somebody still listens")
	}
}
