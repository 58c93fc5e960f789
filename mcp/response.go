package mcp

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ResponseFilter is an http.ResponseWriter that sends on what FilterMessage and
// EventFilter leave of an answer. Answers of any 2xx status are filtered; errors
// and redirects pass. What it cannot read – another media type, an encoding that
// it does not undo, a body over the limit – becomes status 502 with a JSON-RPC
// error. Call Finish when the next handler has returned; after a panic of that
// handler do not, for half an answer must not look like a whole one.
type ResponseFilter struct {
	w     http.ResponseWriter
	keep  Keep
	id    jsontext.Value
	limit int

	mode    responseMode
	status  int
	gzip    bool
	body    []byte // held back
	events  *EventFilter
	swallow int // bytes that came after a refusal
}

type responseMode uint8

const (
	undecided responseMode = iota
	passing                // not filtered
	holding                // JSON: decided at its end
	streaming              // events
	empty                  // of a type that is not filtered: allowed as long as nothing is written
	refused                // a 502 has been sent
)

// NewResponseFilter filters what is written to w. A JSON body and a single
// event may take up to limit bytes. id is that of the request, nil on a GET.
func NewResponseFilter(w http.ResponseWriter, keep Keep, id jsontext.Value, limit int) *ResponseFilter {
	return &ResponseFilter{w: w, keep: keep, id: id, limit: limit}
}

// Header is that of the answer.
func (f *ResponseFilter) Header() http.Header { return f.w.Header() }

// Unwrap is for http.ResponseController.
func (f *ResponseFilter) Unwrap() http.ResponseWriter { return f.w }

// Hijack is refused: a connection that has been taken over would pass the filter by.
func (f *ResponseFilter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

// Events is the filter of an event stream under way, nil for any other answer.
func (f *ResponseFilter) Events() *EventFilter { return f.events }

// WriteHeader decides what happens to the body. A JSON body holds the header
// back, because its length is known at its end only.
func (f *ResponseFilter) WriteHeader(status int) {
	switch {
	case f.mode != undecided:
		return
	case status == http.StatusSwitchingProtocols:
		f.refuse("the server switched protocols, which MCP does not")
		return
	case status < 200:
		f.w.WriteHeader(status)
		return
	}
	f.status = status
	h := f.Header()
	kind := mediaType(h)
	switch encoding := contentEncoding(h); {
	case status >= 300 || status == http.StatusNoContent || h.Get("Content-Length") == "0":
		f.mode = passing
	case kind == "application/json" && encoding == "gzip":
		f.gzip = true
		f.mode = holding
	case encoding != "identity":
		f.mode = empty
	case kind == "application/json":
		f.mode = holding
	case kind == "text/event-stream":
		f.mode = streaming
		dropDigests(h)
		f.events = NewEventFilter(f.w, f.flush, f.keep, f.limit)
		f.events.ID = f.id
	default:
		f.mode = empty
	}
	switch f.mode {
	case passing:
		f.w.WriteHeader(status)
	case streaming:
		// A client waits for the header before it counts the stream as open.
		f.w.WriteHeader(status)
		f.flush()
	}
}

// Write takes a part of the body.
func (f *ResponseFilter) Write(p []byte) (int, error) {
	f.WriteHeader(http.StatusOK) // if there was none
	switch f.mode {
	case passing:
		return f.w.Write(p)
	case streaming:
		return f.events.Write(p)
	case holding:
		if len(f.body)+len(p) > f.limit {
			f.refuse(fmt.Sprintf("the server's answer is larger than the %d bytes that are filtered: raise max_body", f.limit))
			break
		}
		f.body = append(f.body, p...)
		return len(p), nil
	case empty:
		if len(p) > 0 {
			h := f.Header()
			f.refuse(fmt.Sprintf("the server's answer has Content-Type %q and Content-Encoding %q: only application/json and text/event-stream are filtered, unencoded (JSON also as gzip)",
				h.Get("Content-Type"), h.Get("Content-Encoding")))
		}
	}
	// Reading on for a while lets the server's connection be used again.
	if f.swallow += len(p); f.swallow > f.limit {
		return 0, errRefused
	}
	return len(p), nil
}

var errRefused = errors.New("the answer was refused, and is too long to be read to its end")

// ReadFrom keeps io.Copy from writing past Write.
func (f *ResponseFilter) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, r)
}

// FlushError sends what may be sent by now.
func (f *ResponseFilter) FlushError() error {
	switch f.mode {
	case streaming:
		f.events.Flush()
	case passing, refused:
		return http.NewResponseController(f.w).Flush()
	}
	return nil
}

func (f *ResponseFilter) flush() { _ = http.NewResponseController(f.w).Flush() }

// Finish sends what was held back. It returns errors of writing to the client.
func (f *ResponseFilter) Finish() error {
	switch f.mode {
	case streaming:
		return f.events.Close()
	case empty:
		f.w.WriteHeader(f.status)
	case holding:
		return f.finishJSON()
	}
	return nil
}

func (f *ResponseFilter) finishJSON() error {
	body := f.body
	if f.gzip && len(body) > 0 {
		var err error
		if body, err = gunzip(body, f.limit); err != nil {
			return f.refuse("the server's answer cannot be decompressed: " + err.Error())
		}
	}
	out := body
	if len(bytes.TrimSpace(body)) > 0 {
		// JavaScript strips a byte order mark before it parses.
		message := bytes.TrimPrefix(body, byteOrderMark)
		var err error
		mark := len(body) - len(message)
		if out, err = FilterMessage(body[:mark:mark], message, f.keep); err != nil {
			if unreadable, ok := errors.AsType[*Unreadable](err); ok && unreadable.ID != nil {
				f.id = unreadable.ID
			}
			return f.refuse(err.Error())
		}
	}
	if f.gzip || !bytes.Equal(out, body) {
		dropDigests(f.Header())
		f.Header().Set("Content-Length", fmt.Sprint(len(out)))
	}
	f.w.WriteHeader(f.status)
	_, err := f.w.Write(out)
	return err
}

// refuse answers in the server's place, before anything of its answer was sent.
func (f *ResponseFilter) refuse(text string) error {
	f.mode = refused
	f.body = nil
	body := ErrorBody(f.id, CodeInternal, text, nil)
	h := f.Header()
	dropDigests(h)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", fmt.Sprint(len(body)))
	f.w.WriteHeader(http.StatusBadGateway)
	_, err := f.w.Write(body)
	f.flush()
	return err
}

// dropDigests deletes what described the body as the server sent it.
func dropDigests(h http.Header) {
	for _, name := range []string{
		"Content-Length", "Content-Encoding", "ETag", "Last-Modified", "Accept-Ranges", "Content-Range",
		"Digest", "Content-MD5", "Content-Digest", "Repr-Digest",
	} {
		h.Del(name)
	}
}

// mediaType is empty unless the header says one thing, in UTF-8.
func mediaType(h http.Header) string {
	types := h.Values("Content-Type")
	if len(types) != 1 {
		return ""
	}
	kind, params, err := mime.ParseMediaType(types[0])
	charset, ok := params["charset"]
	if err != nil || ok && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
		return ""
	}
	return kind
}

func contentEncoding(h http.Header) string {
	encodings := h.Values("Content-Encoding")
	if len(encodings) > 1 {
		return strings.Join(encodings, ", ")
	}
	switch encoding := strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding"))); encoding {
	case "":
		return "identity"
	case "x-gzip":
		return "gzip"
	default:
		return encoding
	}
}

// gunzip stops at limit, for a few kilobytes can unpack to gigabytes.
func gunzip(packed []byte, limit int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(body) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return body, err
}
