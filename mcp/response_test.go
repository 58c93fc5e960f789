package mcp

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	hiddenList = `{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"ok"},{"name":"secret"}],"cacheScope":"public"}}`
	shownList  = `{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"ok"}],"cacheScope":"private"}}`
)

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// answer is what a client sees of what a handler writes, over a real connection.
func answer(t *testing.T, limit int, handler http.HandlerFunc) (*http.Response, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := NewResponseFilter(w, visible, jsontext.Value("2"), limit)
		handler(f, r)
		if err := f.Finish(); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	request, err := http.NewRequest(http.MethodPost, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip") // so that the client decodes nothing
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestAnAnswerIsFilteredOrRefused(t *testing.T) {
	const jsonType = "Content-Type: application/json"
	stream := "event: message\ndata: " + hiddenList + "\n\n"
	shown := "event: message\ndata: " + shownList + "\n\n"
	for _, tt := range []struct {
		reason string
		status int
		header []string
		body   string
		want   int
		shown  string // "" is a JSON-RPC error for the request
	}{
		{"JSON", 200, []string{jsonType}, hiddenList, 200, shownList},
		{"any 2xx", 201, []string{jsonType}, hiddenList, 201, shownList},
		{"odd case and a parameter", 200, []string{"Content-Type: Application/JSON ; charset=UTF-8"}, hiddenList, 200, shownList},
		{"a length that will not be right", 200, []string{jsonType, fmt.Sprint("Content-Length: ", len(hiddenList))}, hiddenList, 200, shownList},
		{"a byte order mark", 200, []string{jsonType}, "\ufeff" + hiddenList, 200, "\ufeff" + shownList},
		{"identity", 200, []string{jsonType, "Content-Encoding: identity"}, hiddenList, 200, shownList},
		{"gzip", 200, []string{jsonType, "Content-Encoding: gzip"}, zipped(hiddenList), 200, shownList},
		{"x-gzip", 200, []string{jsonType, "Content-Encoding: X-GZip"}, zipped(hiddenList), 200, shownList},
		{"gzip with nothing to hide", 200, []string{jsonType, "Content-Encoding: gzip"}, zipped(`{"id":2}`), 200, `{"id":2}`},
		{"events", 200, []string{"Content-Type: text/event-stream"}, stream, 200, shown},
		{"events of odd case", 200, []string{"Content-Type: Text/Event-Stream;charset=utf-8"}, stream, 200, shown},
		{"an error of the server", 404, []string{"Content-Type: text/plain"}, "not found: secret", 404, "not found: secret"},
		{"accepted", 202, nil, "", 202, "EMPTY"},
		{"accepted, of some type", 202, []string{"Content-Type: text/plain"}, "", 202, "EMPTY"},
		{"no content", 204, nil, "", 204, "EMPTY"},
		{"JSON of no length", 200, []string{jsonType}, "", 200, "EMPTY"},
		{"JSON of white space", 200, []string{jsonType}, "\n", 200, "\n"},

		{"gzip that is none", 200, []string{jsonType, "Content-Encoding: gzip"}, hiddenList, 502, ""},
		{"gzip cut off", 200, []string{jsonType, "Content-Encoding: gzip"}, zipped(hiddenList)[:40], 502, ""},
		{"gzip that grows beyond the limit", 200, []string{jsonType, "Content-Encoding: gzip"}, zipped(strings.Repeat(" ", 5000) + hiddenList), 502, ""},
		{"deflate", 200, []string{jsonType, "Content-Encoding: deflate"}, hiddenList, 502, ""},
		{"br", 200, []string{jsonType, "Content-Encoding: br"}, hiddenList, 502, ""},
		{"gzip twice", 200, []string{jsonType, "Content-Encoding: gzip, gzip"}, zipped(zipped(hiddenList)), 502, ""},
		{"gzip in two lines", 200, []string{jsonType, "Content-Encoding: gzip", "Content-Encoding: gzip"}, zipped(zipped(hiddenList)), 502, ""},
		{"events in gzip", 200, []string{"Content-Type: text/event-stream", "Content-Encoding: gzip"}, zipped(stream), 502, ""},
		{"mislabelled as text", 200, []string{"Content-Type: text/plain"}, hiddenList, 502, ""},
		{"no type", 200, []string{"Content-Type: "}, hiddenList, 502, ""},
		{"two types", 200, []string{"Content-Type: text/plain", jsonType}, hiddenList, 502, ""},
		{"a type that is none", 200, []string{"Content-Type: application/json; charset"}, hiddenList, 502, ""},
		{"UTF-16", 200, []string{"Content-Type: application/json; charset=utf-16"}, hiddenList, 502, ""},
		{"accepted with a list", 202, []string{"Content-Type: text/html"}, hiddenList, 502, ""},
		{"a part of something", 206, []string{jsonType, "Content-Range: bytes 10-/99"}, hiddenList[10:], 502, ""},
		{"events said to be JSON", 200, []string{jsonType}, stream, 502, ""},
		{"a batch", 200, []string{jsonType}, "[" + hiddenList + "]", 502, ""},
		{"larger than the limit", 200, []string{jsonType}, hiddenList + strings.Repeat(" ", 5000), 502, ""},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			response, body := answer(t, 4096, func(w http.ResponseWriter, r *http.Request) {
				for name, values := range header(tt.header...) {
					w.Header()[name] = values
				}
				w.Header().Set("ETag", `"x"`)
				w.WriteHeader(tt.status)
				io.Copy(w, strings.NewReader(tt.body)) // takes ReadFrom if there is one
			})
			if response.StatusCode != tt.want {
				t.Errorf("status %d, want %d", response.StatusCode, tt.want)
			}
			switch tt.shown {
			case "":
				if !strings.HasPrefix(body, `{"jsonrpc":"2.0","id":2,"error":{"code":-32603,`) || response.Header.Get("Content-Type") != "application/json" {
					t.Errorf("%s %s", response.Header.Get("Content-Type"), body)
				}
			case "EMPTY":
				if body != "" {
					t.Errorf("body %q", body)
				}
			default:
				if body != tt.shown {
					t.Errorf("body %q, want %q", body, tt.shown)
				}
			}
			changed := body != tt.body
			if changed && (response.Header.Get("ETag") != "" || response.Header.Get("Content-Encoding") != "") {
				t.Errorf("stale header %v", response.Header)
			}
		})
	}
}

