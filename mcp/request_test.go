package mcp

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const okCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok"}}`

func post(body string, lines ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
	r.Header = header(lines...)
	return r
}

func TestTheBytesThatWereJudgedAreSent(t *testing.T) {
	body := " " + okCall + "\n"
	r := post(body, "Content-Type: application/json", "Expect: 100-continue", "Trailer: X", "Transfer-Encoding: chunked")
	r.ContentLength, r.TransferEncoding, r.Trailer = -1, []string{"chunked"}, http.Header{"X": nil}
	m, raw, refusal := ReadRequest(httptest.NewRecorder(), r, 100)
	if refusal != nil {
		t.Fatal(refusal)
	}
	sent, err := io.ReadAll(r.Body)
	if m.Name != "ok" || string(raw) != body || string(sent) != body || err != nil {
		t.Errorf("judged %q, sent %q, %v", raw, sent, err)
	}
	if r.ContentLength != int64(len(body)) || r.TransferEncoding != nil || r.Trailer != nil {
		t.Errorf("length %d, encoding %v, trailer %v", r.ContentLength, r.TransferEncoding, r.Trailer)
	}
	if got, want := r.Header, header("Content-Type: application/json", "Content-Length: 71"); len(got) != len(want) || got.Get("Content-Length") != want.Get("Content-Length") {
		t.Errorf("header %v", got)
	}
}

func TestWhatTheFormOfABodyMustBe(t *testing.T) {
	const json = "Content-Type: application/json"
	for _, tt := range []struct {
		reason string
		header []string
		body   string
		status int // 0 is taken
		text   string
	}{
		{"plain", []string{json}, okCall, 0, ""},
		{"case does not matter", []string{"Content-Type: Application/JSON"}, okCall, 0, ""},
		{"UTF-8 is what it is", []string{`Content-Type: application/json; charset="UTF-8"`}, okCall, 0, ""},
		{"and so it is spelled by some", []string{"Content-Type: application/json;charset=utf8"}, okCall, 0, ""},
		{"identity is no encoding", []string{json, "Content-Encoding: identity"}, okCall, 0, ""},
		{"at the limit", []string{json}, okCall + strings.Repeat(" ", 100-len(okCall)), 0, ""},

		{"express inflates gzip", []string{json, "Content-Encoding: gzip"}, okCall, 415, `Content-Encoding is "gzip": send the body without`},
		{"two encodings", []string{json, "Content-Encoding: identity", "Content-Encoding: br"}, okCall, 415, `"br"`},
		{"encodings in one line", []string{json, "Content-Encoding: identity, gzip"}, okCall, 415, `"identity, gzip"`},
		{"express converts by charset", []string{"Content-Type: application/json; charset=utf-16le"}, okCall, 415, "charset=utf-8"},
		{"RFC 2231 hides a charset", []string{"Content-Type: application/json; charset*=us-ascii''utf-16le"}, okCall, 415, "charset=utf-8"},
		{"RFC 2231 cuts a charset in two", []string{"Content-Type: application/json; charset*0=utf-; charset*1=16"}, okCall, 415, "charset=utf-8"},
		{"two charsets", []string{"Content-Type: application/json; charset=utf-8; charset=utf-16"}, okCall, 415, "send Content-Type: application/json"},
		{"a charset in another parameter's quotes", []string{`Content-Type: application/json; a="; charset=utf-16"`}, okCall, 415, "no parameter but"},
		{"Starlette takes the first of two types", []string{"Content-Type: application/json, text/plain"}, okCall, 415, "send Content-Type: application/json"},
		{"the Python SDK takes what begins so", []string{"Content-Type: application/jsonx"}, okCall, 415, "application/json"},
		{"text", []string{"Content-Type: text/plain"}, okCall, 415, "application/json"},
		{"a structured suffix", []string{"Content-Type: application/mcp+json"}, okCall, 415, "application/json"},
		{"a form", []string{"Content-Type: multipart/form-data; boundary=x"}, okCall, 415, "application/json"},
		{"no type", nil, okCall, 415, "sent 0 times"},
		{"an empty type", []string{"Content-Type: "}, okCall, 415, "application/json"},
		{"two types", []string{json, "Content-Type: text/plain"}, okCall, 415, "sent 2 times"},

		{"nothing", []string{json}, "", 400, "empty"},
		{"over the limit", []string{json}, okCall + strings.Repeat(" ", 101-len(okCall)), 413, "larger than 100 bytes: send a smaller one, or raise max_body"},
		{"what is wrong with the message", []string{json}, "[]", 400, "batch"},
		{"what is wrong with a header", []string{json, "Mcp-Name: secret"}, okCall, 400, "Mcp-Name"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			for _, chunked := range []bool{false, true} {
				w, r := httptest.NewRecorder(), post(tt.body, tt.header...)
				if chunked {
					r.ContentLength = -1
				}
				m, _, refusal := ReadRequest(w, r, 100)
				switch {
				case tt.status == 0 && (refusal != nil || m.Name != "ok"):
					t.Errorf("chunked %v: %v, %v", chunked, m, refusal)
				case tt.status == 0:
				case refusal == nil || m != nil:
					t.Errorf("chunked %v: accepted", chunked)
				case refusal.Status != tt.status || !strings.Contains(refusal.Text, tt.text):
					t.Errorf("chunked %v: %d %q, want %d %q", chunked, refusal.Status, refusal.Text, tt.status, tt.text)
				case (refusal.Status == 413) != (w.Header().Get("Connection") == "close"):
					t.Errorf("Connection: %s", w.Header().Get("Connection"))
				}
			}
		})
	}
}

func TestABodyThatIsDeclaredTooLongIsNotRead(t *testing.T) {
	r := post("", "Content-Type: application/json")
	r.Body = io.NopCloser(readerFunc(func([]byte) (int, error) { t.Error("read"); return 0, io.EOF }))
	r.ContentLength = 101
	if _, _, refusal := ReadRequest(httptest.NewRecorder(), r, 100); refusal == nil || refusal.Status != 413 {
		t.Error(refusal)
	}
}

func TestWhatReadingABodyReturnsIsTheCause(t *testing.T) {
	gone := errors.New("gone")
	r := post("", "Content-Type: application/json")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), readerFunc(func([]byte) (int, error) { return 0, gone })))
	r.ContentLength = -1
	_, _, refusal := ReadRequest(httptest.NewRecorder(), r, 100)
	if refusal == nil || refusal.Status != 400 || !errors.Is(refusal, gone) {
		t.Error(refusal)
	}

	r = post(okCall, "Content-Type: application/json")
	r.Body = http.MaxBytesReader(nil, r.Body, 10)
	_, _, refusal = ReadRequest(httptest.NewRecorder(), r, 100)
	if refusal == nil || refusal.Status != 413 || !strings.Contains(refusal.Text, "10 bytes") {
		t.Error(refusal)
	}
}

type readerFunc func([]byte) (int, error)

func (r readerFunc) Read(p []byte) (int, error) { return r(p) }
