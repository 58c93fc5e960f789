package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// newScripted is an upstream that a test writes itself.
func newScripted(t testing.TB, handler http.HandlerFunc) string {
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// open sends a request whose answer is a stream; it ends with ctx.
func (g *gateway) open(ctx context.Context, t tb, method, path, secret, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, g.url(path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

const callOK = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok"}}`

func TestAClientThatGoesAwayCancelsTheUpstream(t *testing.T) {
	t.Parallel()
	arrived, cancelled := make(chan struct{}, 1), make(chan time.Time, 1)
	upstream := newScripted(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/streaming" {
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done()
		cancelled <- time.Now()
	})
	for name, c := range map[string]config{"a token check": guarded(upstream, 0), "rules": ruled(upstream, "")} {
		g := start(t, c)
		tok := g.holder(t, "blog.view_article")
		// One that has left is not asked again: a connection for each call.
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for _, path := range []string{"/waiting", "/streaming"} {
			// Half of the times may be due to what else the machine does.
			var times []time.Duration
			for range 7 {
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					req, _ := http.NewRequestWithContext(ctx, http.MethodPost, g.url(path), strings.NewReader(callOK))
					req.Header.Set("Authorization", tok.bearer())
					req.Header.Set("Content-Type", "application/json")
					resp, err := client.Do(req)
					if err != nil {
						if ctx.Err() == nil {
							t.Error(err)
						}
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}()
				within(t, 10*time.Second, "the call upstream", arrived)
				left := time.Now()
				cancel()
				times = append(times, within(t, 10*time.Second, "the end of the call upstream", cancelled).Sub(left))
			}
			slices.Sort(times)
			if median := times[len(times)/2]; median > 100*time.Millisecond {
				t.Errorf("%s, %s: the upstream heard of it after %v at the median", name, path, median)
			}
		}
	}
}

func TestEventsPassAtOnce(t *testing.T) {
	t.Parallel()
	// The upstream sends the next event only when the one before has arrived:
	// a buffer anywhere would stop the test.
	const events = 200
	next := make(chan struct{}, 1)
	upstream := newScripted(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for range events {
			fmt.Fprintf(w, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"%d\"}}\n\n", time.Now().UnixNano())
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	})
	median := func(c config, method string, named func(g *gateway) string) time.Duration {
		g := start(t, c)
		resp := g.open(t.Context(), t, method, "/", named(g), callOK)
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d", resp.StatusCode)
		}
		var delays []time.Duration
		scanner := bufio.NewScanner(resp.Body)
		for scanner.Scan() {
			_, rest, ok := strings.Cut(scanner.Text(), `"data":"`)
			if !ok {
				continue
			}
			sent, err := strconv.ParseInt(rest[:strings.IndexByte(rest, '"')], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			delays = append(delays, time.Duration(time.Now().UnixNano()-sent))
			next <- struct{}{}
		}
		if len(delays) != events {
			t.Fatalf("%d events, want %d: %v", len(delays), events, scanner.Err())
		}
		slices.Sort(delays)
		return delays[events/2]
	}
	nobody := func(*gateway) string { return "" }
	holder := func(g *gateway) string { return g.holder(t, "blog.view_article").secret }
	base := median(plain(upstream, 0), http.MethodPost, nobody)
	for name, c := range map[string]config{"a token check": guarded(upstream, 0), "rules": ruled(upstream, "")} {
		got := median(c, http.MethodPost, holder)
		t.Logf("an event takes %v at the median through plain Caddy, %v through %s", base, got, name)
		if got-base > 5*time.Millisecond {
			t.Errorf("%s adds %v to an event", name, got-base)
		}
	}
}
