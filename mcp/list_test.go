package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// visible hides whatever mentions "secret".
func visible(_ List, name string) bool { return !strings.Contains(name, "secret") }

// golden compares got with testdata/NAME, and shows on failure which byte differs.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", name, got, want)
	}
}

func inputs(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		files[name] = content
	}
	return files
}

func TestListsLoseTheirHiddenElementsAndNothingElse(t *testing.T) {
	for name, src := range inputs(t, "messages/*.in.json") {
		t.Run(name, func(t *testing.T) {
			out, err := FilterMessage(nil, src, visible)
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(out) {
				t.Errorf("not JSON: %s", out)
			}
			golden(t, "messages/"+name+".out.json", out)
		})
	}
}

func TestElementsAreCutTogetherWithTheirCommas(t *testing.T) {
	for _, tt := range []struct{ in, out string }{
		{`[]`, `[]`},
		{`[ ]`, `[ ]`},
		{`[A]`, `[A]`},
		{`[S]`, `[]`},
		{`[ S ]`, `[ ]`},
		{`[S,S]`, `[]`},
		{`[A,S]`, `[A]`},
		{`[S,A]`, `[A]`},
		{`[A,S,A]`, `[A,A]`},
		{`[S,A,S,A,S]`, `[A,A]`},
		{`[ S , A ]`, `[ A ]`},
		{`[ A , S ]`, `[ A ]`},
		{`[ A , S , A ]`, `[ A , A ]`},
		{"[\n  S,\n  S,\n  A,\n  A\n]", "[\n  A,\n  A\n]"},
		{`[A,null,A]`, `[A,A]`},
		{`[1,"secret",[],A]`, `[A]`},
		{`[{},A]`, `[A]`},
		{`[{"name":null},{"name":7},{"name":""},A]`, `[A]`},
		{`[{"Name":"secret","name":"ok"},A]`, `[A]`},
		{`[{"name":"ok","name\u0000":"secret"},A]`, `[A]`},
		{`[{"name":"ok\u0000"},A]`, `[A]`},
		{`[{"title":"x"},A]`, `[A]`},
		{`[{"n\u0061me":"s\u0065cret"},A]`, `[A]`},
		{`null`, `null`},
	} {
		expand := strings.NewReplacer("A", `{"name":"ok","d":"a,b]"}`, "S", `{"d":"]","name":"secret"}`)
		in := `{"result":{"a":[1,2],"tools":` + expand.Replace(tt.in) + `,"z": 1}}`
		want := `{"result":{"a":[1,2],"tools":` + expand.Replace(tt.out) + `,"z": 1}}`
		got, err := FilterMessage([]byte("kept "), []byte(in), visible)
		if err != nil || string(got) != "kept "+want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", tt.in, err, got, want)
		}
	}
}

func TestAMessageThatCannotBeFilteredIsRefusedWithItsID(t *testing.T) {
	for _, tt := range []struct{ reason, src, id string }{
		{"a batch", `[{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}]`, ``},
		{"no object", `"tools"`, ``},
		{"nothing", ``, ``},
		{"two results, of which clients take the last", `{"jsonrpc":"2.0","id":1,"result":{},"result":{"tools":[{"name":"secret"}]}}`, `1`},
		{"two lists", `{"id":"a","result":{"tools":[],"tools":[{"name":"secret"}]}}`, `"a"`},
		{"an element with two names", `{"id":2,"result":{"tools":[{"name":"ok","name":"secret"}]}}`, `2`},
		{"two values", `{"id":2,"result":{}}{"id":2,"result":{"tools":[{"name":"secret"}]}}`, `2`},
		{"the id behind what is broken", `{"result":{"tools":[{"name":"secret"}]x},"id":2}`, ``},
		{"the id before what is broken", `{"id":2,"result":{"tools":[{"name":"secret"}]x}}`, `2`},
		{"cut off", `{"id":2,"result":{"tools":[{"name":"secret"}`, `2`},
		{"Result, which Go clients take for result", `{"id":2,"Result":{"tools":[{"name":"secret"}]}}`, `2`},
		{"Tools", `{"id":2,"result":{"Tools":[{"name":"secret"}]}}`, `2`},
		{"resource_templates, which the Python SDK takes too", `{"id":2,"result":{"resource_templates":[{"uriTemplate":"secret"}]}}`, `2`},
		{"tools with U+0000", `{"id":2,"result":{"tools\u0000":[{"name":"secret"}]}}`, `2`},
		{"tools by name", `{"id":2,"result":{"tools":{"secret":{}}}}`, `2`},
		{"tools in a string", `{"id":2,"result":{"tools":"secret"}}`, `2`},
		{"NaN", `{"id":2,"result":{"x":NaN}}`, `2`},
		{"a byte order mark", "\xef\xbb\xbf" + `{"id":2,"result":{}}`, ``},
		{"broken Unicode in a list", `{"id":2,"result":{"tools":[{"name":"a\ud800"}]}}`, `2`},
		{"broken Unicode beside a list", "{\"id\":2,\"result\":{\"tools\":[],\"x\":\"\xff\"}}", `2`},
		{"a request of the server, whose id is not the client's", `{"id":2,"method":"roots/list","result":{"tools":1}}`, ``},
		{"an id that is none", `{"id":null,"result":{"tools":1}}`, ``},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			out, err := FilterMessage([]byte("kept"), []byte(tt.src), visible)
			unreadable, ok := errors.AsType[*Unreadable](err)
			if !ok {
				t.Fatalf("passed as %q, %v", out, err)
			}
			if string(out) != "kept" || string(unreadable.ID) != tt.id {
				t.Errorf("out %q, id %q, want %q", out, unreadable.ID, tt.id)
			}
		})
	}
}

func TestMessagesWithoutListsPassByteForByte(t *testing.T) {
	for reason, src := range map[string]string{
		"a tool's result":                          `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"secret"}],"structuredContent":{"tools":[{"name":"secret"}]}}}`,
		"an error":                                 `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool: secret"}}`,
		"a notification":                           ` {"jsonrpc":"2.0","method":"notifications/progress","params":{"tools":[{"name":"secret"}]}} `,
		"a request of the server":                  `{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}`,
		"capabilities":                             `{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"tools":{"listChanged":true},"resources":{}}}}`,
		"a public result without lists":            `{"jsonrpc":"2.0","id":1,"result":{"contents":[],"cacheScope":"public"}}`,
		"text that JavaScript cut in a character":  `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"\ud83d"}]}}`,
		"text that Python let through":             "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"\xff\"}]}}",
		"a result that is a list of something":     `{"jsonrpc":"2.0","id":1,"result":[1,2]}`,
		"an empty list as Go writes it":            `{"jsonrpc":"2.0","id":1,"result":{"tools":null}}`,
		"integers that no float64 holds":           `{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"n":123456789012345678901}}}`,
		"depth that a tool may well have answered": `{"jsonrpc":"2.0","id":1,"result":{"structuredContent":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}}`,
	} {
		got, err := FilterMessage(nil, []byte(src), visible)
		if err != nil || string(got) != src {
			t.Errorf("%s: %v\ngot  %s", reason, err, got)
		}
	}
}