func TestAnUnchangedAnswerKeepsItsHeader(t *testing.T) {
	const body = `{"jsonrpc":"2.0","id":2,"result":{"content":[]}}`
	response, got := answer(t, 4096, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("ETag", `"x"`)
		io.WriteString(w, body) // without WriteHeader
	})
	if got != body || response.Header.Get("ETag") != `"x"` || response.StatusCode != 200 {
		t.Errorf("%d %v %s", response.StatusCode, response.Header, got)
	}
}

func TestAnEventReachesTheClientBeforeTheNextIsWritten(t *testing.T) {
	next := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := NewResponseFilter(w, visible, nil, 4096)
		f.Header().Set("Content-Type", "text/event-stream")
		f.Header().Set("Content-Length", "1000")
		f.WriteHeader(200)
		for i := range 3 {
			<-next // the client has seen all that was written
			fmt.Fprintf(f, "data: {\"id\":%d}\n\n", i)
			if !f.Events().AtBoundary() {
				t.Error("not at a boundary")
			}
		}
		f.Finish()
	}))
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for i := range 3 {
		next <- struct{}{}
		line, err := lines.ReadString('\n')
		if want := fmt.Sprintf("data: {\"id\":%d}\n", i); line != want || err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		lines.ReadString('\n')
	}
}

func TestAFlushDoesNotCommitAHeaderThatIsHeldBack(t *testing.T) {
	response, body := answer(t, 4096, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(200)
		for i := range len(hiddenList) {
			io.WriteString(w, hiddenList[i:i+1])
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		}
	})
	if body != shownList || response.ContentLength != int64(len(shownList)) {
		t.Errorf("%d %s", response.ContentLength, body)
	}
}

func TestInformationalAnswersPass(t *testing.T) {
	response, body := answer(t, 4096, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</x>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(200)
		w.WriteHeader(500) // too late
		io.WriteString(w, hiddenList)
	})
	if response.StatusCode != 200 || body != shownList {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

func TestAConnectionCannotBeTakenOver(t *testing.T) {
	response, body := answer(t, 4096, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusSwitchingProtocols)
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
	})
	if response.StatusCode != 502 || !strings.Contains(body, "switched protocols") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

func TestARefusedAnswerIsNotReadForEver(t *testing.T) {
	var err error
	_, body := answer(t, 100, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for range 10 {
			if _, err = w.Write(make([]byte, 30)); err != nil {
				return
			}
		}
	})
	if err == nil || !strings.Contains(body, "only application/json and text/event-stream") {
		t.Errorf("%v %s", err, body)
	}
}

func TestTheFilterIsNotPassedByOnTheWayDown(t *testing.T) {
	var w http.ResponseWriter = NewResponseFilter(httptest.NewRecorder(), visible, nil, 100)
	if _, ok := w.(interface {
		Hijack() (net.Conn, *bufio.ReadWriter, error)
	}); !ok {
		t.Error("a Hijack of the writer below would be used")
	}
	if _, ok := w.(io.ReaderFrom); !ok {
		t.Error("a ReadFrom of the writer below would be used")
	}
	if _, ok := w.(interface{ FlushError() error }); !ok {
		t.Error("a Flush of the writer below would be used")
	}
}
