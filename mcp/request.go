package mcp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// ReadRequest reads the body of a POST, at most limit bytes, judges it, and puts
// the bytes that it judged back into r with their exact length, so that they are
// what the next handler sends. On a refusal with status 413 the response header
// asks to close the connection, because the rest of the body stays unread.
func ReadRequest(w http.ResponseWriter, r *http.Request, limit int64) (*Message, []byte, *Refusal) {
	if refusal := checkForm(r.Header); refusal != nil {
		return nil, nil, refusal
	}
	body, refusal := readBody(w, r, limit)
	if refusal != nil {
		return nil, nil, refusal
	}
	m, refusal := Read(r.Header, body)
	if refusal != nil {
		return nil, body, refusal
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.TransferEncoding, r.Trailer = nil, nil
	for _, name := range []string{"Transfer-Encoding", "Trailer", "Expect"} {
		r.Header.Del(name)
	}
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	return m, body, nil
}

// checkForm refuses what only some servers would undo before they read: express
// inflates gzip and converts by charset, Starlette takes the first of several types.
func checkForm(h http.Header) *Refusal {
	const expected = "send Content-Type: application/json"
	unsupported := func(format string, args ...any) *Refusal {
		return &Refusal{Status: http.StatusUnsupportedMediaType, Code: CodeInvalidRequest, Text: fmt.Sprintf(format, args...)}
	}
	for _, encoding := range h.Values("Content-Encoding") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			return unsupported("the Content-Encoding is %q: send the body without", encoding)
		}
	}
	types := h.Values("Content-Type")
	if len(types) != 1 {
		return unsupported("the header Content-Type is sent %d times: %s, once", len(types), expected)
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if err != nil || mediaType != "application/json" {
		return unsupported("the Content-Type is %q: %s", types[0], expected)
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") && !strings.EqualFold(value, "utf8") {
			return unsupported("the Content-Type is %q: %s, with no parameter but charset=utf-8", types[0], expected)
		}
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *Refusal) {
	tooLarge := func(limit int64, cause error) *Refusal {
		w.Header().Set("Connection", "close")
		return &Refusal{
			Status: http.StatusRequestEntityTooLarge,
			Code:   CodeInvalidRequest,
			Text:   fmt.Sprintf("the body is larger than %d bytes: send a smaller one, or raise max_body", limit),
			Cause:  cause,
		}
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit, nil)
	}
	// The length that the client declares is not memory to reserve for it yet.
	buf := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength+1, 512), 64<<10)))
	_, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1))
	if over, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(over.Limit, err)
	}
	switch {
	case err != nil:
		return nil, &Refusal{Status: http.StatusBadRequest, Code: CodeParse, Text: "the body could not be read to its end", Cause: err}
	case int64(buf.Len()) > limit:
		return nil, tooLarge(limit, nil)
	case buf.Len() == 0:
		return nil, refuse(CodeParse, "the body is empty: send a JSON-RPC message")
	}
	return buf.Bytes(), nil
}
