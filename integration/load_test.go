package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// newUpstream is an upstream that answers at once and remembers nothing.
func newUpstream(t testing.TB) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// load is a number of clients that call without pause.
type load struct {
	answered atomic.Int64
	dropped  atomic.Int64 // connections that were closed before a byte of an answer
	lost     atomic.Int64 // requests without an answer, for all that
	wrong    atomic.Int64 // answers of another status than the caller's

	mu    sync.Mutex
	first error // what was wrong or lost first

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// caller is who calls, and how each call must end.
type caller struct {
	secret string
	want   int

	last atomic.Int64 // when the last request that was accepted began, Unix ns
}

// call starts clients, one goroutine each, that take the callers in turn. Half
// of them make a new connection for each request.
func call(t testing.TB, url string, clients int, callers ...*caller) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{stop: cancel}
	for i := range clients {
		transport := &http.Transport{DisableKeepAlives: i%2 == 1}
		client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
		c := callers[(i/2)%len(callers)]
		l.wg.Go(func() {
			defer transport.CloseIdleConnections()
			for ctx.Err() == nil {
				l.one(client, url, c)
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

// one sends one request. It is not cancelled by the end of the load: every
// request that was begun is answered or lost.
func (l *load) one(client *http.Client, url string, c *caller) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		panic(err)
	}
	if c.secret != "" {
		req.Header.Set("Authorization", "Bearer "+c.secret)
	}
	began := time.Now().UnixNano()
	resp, err := client.Do(req)
	// Caddy may drop a new connection in the instant of a reload. A client then
	// tries again, and so does this one; how often is compared.
	for range 3 {
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
		l.dropped.Add(1)
		resp, err = client.Do(req)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	switch {
	case err != nil:
		l.lost.Add(1)
		l.note(err)
	case resp.StatusCode != c.want:
		l.wrong.Add(1)
		l.note(fmt.Errorf("status %d, want %d", resp.StatusCode, c.want))
	default:
		l.answered.Add(1)
		if c.want == http.StatusOK {
			c.last.Store(max(began, c.last.Load()))
		}
	}
}

func (l *load) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = err
	}
}

// end stops the clients and waits for what they began.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

func (l *load) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d answered, %d dropped and tried again, %d wrong, %d lost (first: %v)",
		l.answered.Load(), l.dropped.Load(), l.wrong.Load(), l.lost.Load(), l.first)
}

// reaches waits until the load was answered n more times.
func (l *load) reaches(t testing.TB, n int64) {
	t.Helper()
	target := l.answered.Load() + n
	eventually(t, 30*time.Second, func() error {
		if got := l.answered.Load(); got < target {
			return fmt.Errorf("%d of %d answers", got, target)
		}
		return nil
	})
}
