package mcp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// space is white space that JSON allows between tokens.
var space = rapid.StringMatching(`[ \t\r\n]{0,2}`)

// quoted is a JSON string for s, with some characters escaped that need not be.
func quoted(t *rapid.T, s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < 0x10000 && (r < ' ' || r == '"' || r == '\\' || rapid.IntRange(0, 9).Draw(t, "escape") == 0) {
			fmt.Fprintf(&b, `\u%04X`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// objectText is a JSON object of members in any order.
func objectText(t *rapid.T, members [][2]string) string {
	var b strings.Builder
	b.WriteString("{" + space.Draw(t, "space"))
	for i, m := range rapid.Permutation(members).Draw(t, "order") {
		if i > 0 {
			b.WriteString("," + space.Draw(t, "space"))
		}
		b.WriteString(quoted(t, m[0]) + space.Draw(t, "space") + ":" + space.Draw(t, "space") + m[1] + space.Draw(t, "space"))
	}
	return b.String() + "}"
}

var hostileNames = rapid.SampledFrom([]string{
	"name", "Name", "name\x00", "n\u0061me", "uri", "ur\u0131", "URI", "arguments", "Arguments", "params", "param\u017f", "Params",
	"method", "METHOD", "id", "ID", "jsonrpc", "result", "error", "ref", "Ref", "taskId", "task_id", "notifications", "_meta", "meta", "x",
})

func hostileValue(t *rapid.T) string {
	scalars := rapid.SampledFrom([]string{
		`"ok"`, `"secret"`, `"s\u0065cret"`, `"ok\u0000"`, `"tools/call"`, `"resources/read"`, `"tasks/get"`, `"ping"`, `"2.0"`, `1`, `1.0`, `9007199254740993`, `1e400`,
		`null`, `true`, `[]`, `["ok"]`, `{}`, `"\ud800"`, `NaN`,
	})
	if rapid.IntRange(0, 2).Draw(t, "nest") > 0 {
		return scalars.Draw(t, "value")
	}
	return hostileObject(t, 3)
}

func hostileObject(t *rapid.T, most int) string {
	var members [][2]string
	for range rapid.IntRange(0, most).Draw(t, "members") {
		members = append(members, [2]string{hostileNames.Draw(t, "name"), hostileValue(t)})
	}
	return objectText(t, members)
}

func TestWhateverIsAcceptedIsReadAlike(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		// Mostly a call that could be accepted, with something slipped in.
		params := [][2]string{{"name", `"ok"`}}
		if rapid.Bool().Draw(rt, "arguments") {
			params = append(params, [2]string{"arguments", hostileValue(rt)})
		}
		for range rapid.IntRange(0, 1).Draw(rt, "in params") {
			params = append(params, [2]string{hostileNames.Draw(rt, "name"), hostileValue(rt)})
		}
		message := [][2]string{
			{"jsonrpc", `"2.0"`}, {"id", rapid.SampledFrom([]string{"1", `"a"`}).Draw(rt, "id")},
			{"method", rapid.SampledFrom([]string{`"tools/call"`, `"prompts/get"`, `"tools\/call"`, `"Tools/Call"`}).Draw(rt, "method")},
			{"params", objectText(rt, params)},
		}
		for range rapid.IntRange(0, 1).Draw(rt, "in the envelope") {
			message = append(message, [2]string{hostileNames.Draw(rt, "name"), hostileValue(rt)})
		}
		body := space.Draw(rt, "space") + objectText(rt, message) + rapid.SampledFrom([]string{"", "", "", " ", "{}"}).Draw(rt, "behind")
		m, refusal := Read(http.Header{}, []byte(body))
		if refusal != nil {
			if !json.Valid(refusal.Body()) {
				rt.Fatalf("%s", refusal.Body())
			}
			return
		}
		accepted++
		agree(rt, m, []byte(body))
		if m.Name != "ok" {
			rt.Fatalf("%q reads %q", m.Name, body)
		}
	})
	if accepted == 0 {
		t.Error("nothing was accepted, so nothing was proven")
	}
}

func TestAPlainCallIsAcceptedHoweverItIsSpelled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9_.\-äß漢😀]{1,20}`).Draw(t, "name")
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,4}`), 0, 5, rapid.ID[string]).Draw(t, "arguments")
		var arguments [][2]string
		for _, key := range keys {
			value := rapid.SampledFrom([]string{`"x"`, `1`, `-1.5e3`, `null`, `[{"a":[]}]`, `{"K":1,"k":2}`, `9007199254740991`}).Draw(t, "value")
			arguments = append(arguments, [2]string{key, value})
		}
		raw := objectText(t, arguments)
		id := rapid.SampledFrom([]string{`0`, `-7`, `"a\u0062"`, `""`}).Draw(t, "id")
		body := objectText(t, [][2]string{
			{"jsonrpc", quoted(t, "2.0")}, {"id", id}, {"method", quoted(t, "tools/call")},
			{"params", objectText(t, [][2]string{{"name", quoted(t, name)}, {"arguments", raw}, {"_meta", `{"progressToken":1}`}})},
		})
		m, refusal := Read(http.Header{}, []byte(body))
		if refusal != nil {
			t.Fatalf("%v: %q", refusal, body)
		}
		if m.Name != name || string(m.ID) != id || string(m.Arguments) != raw {
			t.Fatalf("%+v: %q", m, body)
		}
	})
}

