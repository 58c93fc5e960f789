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
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

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
	pending  []byte      // events of ours that wait for the upstream's to end
	unwatch  func() bool // nil unless an event stream is watched

	deadline sync.Mutex // guards finished, while w.mu may wait for the client
	finished bool
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
		w.e.ownHeader(h)
		w.events = strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/event-stream") && identityEncoded(h)
	}
	w.ResponseWriter.WriteHeader(status)
	if w.events {
		w.watch()
	}
}

// maxLastWrite is how long a client that does not read can keep a stream that
// has been ended.
const maxLastWrite = time.Second

// watch minds an event stream, which may be open for hours.
func (w *responseWriter) watch() {
	session := w.e.session
	w.unwatch = context.AfterFunc(session.Context(), func() {
		if endedCode(session) == "" {
			return
		}
		w.deadline.Lock()
		defer w.deadline.Unlock()
		if !w.finished {
			_ = connection(w.ResponseWriter).SetWriteDeadline(time.Now().Add(maxLastWrite))
		}
	})
	if w.e.changes != nil {
		w.e.changes.announce(w, w.e.listChanges())
	}
}

// connection is the server's own writer below all wrappers: its deadline may be
// set while another goroutine writes, which those of wrappers may not.
func connection(w http.ResponseWriter) *http.ResponseController {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return http.NewResponseController(w)
		}
		w = wrapper.Unwrap()
	}
}

// unwatched waits until nobody but the caller uses the client's connection.
func (w *responseWriter) unwatched() {
	w.mu.Lock()
	unwatch := w.unwatch
	w.mu.Unlock()
	if unwatch == nil {
		return
	}
	unwatch()
	w.deadline.Lock()
	w.finished = true
	w.deadline.Unlock()
	if w.e.changes != nil {
		w.e.changes.end()
	}
}

// settle completes the header of an answer that has no body: the server sends it
// when the handler has returned.
func (w *responseWriter) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.sent {
		w.e.ownHeader(w.Header())
	}
}

// replace answers in place of the handler.
func (w *responseWriter) replace(code string) {
	w.sent, w.replaced = true, true
	clear(w.Header())
	refused := ended(code)
	refused.read = true // the body is the handler's; it may be reading it still
	if m := w.e.message; m != nil {
		refused.id = m.ID
	}
	refused.write(w.e)
	// The proxy may panic over what comes next, and then nobody flushes.
	_ = http.NewResponseController(w.ResponseWriter).Flush()
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
		w.sendPending()
	}
	return n, err
}

// inject sends a message of the gateway's own, now or when the event under way
// has ended.
func (w *responseWriter) inject(message []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.events || endedCode(w.e.session) != "" || len(w.pending) > maxPending {
		return
	}
	w.pending = append(w.pending, event(message)...)
	w.sendPending()
}

// maxPending bounds what waits, in bytes: an upstream may never end its event.
const maxPending = 4 << 10

func (w *responseWriter) sendPending() {
	if len(w.pending) == 0 || !w.tail.atBoundary() {
		return
	}
	_, _ = w.ResponseWriter.Write(w.pending)
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	w.pending = w.pending[:0]
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
	w.unwatched()
	w.mu.Lock()
	defer w.mu.Unlock()
	code := endedCode(w.e.session)
	switch {
	case code == "":
	case !w.sent:
		w.replace(code)
	case w.events:
		if w.tail.atBoundary() {
			w.lastEvent(code)
		}
		// The connection may serve other requests yet.
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Time{})
	}
	return w.replaced
}

// lastEvent says why the stream ends, so that a client need not take it for a
// network failure. On the stream of a request it is the request's answer. Other
// streams answer nothing, and go-sdk clients give up their whole session over
// an error without an id, also where another secret would let them go on: there
// it is a log message.
func (w *responseWriter) lastEvent(code string) {
	f := ended(code)
	var message []byte
	if m := w.e.message; m != nil && m.ID != nil {
		message = mcp.ErrorBody(m.ID, f.status, f.text, endedData{code})
	} else {
		message = logMessage(endedLog{code, f.text})
	}
	_, _ = w.ResponseWriter.Write(event(message))
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
