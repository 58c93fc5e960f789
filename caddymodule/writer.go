package caddymodule

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/mcp"
)

// responseWriter ends a response when its token is taken away: before the
// header is sent the client gets the answer to a bad credential, after it the
// body ends, an event stream with an event that says why.
type responseWriter struct {
	*caddyhttp.ResponseWriterWrapper
	e *exchange

	mu       sync.Mutex
	sent     bool // the header is sent
	replaced bool // the answer is ours; the handler's is dropped
	events   bool // the body is a plain text/event-stream
	tail     tail
}

func newResponseWriter(e *exchange) *responseWriter {
	return &responseWriter{
		ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: e.w},
		e:                     e,
	}
}

// WriteHeader sends the header, unless the request has been ended by then. The
// proxy comes here with 499 when its context is cancelled.
func (w *responseWriter) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

func (w *responseWriter) writeHeader(status int) {
	if w.sent {
		return
	}
	if code := endedCode(w.e.session); code != "" {
		w.replace(code)
		return
	}
	if status >= 200 {
		w.sent = true
		h := w.Header()
		w.e.allowOrigin(h)
		w.events = strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/event-stream") && identityEncoded(h)
	}
	w.ResponseWriter.WriteHeader(status)
}

// replace answers in place of the handler.
func (w *responseWriter) replace(code string) {
	w.sent, w.replaced = true, true
	clear(w.Header())
	refused := ended(code)
	if m := w.e.message; m != nil {
		refused.id, refused.read = m.ID, true
	}
	refused.write(w.e)
}

// errReplaced stops a handler whose answer nobody will see.
var errReplaced = errors.New("the request has been ended")

// Write passes p on while the token is valid.
func (w *responseWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(http.StatusOK)
	if w.replaced {
		return 0, errReplaced
	}
	if endedCode(w.e.session) != "" {
		return 0, context.Cause(w.e.session.Context())
	}
	n, err := w.ResponseWriter.Write(p)
	if w.events {
		w.tail.add(p[:n])
	}
	return n, err
}

// ReadFrom keeps io.Copy from writing past Write.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, r)
}

// FlushError sends what was written. Flushing sends the header too.
func (w *responseWriter) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(http.StatusOK)
	if w.replaced {
		return errReplaced
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack fails: a connection taken over is one that no revocation ends.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

// finish runs when the handler has returned or panicked. It reports whether the
// client has been answered in its place.
func (w *responseWriter) finish() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	code := endedCode(w.e.session)
	switch {
	case code == "":
	case !w.sent:
		w.replace(code)
		_ = http.NewResponseController(w.ResponseWriter).Flush()
	case w.events && w.tail.atBoundary() && !w.replaced:
		w.lastEvent(code)
	}
	return w.replaced
}

// lastEvent says why the stream ends, so that a client need not take it for a
// network failure and come back.
func (w *responseWriter) lastEvent(code string) {
	f := ended(code)
	var id jsontext.Value
	if m := w.e.message; m != nil {
		id = m.ID
	}
	body := mcp.ErrorBody(id, f.status, f.text, map[string]string{"reason": code})
	_, _ = w.ResponseWriter.Write([]byte("event: message\ndata: " + string(body) + "\n\n"))
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// tail is the end of an event stream.
type tail struct {
	last [4]byte
	n    int
}

func (t *tail) add(p []byte) {
	if len(p) > len(t.last) {
		p = p[len(p)-len(t.last):]
		t.n = 0
	}
	keep := min(t.n, len(t.last)-len(p))
	copy(t.last[:], t.last[t.n-keep:t.n])
	t.n = keep + copy(t.last[keep:], p)
}

// atBoundary reports whether the stream has just ended an event, by an empty
// line; lines end in CR, LF or both.
func (t *tail) atBoundary() bool {
	rest, ok := cutLineEnd(string(t.last[:t.n]))
	if !ok {
		return t.n == 0
	}
	_, ok = cutLineEnd(rest)
	return ok || rest == ""
}

func cutLineEnd(s string) (string, bool) {
	for _, end := range [...]string{"\r\n", "\n", "\r"} {
		if rest, ok := strings.CutSuffix(s, end); ok {
			return rest, true
		}
	}
	return s, false
}

// Interface guards
var (
	_ http.ResponseWriter = (*responseWriter)(nil)
	_ io.ReaderFrom       = (*responseWriter)(nil)
	_ http.Hijacker       = (*responseWriter)(nil)
)
