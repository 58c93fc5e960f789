package mcp

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// EventFilter filters the messages inside a text/event-stream as FilterMessage
// does. It holds one event at a time and passes each on as soon as it is
// complete, in one Write, byte for byte unless something in it has to go.
// Comments between events pass at once. Its methods may be called concurrently.
type EventFilter struct {
	// ID is the id of the request that the stream answers, if any. An event that
	// cannot be filtered becomes a JSON-RPC error with the event's own id, or else
	// with this one, so that the client does not wait for ever.
	ID jsontext.Value

	dst   io.Writer
	flush func()
	keep  Keep
	limit int

	mu      sync.Mutex
	err     error // of dst; ends everything
	lines   lineCutter
	event   []byte // the event under way: whole lines, and the line under way
	line    int    // where in event the line under way starts
	begun   bool   // the place of a byte order mark is past
	over    bool   // the event was too large: its rest is skipped
	inLine  bool   // without keep: some of the line under way has been sent
	inEvent bool   // without keep: whole lines of the event under way have been sent
	waiting []byte // without keep: events of our own, until the event under way ends
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// NewEventFilter writes to dst and calls flush, which may be nil, behind each
// event. An event of more than limit bytes is replaced by an error. A nil keep
// filters nothing and limits nothing: it only keeps track of where events end.
func NewEventFilter(dst io.Writer, flush func(), keep Keep, limit int) *EventFilter {
	return &EventFilter{dst: dst, flush: flush, keep: keep, limit: limit}
}

// Write takes the next bytes of the stream, cut anywhere.
func (f *EventFilter) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keep == nil {
		f.pass(p)
	} else {
		f.filter(p)
	}
	if f.err != nil {
		return 0, f.err
	}
	return len(p), nil
}

// Close ends the stream. Clients differ in whether an event counts that the
// stream broke off in, so what is left passes if it can be filtered, and not
// at all otherwise: the client sees the end, and may resume.
func (f *EventFilter) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.event) > 0 && !f.over {
		if out, err := f.filtered(); err == nil {
			f.send(out)
		}
	}
	f.event, f.line = nil, 0
	return f.err
}

// AtBoundary tells whether everything sent so far are whole events, so that
// another may follow.
func (f *EventFilter) AtBoundary() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.inLine && !f.inEvent
}

// Inject puts an event of our own, whose data is message, between two events
// of the stream: now, or as soon as the event under way has been sent whole.
func (f *EventFilter) Inject(message []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	event := appendData([]byte("event: message\n"), message, "\n")
	event = append(event, '\n')
	if f.inLine || f.inEvent {
		f.waiting = append(f.waiting, event...)
	} else {
		f.send(event)
	}
	return f.err
}

// Flush makes dst send what it has.
func (f *EventFilter) Flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.flush != nil {
		f.flush()
	}
}

func (f *EventFilter) send(p []byte) {
	if f.err != nil || len(p) == 0 {
		return
	}
	if _, f.err = f.dst.Write(p); f.err == nil && f.flush != nil {
		f.flush()
	}
}

func (f *EventFilter) pass(p []byte) {
	sent := 0
	for i := 0; i < len(p); {
		n, what := f.lines.next(p[i:])
		switch what {
		case lineStart:
			f.inLine = true
		case lineEnd:
			f.inEvent = f.inLine || len(content(p[i:i+n])) > 0
			f.inLine = false
		}
		i += n
		if !f.inLine && !f.inEvent && len(f.waiting) > 0 {
			f.send(append(p[sent:i:i], f.waiting...))
			sent, f.waiting = i, nil
		}
	}
	f.send(p[sent:])
}

func (f *EventFilter) filter(p []byte) {
	for len(p) > 0 && f.err == nil {
		n, what := f.lines.next(p)
		switch {
		case what == lateLF && f.over:
		case what == lateLF && len(f.event) == 0:
			f.send(p[:n])
		case what == lateLF:
			f.event = append(f.event, '\n')
			f.line = len(f.event)
		default:
			f.hold(p[:n])
			if what == lineEnd {
				f.endLine()
			}
		}
		p = p[n:]
	}
}

func (f *EventFilter) hold(p []byte) {
	f.event = append(f.event, p...)
	if f.over {
		// Three bytes tell whether a line is empty.
		f.event = f.event[:min(len(f.event), 3)]
		return
	}
	if len(f.event) <= f.limit {
		return
	}
	f.send(f.failure(fmt.Errorf("the event is larger than the %d bytes that are filtered: raise max_body", f.limit), f.data(), nil))
	f.event, f.line = append(f.event[:0], f.event[f.line:min(len(f.event), f.line+3)]...), 0
	f.over, f.begun = true, true
}

func (f *EventFilter) endLine() {
	line := f.event[f.line:]
	if !f.begun && f.line == 0 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	switch empty := len(content(line)) == 0; {
	case f.over:
		f.over = !empty
		f.event = f.event[:0]
	case empty:
		out, err := f.filtered()
		if err != nil {
			out = f.failure(err, f.data(), f.event)
		}
		f.send(out)
		f.event, f.line, f.begun = f.event[:0], 0, true
	case line[0] == ':' && f.line == 0:
		f.send(f.event)
		f.event, f.begun = f.event[:0], true
	default:
		f.line = len(f.event)
	}
}
