package mcp

import (
	"errors"
	"io"
)

// EventFilter filters the messages inside a text/event-stream. It holds one
// event at a time, and passes each on as soon as it is complete.
type EventFilter struct{}

// NewEventFilter writes to dst, and calls flush after each event. An event of
// more than limit bytes is replaced by an error. A nil keep filters nothing and
// only keeps track of where events end.
func NewEventFilter(dst io.Writer, flush func(), keep Keep, limit int) *EventFilter {
	return &EventFilter{}
}

// Write takes the next bytes of the stream, cut anywhere.
func (f *EventFilter) Write(p []byte) (int, error) { return 0, errors.New("not implemented") }

// Close ends the stream; what is left of an unfinished event is dropped, as a client would.
func (f *EventFilter) Close() error { return nil }

// AtBoundary tells whether everything written to dst so far are whole events.
func (f *EventFilter) AtBoundary() bool { return true }

// Inject puts an event of the gateway's own, whose data is message, between two
// events of the stream: now, or as soon as the event under way has ended.
func (f *EventFilter) Inject(message []byte) error { return errors.New("not implemented") }
