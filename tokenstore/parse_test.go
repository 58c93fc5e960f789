package tokenstore

import (
	"strings"
	"testing"
	"time"
)

func TestDurationsAreRead(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"45s": 45 * time.Second, "30m": 30 * time.Minute, "12h": 12 * time.Hour, "90d": 90 * day, "4w": 28 * day,
		"0": 0, "0d": 0, "106751d": 106751 * day, "007s": 7 * time.Second,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "d", "90", "-1d", "+1d", "1.5h", "1e9", "1e3s", "90 d", " 90d", "90D", "1y", "1h30m", "٣d", "106752d", "99999999d",
		"9223372036854775808s", strings.Repeat("9", 30) + "d",
	} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestRatesAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]Rate{
		"60/m": {60, time.Minute, 60}, "1/s burst 5": {1, time.Second, 5}, " 1000/h  burst  1000 ": {1000, time.Hour, 1000},
	} {
		got, err := ParseRate(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if again, err := ParseRate(got.String()); err != nil || again != got {
			t.Errorf("%q was written as %q", text, got)
		}
	}
	for _, text := range []string{"", "60", "60/", "/m", "60/d", "0/m", "-1/m", "+1/m", "1.5/s", "60/m burst", "60/m burst 0", "60/m 20", "60/m burst 20 x", "1000001/s", "99999999999999999999/s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestNamesAreCleaned(t *testing.T) {
	for text, want := range map[string]string{
		"ci": "ci", "  ci prod ": "ci prod", "Cafe\u0301": "Café", "日本語": "日本語", "a/b": "a/b", "👍🏽": "👍🏽",
		strings.Repeat("é", 200): strings.Repeat("é", 200),
	} {
		if got, err := cleanName("name", text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "   ", ".", "..", "a\x00b", "a\nb", "\tci", "\x1b]0;x", "\u0085", "a\u202eb", "a\u2066b", "a\u200bb", "\ufeffci", "a\u00adb",
		"a\u2028b", "\u3164", "a\ue000", "a\uffff", "\xff", "a\xc3", strings.Repeat("é", 201), strings.Repeat("x", 10_000),
	} {
		if got, err := cleanName("name", text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
	if _, err := cleanText("description", "two\nlines\tand tabs", maxDescription, "\n\r\t"); err != nil {
		t.Error(err)
	}
}

func TestNamesThatLookTheSameFoldTheSame(t *testing.T) {
	for _, pair := range [][2]string{{"CI", "ci"}, {"Straße", "STRASSE"}, {"Cafe\u0301", "CAFÉ"}, {"ΣΑΣ", "σας"}} {
		if FoldName(pair[0]) != FoldName(pair[1]) {
			t.Errorf("%q and %q differ: %q, %q", pair[0], pair[1], FoldName(pair[0]), FoldName(pair[1]))
		}
	}
	if FoldName("a") == FoldName("b") {
		t.Error("a is b")
	}
}

func TestAddressesBecomePrefixes(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.1.2.3": "10.1.2.3/32", "::1": "::1/128", "2001:db8::/32": "2001:db8::/32",
		"::ffff:10.0.0.1": "10.0.0.1/32", "::ffff:10.0.0.0/104": "10.0.0.0/8", "0.0.0.0/0": "0.0.0.0/0",
	} {
		if got, err := cleanCIDRs([]string{text, text}); err != nil || len(got) != 1 || got[0].String() != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "10.0.0.1/8", "10.0.0.1/33", "10.0.0.0/-1", "10.0.0", "fe80::1%eth0", "::ffff:0:0/90", "10.0.0.0/8 ", "localhost"} {
		if got, err := cleanCIDRs([]string{text}); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestExpiriesAreInTheFutureAndBounded(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(t time.Time) expiry { return expiry{at: &t} }
	for _, c := range []struct {
		name    string
		expiry  expiry
		longest time.Duration
		want    time.Time // zero: refused
		never   bool
	}{
		{name: "a duration", expiry: expiry{in: "90d"}, want: now.Add(90 * day)},
		{name: "never", expiry: expiry{in: "never"}, never: true},
		{name: "never, as a flag", expiry: expiry{never: true}, never: true},
		{name: "a date", expiry: at(now.Add(time.Nanosecond)), want: now.Add(1)},
		{name: "a date elsewhere", expiry: at(now.Add(day).In(time.FixedZone("x", 3600))), want: now.Add(day)},
		{name: "the last date", expiry: at(lastExpiry.Add(-1)), want: lastExpiry.Add(-1)},
		{name: "just within the longest", expiry: expiry{in: "30d"}, longest: 30 * day, want: now.Add(30 * day)},
		{name: "now", expiry: at(now)},
		{name: "the past", expiry: at(now.Add(-1))},
		{name: "the zero time", expiry: at(time.Time{})},
		{name: "nothing", expiry: expiry{in: "0d"}},
		{name: "year 10000", expiry: at(lastExpiry)},
		{name: "beyond the longest", expiry: expiry{in: "31d"}, longest: 30 * day},
		{name: "never, beyond the longest", expiry: expiry{in: "never"}, longest: 30 * day},
		{name: "both", expiry: expiry{in: "1d", at: &now}},
		{name: "never and a duration", expiry: expiry{in: "1d", never: true}},
		{name: "no duration", expiry: expiry{in: "soon"}},
		{name: "a negative duration", expiry: expiry{in: "-1d"}},
	} {
		got, err := c.expiry.end(now, c.longest)
		switch {
		case c.never && (err != nil || got != nil), !c.never && c.want.IsZero() && err == nil,
			!c.want.IsZero() && (err != nil || !got.Equal(c.want) || got.Location() != time.UTC):
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}
