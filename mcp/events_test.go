package mcp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// through writes the chunks through a filter for the request 2.
func through(t testing.TB, limit int, chunks ...[]byte) string {
	t.Helper()
	var out bytes.Buffer
	f := NewEventFilter(&out, nil, visible, limit)
	f.ID = jsontext.Value("2")
	for _, chunk := range chunks {
		if n, err := f.Write(chunk); n != len(chunk) || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestStreamsAreFilteredWhereverTheyAreCut(t *testing.T) {
	for name, src := range inputs(t, "streams/*.in.sse") {
		t.Run(name, func(t *testing.T) {
			want := through(t, 4096, src)
			golden(t, "streams/"+name+".out.sse", []byte(want))
			if strings.HasPrefix(name, "passes") && want != string(src) {
				t.Errorf("changed to %q", want)
			}
			for i := range len(src) + 1 {
				if got := through(t, 4096, src[:i], src[i:]); got != want {
					t.Fatalf("cut at %d: %q, want %q", i, got, want)
				}
			}
			single := make([][]byte, len(src))
			for i := range src {
				single[i] = src[i : i+1]
			}
			if got := through(t, 4096, single...); got != want {
				t.Errorf("byte by byte: %q, want %q", got, want)
			}
		})
	}
}

func TestAnEventPassesAsSoonAsItIsComplete(t *testing.T) {
	const result = `data: {"jsonrpc":"2.0","id":2,"result":{}}`
	for _, tt := range []struct {
		reason string
		chunks []string
		sent   []string // after each chunk, what was sent for it
	}{
		{"a keep-alive", []string{": pi", "ng\n", "\n"}, []string{"", ": ping\n", "\n"}},
		{"an event", []string{"event: message\n", result + "\n", "\n"}, []string{"", "", "event: message\n" + result + "\n\n"}},
		{"an event ending in CR is not kept waiting for an LF", []string{result + "\r\r", "\n", result + "\r\n\r", "\n"},
			[]string{result + "\r\r", "\n", result + "\r\n\r", "\n"}},
		{"two events in one chunk", []string{"id: 1\ndata:\n\n" + result + "\n\n: x"}, []string{"id: 1\ndata:\n\n" + result + "\n\n"}},
		{"a comment inside an event waits for it", []string{"id: 1\n", ": ping\n", "data: \n\n"}, []string{"", "", "id: 1\n: ping\ndata: \n\n"}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			var out bytes.Buffer
			flushed := 0
			f := NewEventFilter(&out, func() { flushed = out.Len() }, visible, 4096)
			for i, chunk := range tt.chunks {
				before := out.Len()
				if _, err := f.Write([]byte(chunk)); err != nil {
					t.Fatal(err)
				}
				if got := out.String()[before:]; got != tt.sent[i] {
					t.Errorf("chunk %d: sent %q, want %q", i, got, tt.sent[i])
				}
				if flushed != out.Len() {
					t.Errorf("chunk %d: %d of %d bytes flushed", i, flushed, out.Len())
				}
			}
		})
	}
}

func TestAnEventOverTheLimitBecomesAnErrorAndTheStreamGoesOn(t *testing.T) {
	const next = "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n"
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		huge := "id: 7" + eol + `data: {"jsonrpc":"2.0","id":9,"result":{"tools":[{"name":"` + strings.Repeat("secret", 50) + `"}]}}` + eol + "data: more" + eol + eol
		src := []byte(huge + next)
		for i := range len(src) + 1 {
			got := through(t, 100, src[:i], src[i:])
			body, rest, _ := strings.Cut(got, "\n\n")
			if strings.TrimLeft(rest, "\r\n") != next {
				t.Fatalf("%q cut at %d: the next event became %q", eol, i, rest)
			}
			if strings.Contains(got, "secret") || !strings.HasPrefix(body, `event: message`+"\n"+`data: {"jsonrpc":"2.0","id":9,"error":{"code":-32603,`) {
				t.Fatalf("%q cut at %d: %q", eol, i, body)
			}
		}
	}
}

func TestAnEventAtTheLimitPasses(t *testing.T) {
	event := "data: {\"id\":1}\n\n"
	if got := through(t, len(event), []byte(event)); got != event {
		t.Errorf("got %q", got)
	}
	if got := through(t, len(event)-1, []byte(event)); !strings.Contains(got, "-32603") {
		t.Errorf("got %q", got)
	}
}

