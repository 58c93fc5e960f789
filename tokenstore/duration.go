package tokenstore

import (
	"fmt"
	"strconv"
	"time"
)

// ParseDuration reads a whole number and its unit: "45s", "30m", "12h", "90d"
// or "4w". A day has 24 hours. "0" needs no unit.
func ParseDuration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	if len(s) < 2 || len(s) > 20 {
		return 0, fmt.Errorf("duration %.20q: expected a number and one of s m h d w, as 90d", s)
	}
	var unit time.Duration
	switch s[len(s)-1] {
	case 's':
		unit = time.Second
	case 'm':
		unit = time.Minute
	case 'h':
		unit = time.Hour
	case 'd':
		unit = 24 * time.Hour
	case 'w':
		unit = 7 * 24 * time.Hour
	default:
		return 0, fmt.Errorf("duration %q: expected a unit of s m h d w, as 90d", s)
	}
	digits := s[:len(s)-1]
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, fmt.Errorf("duration %q: expected a whole number before the unit, as 90d", s)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > int64(1<<63-1)/int64(unit) {
		return 0, fmt.Errorf("duration %q: too long", s)
	}
	return time.Duration(n) * unit, nil
}
