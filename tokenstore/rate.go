package tokenstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxRate bounds count and burst: beyond it a limit limits nothing.
const maxRate = 1_000_000

// Rate is a limit of requests: Count of them per Per, of which Burst may come
// at once.
type Rate struct {
	Count int
	Per   time.Duration // time.Second, time.Minute or time.Hour
	Burst int
}

// ParseRate reads "60/m" or "60/m burst 20"; the unit is s, m or h, and the
// burst is the count unless it is given.
func ParseRate(s string) (Rate, error) {
	wrong := fmt.Errorf("rate %.40q: expected COUNT/s, COUNT/m or COUNT/h, then perhaps burst COUNT, as 60/m burst 20", s)
	words := strings.Fields(s)
	if len(words) != 1 && (len(words) != 3 || words[1] != "burst") {
		return Rate{}, wrong
	}
	count, unit, found := strings.Cut(words[0], "/")
	if !found {
		return Rate{}, wrong
	}
	var r Rate
	switch unit {
	case "s":
		r.Per = time.Second
	case "m":
		r.Per = time.Minute
	case "h":
		r.Per = time.Hour
	default:
		return Rate{}, wrong
	}
	var ok bool
	if r.Count, ok = parseCount(count); !ok {
		return Rate{}, wrong
	}
	r.Burst = r.Count
	if len(words) == 3 {
		if r.Burst, ok = parseCount(words[2]); !ok {
			return Rate{}, wrong
		}
	}
	return r, nil
}

// String returns r as ParseRate reads it, or "" of the zero Rate.
func (r Rate) String() string {
	var unit string
	switch r.Per {
	case time.Second:
		unit = "s"
	case time.Minute:
		unit = "m"
	case time.Hour:
		unit = "h"
	default:
		return ""
	}
	text := strconv.Itoa(r.Count) + "/" + unit
	if r.Burst != r.Count {
		text += " burst " + strconv.Itoa(r.Burst)
	}
	return text
}

// parseCount reads 1 to maxRate, digits alone.
func parseCount(s string) (int, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= maxRate
}
