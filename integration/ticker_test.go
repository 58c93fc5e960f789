package integration

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ticker is an upstream whose answers are endless streams: /busy sends an event
// now and then, /idle only the first.
type ticker struct {
	url  string
	open atomic.Int64 // streams that have not ended
}

func newTicker(t testing.TB) *ticker {
	u := &ticker{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.open.Add(1)
		defer u.open.Add(-1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		event := func() {
			_, _ = io.WriteString(w, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n")
			_ = http.NewResponseController(w).Flush()
		}
		event()
		var tick <-chan time.Time
		if strings.HasSuffix(r.URL.Path, "/busy") {
			clock := time.NewTicker(250 * time.Millisecond)
			defer clock.Stop()
			tick = clock.C
		}
		for {
			select {
			case <-tick:
				event()
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	u.url = server.URL
	return u
}

// stream is one open answer, as its client sees it.
type stream struct {
	events atomic.Int64

	// Set when it has ended.
	done chan struct{}
	at   time.Time
	last string // the last line of data
}

// streams opens many streams, half of them idle, and returns when each has had
// its first event.
func streams(ctx context.Context, t testing.TB, g *gateway, client *http.Client, secret string, n int) []*stream {
	t.Helper()
	all, errs := make([]*stream, n), make([]error, n)
	var wg sync.WaitGroup
	room := make(chan struct{}, 64) // no more connections at once than a backlog holds
	for i := range all {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			path := []string{"/idle", "/busy"}[i%2]
			all[i], errs[i] = follow(ctx, client, g.url(path), secret)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		eventually(t, 20*time.Second, func() error {
			if s.events.Load() == 0 {
				return errors.New("a stream has no event")
			}
			return nil
		})
	}
	return all
}

// follow opens a stream and reads it to its end.
func follow(ctx context.Context, client *http.Client, url, secret string) (*stream, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	s := &stream{done: make(chan struct{})}
	go func() {
		defer resp.Body.Close()
		scanner := bufio.NewScanner(resp.Body)
		for scanner.Scan() {
			if data, ok := strings.CutPrefix(scanner.Text(), "data:"); ok {
				s.last = data
				s.events.Add(1)
			}
		}
		s.at = time.Now()
		close(s.done)
	}()
	return s, nil
}

// ended says whether s has ended by now.
func (s *stream) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// protocols are clients that speak one version of HTTP each, cleartext.
func protocols() map[string]func() *http.Client {
	return map[string]func() *http.Client{
		"HTTP1": func() *http.Client {
			return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
		},
		"HTTP2": func() *http.Client {
			only := new(http.Protocols)
			only.SetUnencryptedHTTP2(true)
			return &http.Client{Transport: &http.Transport{Protocols: only, TLSClientConfig: &tls.Config{}}}
		},
	}
}
