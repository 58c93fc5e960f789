package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// way is one way to the upstream: an address and a request, ready to be sent.
type way struct {
	name    string
	addr    string
	request []byte
}

// result is what one way achieved.
type result struct {
	took      time.Duration // measuring, not per request
	latencies []time.Duration
}

func (r *result) add(s result) {
	r.took += s.took
	r.latencies = append(r.latencies, s.latencies...)
	slices.Sort(r.latencies)
}

func (r result) rate() float64 { return float64(len(r.latencies)) / r.took.Seconds() }

func (r result) quantile(q float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[min(len(r.latencies)-1, int(q*float64(len(r.latencies))))].Round(time.Microsecond)
}

// measure sends a way's request from several connections, each as fast as it
// is answered.
func measure(ctx context.Context, w way, clients int, duration time.Duration) (result, error) {
	conns := make([]net.Conn, clients)
	for i := range conns {
		conn, err := net.Dial("tcp", w.addr)
		if err != nil {
			return result{}, err
		}
		defer conn.Close()
		conns[i] = conn
	}
	began := time.Now()
	end := began.Add(duration)
	all, errs := make([][]time.Duration, clients), make([]error, clients)
	var wg sync.WaitGroup
	for i, conn := range conns {
		wg.Go(func() {
			br := bufio.NewReader(conn)
			for errs[i] == nil && ctx.Err() == nil && time.Now().Before(end) {
				sent := time.Now()
				errs[i] = exchange(conn, br, w.request)
				all[i] = append(all[i], time.Since(sent))
			}
		})
	}
	wg.Wait()
	return result{time.Since(began), slices.Concat(all...)}, errors.Join(append(errs, ctx.Err())...)
}

// exchange sends one request and reads one answer, which must be a good one:
// a refusal is quicker, and would flatter.
func exchange(conn net.Conn, br *bufio.Reader, request []byte) error {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, body)
	}
	return err
}
