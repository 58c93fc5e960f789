package tokenstore

import (
	"strconv"
	"time"
)

// Never is the text that an expires_in takes for a token without an end.
const Never = "never"

// lastExpiry is the first instant that JSON's date form cannot tell.
var lastExpiry = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// expiry is the choice that the three expiry fields of an edit make.
type expiry struct {
	in    string
	at    *time.Time
	never bool
}

// given reports whether any of the fields is set.
func (e expiry) given() bool { return e.in != "" || e.at != nil || e.never }

// end returns when a token with this expiry ends, nil for never. Every expiry
// that is not strictly in the future is refused: an omitted date must not
// become the zero time, nor a mistyped one a token that never worked.
func (e expiry) end(now time.Time, longest time.Duration) (*time.Time, error) {
	switch {
	case e.in != "" && e.at != nil, e.never && e.at != nil, e.never && e.in != "" && e.in != Never:
		return nil, fieldError("expires_at", "give expires_in or expires_at, not both")
	case e.never || e.in == Never:
		if longest > 0 {
			return nil, fieldError(e.field(), "a token may live %s at most here, not for ever", formatDuration(longest))
		}
		return nil, nil
	}
	at := e.at
	if at == nil {
		d, err := ParseDuration(e.in)
		if err != nil {
			return nil, &FieldError{e.field(), err.Error()}
		}
		if d == 0 {
			return nil, fieldError(e.field(), "must be in the future")
		}
		sum := instant(now.Add(d))
		at = &sum
	}
	switch {
	case !at.After(now):
		return nil, fieldError(e.field(), "must be in the future")
	case !at.Before(lastExpiry):
		return nil, fieldError(e.field(), "must be before the year 10000; for no end say %q", Never)
	case longest > 0 && at.Sub(now) > longest:
		return nil, fieldError(e.field(), "a token may live %s at most here", formatDuration(longest))
	}
	utc := at.UTC().Round(0)
	return &utc, nil
}

// field returns the JSON field that the choice was made by.
func (e expiry) field() string {
	if e.at != nil || e.in == "" {
		return "expires_at"
	}
	return "expires_in"
}

// formatDuration writes d in days where it has whole ones.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return d.String()
}
