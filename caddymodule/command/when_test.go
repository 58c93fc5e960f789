package command

import (
	"testing"
	"time"
)

func TestTimesAreToldAsAPersonWould(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		offset time.Duration
		want   string
	}{
		{0, "now"},
		{-500 * time.Millisecond, "now"},
		{-time.Second, "1s ago"},
		{-119 * time.Second, "119s ago"},
		{-120 * time.Second, "2m ago"},
		{-47 * time.Hour, "47h ago"},
		{-48 * time.Hour, "2d ago"},
		{-3 * 365 * 24 * time.Hour, "3y ago"},
		{90 * time.Second, "in 90s"},
		{90 * 24 * time.Hour, "in 90d"},
		{90*24*time.Hour - time.Second, "in 90d"},
		{90*24*time.Hour - time.Minute, "in 89d"},
	} {
		at := now.Add(tt.offset)
		if got := relative(&at, now); got != tt.want {
			t.Errorf("%v is %q, want %q", tt.offset, got, tt.want)
		}
	}
	if got := relative(nil, now); got != "never" {
		t.Errorf("nil is %q", got)
	}
}

func TestAnExpiryIsADurationATimeOrNever(t *testing.T) {
	date := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	noon := date.Add(12 * time.Hour)
	for _, tt := range []struct {
		text string
		want expiry
	}{
		{"90d", expiry{in: "90d"}},
		{"12h", expiry{in: "12h"}},
		{"never", expiry{in: "never"}},
		{"2027-01-31", expiry{at: &date}},
		{"2027-01-31T13:00:00+01:00", expiry{at: &noon}},
	} {
		got, err := parseExpiry(tt.text)
		if err != nil || got.in != tt.want.in || (got.at == nil) != (tt.want.at == nil) || (got.at != nil && !got.at.Equal(*tt.want.at)) {
			t.Errorf("%s is %v, %v", tt.text, got, err)
		}
	}
	for _, text := range []string{"", "90", "-1d", "1e9", "tomorrow", "2027-13-01", "2027-01-31 12:00", "99999999999999d", "Never"} {
		if got, err := parseExpiry(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
