package command

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestNothingSteersTheTerminal(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"Ada's laptop", "Ada's laptop"},
		{"größe 日本 👩‍💻", "größe 日本 👩‍💻"},
		{"\x1b]0;title\a", `\x1b]0;title\x07`},
		{"a\u009b31m", `a\x9b31m`},
		{"\u202egnp.exe", `\u202egnp.exe`},
		{"\u2066x\u2069", `\u2066x\u2069`},
		{"a\r\nb\tc\x00", `a\x0d\nb\tc\x00`},
		{"\xff\xfe", `\xff\xfe`},
		{"\U000e0041", `\U000e0041`},
		{"zero\u200bwidth\ufeff", `zero\u200bwidth\ufeff`},
	} {
		if got := oneLine(tt.in); got != tt.want {
			t.Errorf("oneLine(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	if got := printable("two\nlines\tand a tab\x1b"); got != "two\nlines\tand a tab\\x1b" {
		t.Errorf("printable gives %q", got)
	}
}

func TestPrintableJSONHoldsTheSameValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := map[string]string{rapid.String().Draw(t, "key"): rapid.String().Draw(t, "value")}
		text, err := indentedOf(value)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range string(text) {
			if r != '\n' && !harmless(r) {
				t.Fatalf("%q is left in %s", r, text)
			}
		}
		var got map[string]string
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		for k, v := range value {
			if got[k] != v {
				t.Fatalf("%q became %q", value, got)
			}
		}
	})
}

func indentedOf(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return indented(text)
}

func TestAnyNameFitsIntoATable(t *testing.T) {
	type row struct{ name, groups string }
	columns := []column[row]{
		{name: "key", short: func(row) string { return "mcp_Ab3dEf…" }},
		{name: "name", flexible: true, short: func(r row) string { return r.name }},
		{name: "status", short: func(row) string { return "expiring" }},
		{name: "groups", flexible: true, short: func(r row) string { return r.groups }},
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringN(0, 300, -1)
		var out strings.Builder
		c := &cli{stdout: &out}
		items := []row{{word.Draw(t, "name"), word.Draw(t, "groups")}, {word.Draw(t, "name"), "readers"}}
		if err := writeTable(c, columns, items); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != len(items)+1 {
			t.Fatalf("%d lines for %d items", len(lines), len(items))
		}
		for _, line := range lines {
			if n := cells(line); n > tableWidth {
				t.Fatalf("%d cells: %q", n, line)
			}
			for _, r := range line {
				if unicode.IsControl(r) {
					t.Fatalf("%q in %q", r, line)
				}
			}
		}
	})
}

func TestACSVCellIsNoFormula(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {"plain", "plain"}, {"=1+1", "'=1+1"}, {"+1", "'+1"}, {"-1", "'-1"}, {"@SUM(A1)", "'@SUM(A1)"},
		{"\t=1", "'\t=1"}, {"a=1", "a=1"}, {"\x1b[0m", `\x1b[0m`}, {"\r=1", `\x0d=1`},
	} {
		if got := csvCell(tt.in); got != tt.want {
			t.Errorf("csvCell(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestWideCharactersTakeTwoCells(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int
	}{{"abc", 3}, {"日本", 4}, {"e\u0301", 1}, {"", 0}} {
		if got := cells(tt.text); got != tt.want {
			t.Errorf("cells(%q) = %d, want %d", tt.text, got, tt.want)
		}
	}
	if got := cut("日本語のなまえ", 7); got != "日本語…" {
		t.Errorf("cut gives %q", got)
	}
}
