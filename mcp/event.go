package mcp

import (
	"bytes"
	"errors"
	"iter"
	"strings"
	"unicode"
)

// eachLine yields the lines of the event under way, with their ends. A byte
// order mark, which only the first line of a stream may have, is not part of it.
func (f *EventFilter) eachLine() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rest := f.event
		if !f.begun {
			rest = bytes.TrimPrefix(rest, byteOrderMark)
		}
		for cutter := (lineCutter{}); len(rest) > 0; {
			n, _ := cutter.next(rest)
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// data is the message in the event under way: its data lines, joined.
func (f *EventFilter) data() []byte {
	var data []byte
	first := true
	for line := range f.eachLine() {
		if name, value := eventField(line); name == "data" {
			if !first {
				data = append(data, '\n')
			}
			data, first = append(data, value...), false
		}
	}
	return data
}

// eventType is the type of the event under way; the last line that says so counts.
func (f *EventFilter) eventType() (kind string) {
	for line := range f.eachLine() {
		if name, value := eventField(line); name == "event" {
			kind = string(value)
		}
	}
	return kind
}

// filtered is the event under way as it may be sent.
func (f *EventFilter) filtered() ([]byte, error) {
	data := f.data()
	if len(bytes.Trim(data, " \t\r\n")) == 0 {
		return f.event, nil // no data, or the empty data that tells a client where to resume
	}
	kept, err := FilterMessage(nil, data, f.keep)
	switch {
	case err != nil && !mayBeMessage(f.eventType(), data):
		return f.event, nil
	case err != nil:
		return nil, err
	case bytes.Equal(kept, data):
		return f.event, nil
	}
	return f.withData(kept), nil
}

// mayBeMessage is false only for events by which other transports say something
// that is no JSON, such as the address in the event "endpoint" of HTTP+SSE.
func mayBeMessage(eventType string, data []byte) bool {
	if eventType == "" || eventType == "message" {
		return true
	}
	start := strings.TrimLeftFunc(string(data[:min(len(data), 64)]), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	})
	return start == "" || strings.ContainsAny(start[:1], `{[`)
}

// withData is the event under way with other data in place of its first data
// line; its other lines, and the ends of lines, stay.
func (f *EventFilter) withData(data []byte) []byte {
	out := make([]byte, 0, len(f.event))
	if !f.begun && bytes.HasPrefix(f.event, byteOrderMark) {
		out = append(out, byteOrderMark...)
	}
	written := false
	for line := range f.eachLine() {
		switch name, _ := eventField(line); {
		case name != "data":
			out = append(out, line...)
		case !written:
			out = appendData(out, data, string(line[len(content(line)):]))
			written = true
		}
	}
	return out
}

// failure is an error in place of an event. The event's id: line stays if there
// is an event to take it from, so that resuming goes on behind it.
func (f *EventFilter) failure(err error, data, event []byte) []byte {
	id := f.ID
	if unreadable, ok := errors.AsType[*Unreadable](err); ok && unreadable.ID != nil {
		id = unreadable.ID
	} else if salvaged := salvageID(data); salvaged != nil {
		id = salvaged
	}
	body := ErrorBody(id, CodeInternal, err.Error(), nil)
	if event != nil {
		return f.withData(body)
	}
	return append(appendData([]byte("event: message\n"), body, "\n"), '\n')
}

// appendData writes data lines, each with the given end.
func appendData(out, data []byte, end string) []byte {
	for line := range bytes.SplitSeq(data, []byte{'\n'}) {
		out = append(append(append(out, "data: "...), line...), end...)
	}
	return out
}
