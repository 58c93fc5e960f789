package blog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// firstModern is the first protocol revision without sessions.
const firstModern = "2026-07-28"

// maxBody bounds a request, as the SDK's handlers do.
const maxBody = 4 << 20

// Start serves a new blog on a free port of 127.0.0.1 until ctx ends, and
// returns its base URL; the MCP endpoint is /mcp below it.
func Start(ctx context.Context) (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{
		Handler:           Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	context.AfterFunc(ctx, func() { server.Close() })
	go server.Serve(ln)
	return "http://" + ln.Addr().String(), nil
}

// Handler returns a new blog as an HTTP handler with its MCP endpoint at /mcp.
func Handler() http.Handler {
	server := newServer(newData())
	get := func(*http.Request) *mcp.Server { return server }
	mux := http.NewServeMux()
	mux.Handle("/mcp", &eras{
		// The SDK serves the modern era from a stateless handler only, and
		// sessions, GET streams and DELETE from a stateful one only.
		modern: mcp.NewStreamableHTTPHandler(get, &mcp.StreamableHTTPOptions{Stateless: true}),
		legacy: mcp.NewStreamableHTTPHandler(get, &mcp.StreamableHTTPOptions{SessionTimeout: 30 * time.Minute}),
	})
	return mux
}

// eras hands each request to the handler of its protocol era.
type eras struct{ modern, legacy http.Handler }

func (e *eras) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("MCP-Protocol-Version") >= firstModern: // revisions are dates
		e.modern.ServeHTTP(w, r)
	case r.Method == http.MethodPost && r.Header.Get("Mcp-Session-Id") == "":
		e.servePostWithoutSession(w, r)
	default:
		e.legacy.ServeHTTP(w, r)
	}
}

// servePostWithoutSession lets initialize open a session, and answers any other
// call for itself, so that one line of curl is enough to call a tool.
func (e *eras) servePostWithoutSession(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	var call struct {
		Method string `json:"method"`
	}
	// What is not a message is left to the SDK to refuse.
	if json.Unmarshal(body, &call) == nil && call.Method != "initialize" {
		e.modern.ServeHTTP(w, r)
		return
	}
	e.legacy.ServeHTTP(w, r)
}
