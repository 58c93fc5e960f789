package command

import (
	"fmt"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// relative says t as a person would, seen from now: "3d ago", "in 12h". nil is
// never.
func relative(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	if d := t.Sub(now); d > 0 {
		return "in " + coarse(d)
	}
	d := now.Sub(*t)
	if d < time.Second {
		return "now"
	}
	return coarse(d) + " ago"
}

// coarse writes a duration in the largest unit of which it has two, or seconds.
// It rounds down, but takes what has just been given 90 days for 90 days.
func coarse(d time.Duration) string {
	const day = 24 * time.Hour
	if d > time.Hour {
		d = d.Round(time.Minute)
	}
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{365 * day, "y"}, {day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= 2*unit.length {
			return fmt.Sprintf("%d%s", d/unit.length, unit.name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// exactTime is RFC 3339 in UTC; nothing for nil.
func exactTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// both is the exact time and, in brackets, the relative one.
func both(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	return exactTime(t) + " (" + relative(t, now) + ")"
}

// An expiry is what --expires says: a duration, "never" or a time.
type expiry struct {
	in string     // a duration, or "never"
	at *time.Time // a time
}

// parseExpiry reads "90d", "12h", "never", "2027-01-31" (its first instant in
// UTC) and RFC 3339 times.
func parseExpiry(s string) (expiry, error) {
	if s == "never" {
		return expiry{in: s}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC()
			return expiry{at: &t}, nil
		}
	}
	if _, err := tokenstore.ParseDuration(s); err == nil {
		return expiry{in: s}, nil
	}
	return expiry{}, usagef("--expires %q is none of: a duration as 90d or 12h, a date as 2027-01-31, a time as 2027-01-31T12:00:00Z, never", s)
}

// addTo adds e to a request body, in the fields that the API has for it.
func (e expiry) addTo(body map[string]any) {
	switch {
	case e.at != nil:
		body["expires_at"] = e.at
	case e.in != "":
		body["expires_in"] = e.in
	}
}

// instant is e as a time, for bodies that take no duration; nil is never.
func (e expiry) instant(now time.Time) *time.Time {
	if e.at != nil || e.in == "never" {
		return e.at
	}
	d, _ := tokenstore.ParseDuration(e.in) // parseExpiry has checked it
	t := now.Add(d).UTC().Truncate(time.Second)
	return &t
}

// parseSince reads a point in the past: a duration back from now, a date or a
// time.
func parseSince(flag, s string, now time.Time) (time.Time, error) {
	if d, err := tokenstore.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--%s %q is none of: a duration back as 24h, a date as 2027-01-31, a time as 2027-01-31T12:00:00Z", flag, s)
}