func TestAStreamThatBreaksOffSendsNothingUnfiltered(t *testing.T) {
	for src, want := range map[string]string{
		`data: {"id":2,"result":{"tools":[{"name":"secret"}]}}`:                 "data: {\"id\":2,\"result\":{\"tools\":[]}}",
		"data: {\"id\":2,\"result\":{\"tools\":[{\"name\":\"secret\"}]}}\n":     "data: {\"id\":2,\"result\":{\"tools\":[]}}\n",
		`data: {"id":2,"result":{"tools":[{"name":"ok"},{"name":"secret`:        "",
		"data: {\"id\":2}\n\ndata: {\"id\":3,\"result\":{\"tools\":[{\"name\":": "data: {\"id\":2}\n\n",
		": pi":      ": pi",
		"id: 3\nda": "id: 3\nda",
	} {
		if got := through(t, 4096, []byte(src)); got != want {
			t.Errorf("%q became %q, want %q", src, got, want)
		}
	}
}

func TestAnInjectedEventStandsBetweenTwoOthers(t *testing.T) {
	const own = "event: message\ndata: {\"own\":1}\n\n"
	for _, keep := range []Keep{visible, nil} {
		for _, eol := range []string{"\n", "\r\n", "\r"} {
			event := strings.ReplaceAll(": hi|id: 1|data: {\"id\":1}||", "|", eol)
			for cut := range len(event) + 1 {
				var out bytes.Buffer
				f := NewEventFilter(&out, nil, keep, 4096)
				write := func(s string) {
					if _, err := f.Write([]byte(s)); err != nil {
						t.Fatal(err)
					}
				}
				write(event[:cut])
				boundary := f.AtBoundary()
				before := out.Len()
				if err := f.Inject([]byte(`{"own":1}`)); err != nil {
					t.Fatal(err)
				}
				if now := out.Len() > before; now != boundary {
					t.Errorf("cut at %d: boundary %v, injected at once %v", cut, boundary, now)
				}
				write(event[cut:] + event)
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				messages := eventsOf(out.String())
				if got := strings.Join(messages, " "); strings.Count(got, `{"id":1}`) != 2 || strings.Count(got, `{"own":1}`) != 1 || len(messages) != 3 {
					t.Errorf("filtering %v, %q cut at %d: %q", keep != nil, eol, cut, out.String())
				}
				if !strings.Contains(out.String(), own) {
					t.Errorf("%q", out.String())
				}
			}
		}
	}
}

func TestWithoutAFilterAStreamPassesChunkByChunk(t *testing.T) {
	var out bytes.Buffer
	f := NewEventFilter(&out, nil, nil, 0)
	for _, chunk := range []string{"data: [{\"tools\":", "no json", "\n", "\n", ": x"} {
		before := out.Len()
		if _, err := f.Write([]byte(chunk)); err != nil || out.String()[before:] != chunk {
			t.Errorf("%q: sent %q, %v", chunk, out.String()[before:], err)
		}
	}
}

func TestAnErrorOfTheClientEndsTheStream(t *testing.T) {
	gone := errors.New("gone")
	f := NewEventFilter(writerFunc(func([]byte) (int, error) { return 0, gone }), nil, visible, 100)
	if _, err := f.Write([]byte("data: {}\n\n")); !errors.Is(err, gone) {
		t.Error(err)
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, gone) {
		t.Error(err)
	}
	if err := f.Inject([]byte("{}")); !errors.Is(err, gone) {
		t.Error(err)
	}
	if err := f.Close(); !errors.Is(err, gone) {
		t.Error(err)
	}
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// eventsOf reads a stream by the rules of the HTML standard, written from them
// and not from the filter: the data of each event that a client would see.
func eventsOf(stream string) []string {
	stream = strings.TrimPrefix(stream, "\ufeff")
	stream = strings.ReplaceAll(stream, "\r\n", "\n")
	stream = strings.ReplaceAll(stream, "\r", "\n")
	lines := strings.Split(stream, "\n")
	var events, data []string
	for _, line := range lines[:len(lines)-1] {
		if line == "" {
			if joined := strings.Join(data, "\n"); joined != "" {
				events = append(events, joined)
			}
			data = nil
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		if name == "data" {
			data = append(data, strings.TrimPrefix(value, " "))
		}
	}
	return events
}

func ExampleEventFilter() {
	stream := "id: 1\n" +
		`data: {"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"ok"},{"name":"secret"}]}}` + "\n\n"
	var out bytes.Buffer
	f := NewEventFilter(&out, nil, func(l List, name string) bool { return name == "ok" }, 1<<20)
	f.Write([]byte(stream))
	f.Close()
	fmt.Print(out.String())
	// Output:
	// id: 1
	// data: {"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"ok"}]}}
}
