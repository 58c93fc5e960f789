package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// seen is one request as it reached the upstream.
type seen struct {
	head   string // request line and headers, byte for byte
	method string
	target string // as in the request line
	header http.Header
	body   []byte
}

// recorder is an upstream that writes down every request, byte for byte: an
// http.Server would hide the spelling of headers. It answers each with an
// empty JSON-RPC result.
type recorder struct {
	url string

	mu   sync.Mutex
	seen map[string][]seen // by X-Case
}

// newRecorder starts a recorder; it lives as long as the listener.
func newRecorder() (*recorder, func() error, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	u := &recorder{url: "http://" + ln.Addr().String(), seen: map[string][]seen{}}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go u.serve(conn)
		}
	}()
	return u, ln.Close, nil
}

func (u *recorder) serve(conn net.Conn) {
	defer conn.Close()
	var raw bytes.Buffer
	br := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		head, _, _ := strings.Cut(raw.String(), "\r\n\r\n")
		raw.Reset()
		name := req.Header.Get("X-Case")
		u.mu.Lock()
		u.seen[name] = append(u.seen[name], seen{head, req.Method, req.RequestURI, req.Header, body})
		u.mu.Unlock()
		const result = `{"jsonrpc":"2.0","id":1,"result":{}}`
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Upstream: yes\r\nContent-Length: %d\r\n\r\n", len(result))
		if req.Method != http.MethodHead {
			io.WriteString(conn, result)
		}
	}
}

// of returns the requests that carried a case's name.
func (u *recorder) of(name string) []seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.seen[name])
}

// sites puts the address of u into a Caddyfile.
func (u *recorder) sites(text string) string {
	return strings.ReplaceAll(text, "{$UPSTREAM}", u.url)
}

// lines returns the header lines whose name, with _ and . read as -, is name:
// what a CGI or WSGI upstream would take for it.
func (s seen) lines(name string) []string {
	var found []string
	for line := range strings.SplitSeq(s.head, "\r\n") {
		key, _, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(strings.NewReplacer("_", "-", ".", "-").Replace(key), name) {
			found = append(found, line)
		}
	}
	return found
}
