package caddymodule

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestEachTokenHasItsOwnRate(t *testing.T) {
	r := newRig(t, "{\n rate_limit 2/h\n}")
	_, one := r.token()
	_, two := r.token()
	_, own := r.newToken(tokenstore.NewToken{RateLimit: "3/h"})
	for secret, n := range map[string]int{one: 2, two: 2, own: 3} {
		for range n {
			r.want(r.get("/mcp", bearer(secret)), http.StatusOK, "")
		}
		a := r.post(`{"jsonrpc":"2.0","id":4,"method":"ping"}`, bearer(secret))
		r.want(a, http.StatusTooManyRequests, tokenstore.ReasonRateLimited)
		seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
		if err != nil || seconds < 1 || seconds > 1800 {
			t.Errorf("Retry-After: %s", a.Header.Get("Retry-After"))
		}
		if want := fmt.Sprintf(`"data":{"reason":"rate_limited","retry_after":%d}`, seconds); !strings.Contains(a.body, want) || !strings.Contains(a.body, `"id":4`) {
			t.Errorf("body %s", a.body)
		}
	}
}

func TestARateIsKeptWithinTwoPercentUnderManyClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b buckets
		var passed atomic.Int64
		var clients sync.WaitGroup
		for range 64 {
			clients.Go(func() {
				for range 1000 {
					if b.take("token", "600/m burst 10", time.Now()) == 0 {
						passed.Add(1)
					}
					time.Sleep(60 * time.Millisecond)
				}
			})
		}
		clients.Wait() // after one minute
		if n := passed.Load(); n < 598 || n > 622 {
			t.Errorf("%d passed, want 610", n)
		}
	})
}

func TestGuessingIsLimitedByAddressAndHurtsNobodyElse(t *testing.T) {
	r := newRig(t, "{\n auth_failure_limit 3/h\n}")
	record, good := r.token()
	_, expired := r.token()
	guess := func() answer { return r.get("/mcp", bearer("mcp_"+strings.Repeat("A", 16)+good[20:])) }
	for range 3 {
		r.want(guess(), http.StatusUnauthorized, tokenstore.ReasonUnknown)
	}
	a := guess()
	r.want(a, http.StatusTooManyRequests, tokenstore.ReasonRateLimited)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	r.want(r.get("/mcp", bearer(good[:21]+expired[21:])), http.StatusTooManyRequests, tokenstore.ReasonRateLimited)
	r.want(r.get("/mcp", bearer(good)), http.StatusOK, "")
	r.want(r.get("/mcp"), http.StatusUnauthorized, tokenstore.ReasonMissing)
	if _, err := r.service.SetActive(t.Context(), admin, record.ID, 0, false, ""); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		r.want(r.get("/mcp", bearer(good)), http.StatusUnauthorized, tokenstore.ReasonInactive)
	}
}

func TestAnIPv6ClientIsItsNetwork(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := network(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
}

func TestMemoryDoesNotGrowWithTheNumberOfAddresses(t *testing.T) {
	var b buckets
	const addresses = 1_000_000
	now, latest := time.Now(), strconv.Itoa(addresses-1)
	for i := range addresses {
		b.take(strconv.Itoa(i), "3/h", now)
	}
	if len(b.byKey) != maxBuckets || b.order.Len() != maxBuckets {
		t.Errorf("%d keys, %d buckets, want %d", len(b.byKey), b.order.Len(), maxBuckets)
	}
	for range 2 {
		b.take(latest, "3/h", now)
	}
	if b.take(latest, "3/h", now) == 0 {
		t.Error("the latest address has been forgotten")
	}
}

func TestATokenHasSoManyRequestsAtOnce(t *testing.T) {
	r := newRig(t, "{\n max_streams 2\n}")
	_, secret := r.token()
	_, other := r.token()
	inside, leave := make(chan struct{}, 3), make(chan struct{})
	r.upstream = func(http.ResponseWriter, *http.Request) error {
		inside <- struct{}{}
		<-leave
		return nil
	}
	var running sync.WaitGroup
	for _, s := range []string{secret, secret, other} {
		running.Go(func() { r.get("/mcp", bearer(s)) })
		<-inside
	}
	r.want(r.get("/mcp", bearer(secret)), http.StatusTooManyRequests, tokenstore.ReasonRateLimited)
	close(leave)
	running.Wait()
	r.want(r.get("/mcp", bearer(secret)), http.StatusOK, "")
	if n := len(r.app.opened.Load().streams.byKey); n != 0 {
		t.Errorf("%d tokens are still counted", n)
	}
}
