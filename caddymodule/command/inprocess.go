package command

import (
	"io"
	"net/http"
	"sync"
)

// inProcess is an http.RoundTripper that hands requests to a handler in the
// same process.
type inProcess struct{ handler http.Handler }

// RoundTrip returns when the handler has sent its header; the body is streamed.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	body, pipe := io.Pipe()
	w := &inProcessWriter{header: http.Header{}, body: pipe, started: make(chan *http.Response, 1), response: &http.Response{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: body, ContentLength: -1, Request: r,
	}}
	// A handler sees what a server would give it.
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	go func() {
		defer func() {
			// What a handler panics with when an answer that has begun cannot be
			// ended: a server would cut the connection.
			if v := recover(); v == http.ErrAbortHandler {
				pipe.CloseWithError(io.ErrUnexpectedEOF)
			} else if v != nil {
				panic(v)
			}
		}()
		p.handler.ServeHTTP(w, in)
		w.WriteHeader(http.StatusOK)
		pipe.Close()
	}()
	select {
	case resp := <-w.started:
		return resp, nil
	case <-r.Context().Done():
		body.CloseWithError(r.Context().Err()) // so that the handler's writes end
		return nil, r.Context().Err()
	}
}

type inProcessWriter struct {
	header   http.Header
	body     *io.PipeWriter
	response *http.Response
	started  chan *http.Response
	once     sync.Once
}

func (w *inProcessWriter) Header() http.Header { return w.header }

func (w *inProcessWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.response.StatusCode, w.response.Status = status, http.StatusText(status)
		w.response.Header = w.header.Clone()
		w.started <- w.response
	})
}

func (w *inProcessWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
