package caddymodule

import (
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/mcp"
)

// Bounds of what is read of a refused request, only to answer with its id:
// go-sdk clients close their connection over an error without it.
const (
	maxIDBody = 64 << 10
	maxIDWait = time.Second
)

// isRPC reports whether r is meant to be a JSON-RPC message.
func isRPC(r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

// requestID reads the id of a request that is already refused; nil if that
// would cost too much. It may leave the body half read, of which it tells.
func requestID(w http.ResponseWriter, r *http.Request) (id jsontext.Value, whole bool) {
	if r.ContentLength == 0 {
		return nil, true
	}
	if r.ContentLength < 0 || r.ContentLength > maxIDBody || !identityEncoded(r.Header) {
		return nil, false
	}
	// A client that waits for 100 Continue is spared sending the body.
	if r.Header.Get("Expect") != "" {
		return nil, false
	}
	body, err := readFor(w, r.Body, r.ContentLength, maxIDWait)
	if err != nil {
		return nil, false
	}
	message, refused := mcp.Read(http.Header{}, body)
	if refused != nil {
		return refused.ID, true
	}
	if message.Kind == mcp.Request {
		return message.ID, true
	}
	return nil, true
}

// readFor reads exactly n bytes, or fails when d has passed.
func readFor(w http.ResponseWriter, body io.Reader, n int64, d time.Duration) ([]byte, error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(d)); err != nil {
		return nil, err // a body that cannot be given up is not begun
	}
	buffer := make([]byte, n)
	if _, err := io.ReadFull(body, buffer); err != nil {
		return nil, err // and what is left must not be waited for either
	}
	return buffer, control.SetReadDeadline(time.Time{})
}

func identityEncoded(h http.Header) bool {
	encoding := h.Get("Content-Encoding")
	return encoding == "" || strings.EqualFold(encoding, "identity")
}