// listText is a message with a list, and what a filter must leave of it.
func listText(t *rapid.T) (before, after string) {
	list := rapid.SampledFrom([]List{Tools, Prompts, Resources, ResourceTemplates}).Draw(t, "list")
	open, close := "["+space.Draw(t, "space"), space.Draw(t, "space")+"]"
	var all, kept []string
	for i := range rapid.IntRange(0, 6).Draw(t, "elements") {
		name := fmt.Sprintf("e%d", i)
		if rapid.Bool().Draw(t, "hidden") {
			name = "secret" + name
		}
		element := objectText(t, [][2]string{{list.key(), quoted(t, name)}, {"d", rapid.SampledFrom([]string{`"],{"`, `[1,2]`, `1.50`}).Draw(t, "d")}})
		all = append(all, element)
		if !strings.HasPrefix(name, "secret") {
			kept = append(kept, element)
		}
	}
	scope := rapid.SampledFrom([]string{``, `,"cacheScope":"public"`, `,"cacheScope":"private"`}).Draw(t, "scope")
	text := func(elements []string, scope string) string {
		return `{"jsonrpc":"2.0","id":2,"result":{"nextCursor":"c","` + string(list) + `":` + open + strings.Join(elements, " ,\t") + close + scope + `}}`
	}
	return text(all, scope), text(kept, strings.Replace(scope, "public", "private", 1))
}

// squeezed is without the white space at whose place an element was cut.
func squeezed(s string) string {
	return strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
}

func TestAListLosesExactlyItsHiddenElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := listText(t)
		got, err := FilterMessage(nil, []byte(before), visible)
		if err != nil || squeezed(string(got)) != squeezed(after) || !json.Valid(got) {
			t.Fatalf("%v\nin   %q\ngot  %q\nwant %q", err, before, got, after)
		}
		if !strings.Contains(before, `"secret`) && !strings.Contains(before, `\u`) && string(got) != after {
			t.Fatalf("bytes were changed\nin   %q\ngot  %q", before, got)
		}
	})
}

func TestAStreamIsFilteredHoweverItIsWrittenAndCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream strings.Builder
		var want []string
		eol := func() string { return rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "eol") }
		for range rapid.IntRange(0, 5).Draw(t, "events") {
			end := eol()
			line := func(s string) { stream.WriteString(s + end) }
			if rapid.Bool().Draw(t, "comment") {
				line(": ping")
			}
			if rapid.Bool().Draw(t, "id") {
				line("id: 1")
			}
			before, after := listText(t)
			before = strings.ReplaceAll(before, "\r", " ") // a CR would end the line
			for part := range strings.SplitSeq(before, "\n") {
				line("data:" + rapid.SampledFrom([]string{"", " "}).Draw(t, "blank") + part)
			}
			line("")
			want = append(want, squeezed(after))
		}
		src := []byte(stream.String())
		var chunks [][]byte
		for rest := src; len(rest) > 0; {
			n := rapid.IntRange(1, min(len(rest), 80)).Draw(t, "cut")
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		var out strings.Builder
		f := NewEventFilter(&out, nil, visible, 1<<20)
		for _, chunk := range chunks {
			if _, err := f.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, data := range eventsOf(out.String()) {
			got = append(got, squeezed(data))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("in   %q\ngot  %q\nwant %q", src, got, want)
		}
	})
}

func TestEveryLetterThatSomeDecoderTakesForASCIIIsFolded(t *testing.T) {
	for r := rune(0x80); r <= 0x10ffff; r++ {
		for _, known := range slices.Concat(envelopeNames, paramNames, refNames, listenNames) {
			if strings.EqualFold(string(r), known[:1]) && !SameName(string(r)+known[1:], known) {
				t.Errorf("%q is folded to %q by Go", r, known[:1])
			}
		}
	}
}
