package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// lenient is how a careless server in Go reads a message: encoding/json folds
// names, takes the last of two, and replaces what is no UTF-8.
type lenient struct {
	Method    string
	Name      string
	Arguments json.RawMessage
	Params    struct {
		Name      string
		URI       string
		TaskID    string `json:"taskId"`
		Arguments json.RawMessage
		Ref       struct{ Type, Name, URI string }
		Notifs    struct {
			URIs  []string `json:"resourceSubscriptions"`
			Tasks []string `json:"taskIds"`
		} `json:"notifications"`
	}
}

// exact is how JavaScript and Python read it: names as they are, the last wins.
func exact(body []byte) (message, params map[string]any) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&message) != nil {
		return nil, nil
	}
	params, _ = message["params"].(map[string]any)
	return message, params
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// agree fails unless all of these readers find in body what m says.
func agree(t fataler, m *Message, body []byte) {
	t.Helper()
	var careless lenient
	// A member of another type than it reads is nothing to it, and it reads on.
	if err := json.Unmarshal(body, &careless); err != nil && !errors.As(err, new(*json.UnmarshalTypeError)) {
		t.Fatalf("accepted, but encoding/json says %v: %q", err, body)
	}
	message, params := exact(body)
	if careless.Method != m.Method || text(message["method"]) != m.Method {
		t.Fatalf("method %q, %q, %v: %q", m.Method, careless.Method, message["method"], body)
	}
	name, other, exactName, arguments := careless.Params.Name, careless.Name, text(params["name"]), careless.Params.Arguments
	exactArguments := params["arguments"]
	if m.Flat {
		name, other, exactName, arguments = careless.Name, careless.Params.Name, text(message["name"]), careless.Arguments
		exactArguments = message["arguments"]
	}
	switch methods[m.Method].object {
	case byName:
		if name != m.Name || exactName != m.Name || other != "" {
			t.Fatalf("name %q, %q, %q, %q: %q", m.Name, name, exactName, other, body)
		}
		var judged any
		if m.Arguments != nil {
			decoder := json.NewDecoder(bytes.NewReader(m.Arguments))
			decoder.UseNumber()
			if err := decoder.Decode(&judged); err != nil {
				t.Fatal(err)
			}
		}
		if string(arguments) == "null" {
			arguments = nil
		}
		if !bytes.Equal(arguments, m.Arguments) || !reflect.DeepEqual(judged, exactArguments) {
			t.Fatalf("arguments %s, %s, %v: %q", m.Arguments, arguments, exactArguments, body)
		}
	case byURI:
		if careless.Params.URI != m.URI || text(params["uri"]) != m.URI {
			t.Fatalf("uri %q, %q, %v: %q", m.URI, careless.Params.URI, params["uri"], body)
		}
	case byTask:
		if len(m.TaskIDs) != 1 || careless.Params.TaskID != m.TaskIDs[0] || text(params["taskId"]) != m.TaskIDs[0] {
			t.Fatalf("task %q, %q, %v: %q", m.TaskIDs, careless.Params.TaskID, params["taskId"], body)
		}
	case byRef:
		ref := careless.Params.Ref
		if ref.Name != m.Name || ref.URI != m.URI || (m.Name == "") == (m.URI == "") {
			t.Fatalf("ref %q, %q, %v: %q", m.Name, m.URI, ref, body)
		}
	case byListen:
		n := careless.Params.Notifs
		if strings.Join(n.URIs, "\n") != strings.Join(m.URIs, "\n") || strings.Join(n.Tasks, "\n") != strings.Join(m.TaskIDs, "\n") {
			t.Fatalf("subscribes to %q and %q, %v: %q", m.URIs, m.TaskIDs, n, body)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		okCall, `[` + okCall + `]`,
		`{"method":"tools/call","name":"ok","arguments":{"a":"\ud83d\ude00"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok","Name":"secret","arguments":{"n":9007199254740993,"a":[{}]}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a:b"],"taskIds":["t"]}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","param\u017f":{"uri":"x"},"params":{"uri":"a:b"}}`,
		`{"jsonrpc":"2.0","id":"a","result":{}}`,
	} {
		f.Add([]byte(seed), "", "")
		f.Add([]byte(seed), "2026-07-28", "=?base64?b2s=?=")
	}
	f.Fuzz(func(t *testing.T, body []byte, version, name string) {
		h := http.Header{}
		if version != "" {
			h.Set("Mcp-Protocol-Version", version)
		}
		if name != "" {
			h.Set("Mcp-Name", name)
			h.Set("Mcp-Method", "tools/call")
		}
		before := bytes.Clone(body)
		m, refusal := Read(h, body)
		if !bytes.Equal(before, body) {
			t.Fatalf("the body was changed: %q to %q", before, body)
		}
		if (m == nil) == (refusal == nil) {
			t.Fatal(m, refusal)
		}
		if refusal != nil {
			if !json.Valid(refusal.Body()) || refusal.Text == "" || refusal.Status < 400 {
				t.Fatalf("%d %s", refusal.Status, refusal.Body())
			}
			return
		}
		agree(t, m, body)
	})
}

// shows tells whether some client finds a hidden element in a message.
func shows(data []byte) bool {
	type lists struct {
		Tools, Prompts    []struct{ Name string }
		Resources         []struct{ URI string }
		ResourceTemplates []struct{ URITemplate string }
	}
	type frame struct {
		lists
		Result lists
	}
	hidden := func(l lists) bool {
		for _, e := range append(l.Tools, l.Prompts...) {
			if strings.Contains(e.Name, "secret") {
				return true
			}
		}
		for _, e := range l.Resources {
			if strings.Contains(e.URI, "secret") {
				return true
			}
		}
		for _, e := range l.ResourceTemplates {
			if strings.Contains(e.URITemplate, "secret") {
				return true
			}
		}
		return false
	}
	var one frame
	var batch []frame
	// The first value is what a decoder sees that does not look for the end. What
	// encoding/json could not decode whole it has still decoded in part.
	_ = json.NewDecoder(bytes.NewReader(data)).Decode(&one)
	_ = json.NewDecoder(bytes.NewReader(data)).Decode(&batch)
	for _, frame := range append(batch, one) {
		if hidden(frame.lists) || hidden(frame.Result) {
			return true
		}
	}
	return false
}

func FuzzFilterMessage(f *testing.F) {
	for _, seed := range []string{
		hiddenList, "[" + hiddenList + "]", hiddenList + hiddenList,
		`{"id":1,"result":{"prompts":[ {"name":"secret"} , {"name":"ok"} ],"resources":[{"uri":"secret:"},null],"resourceTemplates":[{"uriTemplate":"a"}]}}`,
		`{"tools":[{"name":"ok","Name":"secret"}],"Tools":[],"result":{"cacheScope":1,"tools":null}}`,
		`{"id":1,"result":{"x":"\ud800"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		before := bytes.Clone(src)
		out, err := FilterMessage(nil, src, visible)
		if !bytes.Equal(before, src) {
			t.Fatalf("the message was changed: %q to %q", before, src)
		}
		if err != nil {
			return
		}
		if shows(out) {
			t.Fatalf("%q became %q", src, out)
		}
		again, err := FilterMessage(nil, out, visible)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q became %q and then %q, %v", src, out, again, err)
		}
		if all, err := FilterMessage(nil, src, func(List, string) bool { return true }); err != nil || len(all) < len(out)-len("private") {
			t.Fatalf("%q became %q with everything visible, %v", src, all, err)
		}
	})
}

func FuzzEventFilter(f *testing.F) {
	for _, seed := range inputs(f, "streams/*.in.sse") {
		f.Add(seed, uint16(3), uint16(400))
		f.Add(seed, uint16(len(seed)/2), uint16(40))
	}
	f.Fuzz(func(t *testing.T, stream []byte, step, limit uint16) {
		whole := through(t, int(limit), stream)
		var chunks [][]byte
		for i := 0; i < len(stream); i += int(step) + 1 {
			chunks = append(chunks, stream[i:min(len(stream), i+int(step)+1)])
		}
		cut := through(t, int(limit), chunks...)
		if int(limit) > len(stream) && cut != whole {
			t.Fatalf("cut every %d: %q, whole: %q", step+1, cut, whole)
		}
		for _, out := range []string{whole, cut} {
			for _, data := range eventsOf(out + "\n\n") {
				if shows([]byte(data)) {
					t.Fatalf("%q became %q", stream, out)
				}
			}
		}
	})
}
