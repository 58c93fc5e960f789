package policy

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// reference matches by trying every length for every star, shortest first.
func reference(pattern, s string) ([]string, bool) {
	if pattern == "" {
		return nil, s == ""
	}
	if pattern[0] != '*' {
		if s == "" || s[0] != pattern[0] {
			return nil, false
		}
		return reference(pattern[1:], s[1:])
	}
	for n := 0; n <= len(s); n++ {
		if rest, ok := reference(pattern[1:], s[n:]); ok {
			return append([]string{s[:n]}, rest...), true
		}
	}
	return nil, false
}

func agree(t interface{ Fatalf(string, ...any) }, pattern, s string, want []string, matches bool) {
	g := newGlob(pattern)
	var caps captures
	if got := g.match(s, &caps); got != matches || g.match(s, nil) != matches {
		t.Fatalf("%q matches %q: got %v, want %v", pattern, s, got, matches)
	}
	for i := range want {
		if matches && caps[i] != want[i] {
			t.Fatalf("%q on %q: star %d took %q, want %q", pattern, s, i+1, caps[i], want[i])
		}
	}
}

var (
	patterns = rapid.Custom(func(t *rapid.T) string {
		p := rapid.StringMatching(`[ab*]{1,7}`).Draw(t, "pattern")
		for strings.Contains(p, "**") {
			p = strings.ReplaceAll(p, "**", "*")
		}
		return p
	})
	subjects = rapid.StringMatching(`[abc]{0,10}`)
)

func TestAGlobMatchesAsTheNaiveMatcherDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, s := patterns.Draw(t, "p"), subjects.Draw(t, "s")
		want, ok := reference(p, s)
		agree(t, p, s, want, ok)
	})
}

func TestAGlobThatCoversAnotherMatchesAllThatItDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := newGlob(patterns.Draw(t, "p")), newGlob(patterns.Draw(t, "q"))
		covers := p.covers(&q)
		// c is in no pattern, so it stands for all that a star may take.
		filled := strings.ReplaceAll(q.text, "*", "c")
		if _, ok := reference(p.text, filled); ok != covers {
			t.Fatalf("%q covers %q: %v, but %q matched: %v", p.text, q.text, covers, filled, ok)
		}
		fill := subjects.Draw(t, "fill")
		if s := strings.ReplaceAll(q.text, "*", fill); covers && !p.match(s, nil) {
			t.Fatalf("%q covers %q and does not match %q", p.text, q.text, s)
		}
	})
}

func TestGlobsOverlapIfOneStringMatchesBoth(t *testing.T) {
	var all []string
	for n := range 5 {
		all = append(all, words("ab", n)...)
	}
	rapid.Check(t, func(t *rapid.T) {
		short := rapid.StringMatching(`[ab]?\*?[ab]?`)
		p, q := newGlob(short.Draw(t, "p")), newGlob(short.Draw(t, "q"))
		want := false
		for _, s := range all {
			want = want || p.match(s, nil) && q.match(s, nil)
		}
		if p.overlaps(&q) != want || q.overlaps(&p) != want {
			t.Fatalf("%q overlaps %q: want %v", p.text, q.text, want)
		}
	})
}

// words are all words of n letters.
func words(letters string, n int) []string {
	if n == 0 {
		return []string{""}
	}
	var all []string
	for _, w := range words(letters, n-1) {
		for _, c := range letters {
			all = append(all, w+string(c))
		}
	}
	return all
}

func TestMatchingIsLinear(t *testing.T) {
	g := newGlob(strings.Repeat("*a", 9) + "b")
	s := strings.Repeat("a", maxURI)
	start := time.Now()
	for range 1000 {
		g.match(s, nil)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("1000 matches took %v", took)
	}
}

func TestATemplateStandsForItsExpansions(t *testing.T) {
	for template, want := range map[string]string{
		"file:///{name}":   "file:///*",
		"{a}{b}/{+c}x{?d}": "*/*x*",
		"plain":            "plain",
		"open{":            "open{",
		"{}x":              "*x",
		"a{b":              "a{b",
	} {
		g, ok := templateGlob(template)
		if g.text != want || ok != strings.Contains(want, "*") {
			t.Errorf("%s: got %s, %v", template, g.text, ok)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("list_*", "list_article")
	f.Add("*a*b*", "xxaxxbxx")
	f.Add("a*b", "ab")
	f.Add("file:///*/x", "file:///\xff/x")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if checkGlob(KindResource, pattern) != nil {
			return
		}
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		re := regexp.MustCompile(`(?s)\A` + strings.Join(parts, "(.*?)") + `\z`)
		m := re.FindStringSubmatch(s)
		if m == nil {
			agree(t, pattern, s, nil, false)
			return
		}
		agree(t, pattern, s, m[1:], true)
	})
}

func FuzzOddURI(f *testing.F) {
	f.Add("file:///a/../b")
	f.Add("file:///a/%252e%252e/b")
	f.Fuzz(func(t *testing.T, uri string) {
		why := oddURI(uri)
		if strings.Contains(uri, "/../") && why == "" {
			t.Fatalf("%q passes", uri)
		}
	})
}
