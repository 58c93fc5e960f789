package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// cases numbers raw requests, so that the upstream can tell them apart.
var cases atomic.Int64

func newCase() string { return strconv.FormatInt(cases.Add(1), 10) }

// crlf ends each line of a request head as HTTP does.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// get is a request for path with header lines, as text.
func get(path string, lines ...string) string {
	return crlf("GET "+path+" HTTP/1.1\nHost: gateway.test\n") + join(lines) + "\r\n"
}

// post is a JSON request for path with header lines, as text.
func post(path, body string, lines ...string) string {
	return crlf("POST "+path+" HTTP/1.1\nHost: gateway.test\nContent-Type: application/json\nContent-Length: "+strconv.Itoa(len(body))+"\n") +
		join(lines) + "\r\n" + body
}

func join(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	return b.String()
}

// raw sends bytes as they are and reads one response. A connection that is
// closed without one gives a reply with status 0.
func (g *gateway) raw(t tb, request string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", g.site)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// The gateway may answer, and close, before it has read all.
	go io.WriteString(conn, request)
	method, _, _ := strings.Cut(request, " ")
	br := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Fatalf("no answer to %.200q", request)
			}
			return answer{}
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode >= 200 {
			return answer{resp.StatusCode, resp.Header, body}
		}
	}
}

// refusal is how the gateway says no to a credential.
type refusal struct {
	status    int
	challenge string // the error attribute; "" for a challenge without one
}

var (
	missing   = refusal{http.StatusUnauthorized, ""}
	invalid   = refusal{http.StatusUnauthorized, "invalid_token"}
	malformed = refusal{http.StatusBadRequest, "invalid_request"}
	forbidden = refusal{http.StatusForbidden, ""}
)

// check says what is wrong with an answer that should be one of the refusals.
func (a answer) check(t tb, want ...refusal) {
	t.Helper()
	challenges := a.header.Values("WWW-Authenticate")
	if len(challenges) != 1 || !strings.HasPrefix(challenges[0], `Bearer realm="`) {
		t.Fatalf("status %d, challenge %q, body %.300q", a.status, challenges, a.body)
	}
	got := refusal{status: a.status}
	if _, rest, ok := strings.Cut(challenges[0], `error="`); ok {
		got.challenge, _, _ = strings.Cut(rest, `"`)
	}
	var ok bool
	for _, w := range want {
		ok = ok || w == got
	}
	if !ok {
		t.Fatalf("refused with %+v, want %+v; body %.300q", got, want, a.body)
	}
	a.says(t)
}

// says returns the message of a refusal: a JSON-RPC error, or what OAuth calls
// an error object where the request was no JSON-RPC.
func (a answer) says(t tb) string {
	t.Helper()
	var plain struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(a.body, &plain) != nil {
		_, _, message := a.rpcError(t)
		return message
	}
	if ct := a.header.Get("Content-Type"); ct != "application/json" || plain.Error == "" || plain.Description == "" {
		t.Fatalf("not an error object: %s, %.300q", ct, a.body)
	}
	return plain.Description
}

// rpcError checks that the body is one JSON-RPC error in words.
func (a answer) rpcError(t tb) (id json.RawMessage, code int, message string) {
	t.Helper()
	if ct := a.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type %q, want application/json", ct)
	}
	var body struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil || body.Error == nil || body.Error.Message == "" || body.JSONRPC != "2.0" {
		t.Fatalf("not a JSON-RPC error: %.300q", a.body)
	}
	if bytes.Equal(body.ID, []byte("null")) {
		t.Errorf("the id is null, which go-sdk clients end their connection over: %s", a.body)
	}
	return body.ID, body.Error.Code, body.Error.Message
}

// send adds a case's name to a raw request, sends it to g, and returns the
// answer and what of it reached the upstream.
func send(t tb, g *gateway, u *recorder, request string) (answer, []seen) {
	t.Helper()
	name := newCase()
	end := "\r\n"
	line, rest, ok := strings.Cut(request, "\r\n")
	if !ok {
		line, rest, end = firstLine(request)
	}
	a := g.raw(t, line+end+"X-Case: "+name+end+rest)
	return a, u.of(name)
}

// firstLine splits a request whose lines end in bare LF.
func firstLine(request string) (line, rest, end string) {
	line, rest, _ = strings.Cut(request, "\n")
	return line, rest, "\n"
}
