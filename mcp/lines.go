package mcp

import "bytes"

// lineCutter cuts a text/event-stream into lines, which end in CR, LF or CRLF,
// each of them possibly cut in two by the network. A CR ends its line at once: an
// event must not wait for the byte that may or may not follow.
type lineCutter struct {
	cr bool // the last byte was a CR; an LF that comes now is part of that line end
}

type cut uint8

const (
	lineStart cut = iota // the line goes on in the next bytes
	lineEnd              // the line ends here
	lateLF               // the rest of the line end before
)

// next cuts the first n bytes off p, which is not empty.
func (c *lineCutter) next(p []byte) (n int, what cut) {
	afterCR := c.cr
	c.cr = false
	if afterCR && p[0] == '\n' {
		return 1, lateLF
	}
	end := bytes.IndexAny(p, "\r\n")
	switch {
	case end < 0:
		return len(p), lineStart
	case p[end] == '\n':
		return end + 1, lineEnd
	case end+1 == len(p):
		c.cr = true
		return end + 1, lineEnd
	case p[end+1] == '\n':
		return end + 2, lineEnd
	}
	return end + 1, lineEnd
}

// content is a line without its end.
func content(line []byte) []byte { return bytes.TrimRight(line, "\r\n") }

// field is the name and value of a line of an event; a comment has the name "".
func eventField(line []byte) (name string, value []byte) {
	before, value, _ := bytes.Cut(content(line), []byte{':'})
	value, _ = bytes.CutPrefix(value, []byte{' '})
	return string(before), value
}
