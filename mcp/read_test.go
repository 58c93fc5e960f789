package mcp

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// header takes "Name: value" lines.
func header(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// modern is a message of 2026-07-28 and the header that goes with it.
func modern(method, name, params string) (http.Header, string) {
	h := header("MCP-Protocol-Version: 2026-07-28", "Mcp-Method: "+method)
	if name != "" {
		h.Set("Mcp-Name", name)
	}
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	if params != "" {
		meta += ","
	}
	return h, `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + meta + params + `}}`
}

func TestAMessageIsReadAsServersReadIt(t *testing.T) {
	for _, tt := range []struct {
		reason string
		body   string
		want   Message
	}{
		{"a tool call", `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"ok","arguments":{"a":[1,{"b":null}]}}}`,
			Message{Kind: Request, Method: "tools/call", ID: []byte("7"), Name: "ok", Arguments: []byte(`{"a":[1,{"b":null}]}`)}},
		{"the order of members is free", `{"params":{"arguments":{},"name":"ok"},"method":"tools/call","id":"x","jsonrpc":"2.0"}`,
			Message{Kind: Request, Method: "tools/call", ID: []byte(`"x"`), Name: "ok", Arguments: []byte(`{}`)}},
		{"escapes mean their characters", `{"jsonrpc":"2\u002e0","id":"\u0031","method":"tools\/call","params":{"n\u0061me":"o\u006b"}}`,
			Message{Kind: Request, Method: "tools/call", ID: []byte(`"\u0031"`), Name: "ok"}},
		{"white space is free", " \t\r\n{ \"jsonrpc\" : \"2.0\" , \"id\" : 1 , \"method\" : \"tools/call\" , \"params\" : { \"name\" : \"ok\" , \"arguments\" : { \"a\" : 1 } } } \r\n",
			Message{Kind: Request, Method: "tools/call", ID: []byte(`1`), Name: "ok", Arguments: []byte(`{ "a" : 1 }`)}},
		{"null arguments are none", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok","arguments":null}}`,
			Message{Kind: Request, Method: "tools/call", ID: []byte(`1`), Name: "ok"}},
		{"members that no server looks at may stay", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok","task":{"ttl":60},"x":1},"trace":"t"}`,
			Message{Kind: Request, Method: "tools/call", ID: []byte(`1`), Name: "ok"}},
		{"the greatest integer that JavaScript holds is an id", `{"jsonrpc":"2.0","id":-9007199254740991,"method":"ping"}`,
			Message{Kind: Request, Method: "ping", ID: []byte(`-9007199254740991`)}},
		{"an empty string is an id", `{"jsonrpc":"2.0","id":"","method":"ping"}`,
			Message{Kind: Request, Method: "ping", ID: []byte(`""`)}},
		{"a null _meta is none", `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":null}}`,
			Message{Kind: Request, Method: "ping", ID: []byte(`1`)}},
		{"a prompt", `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p","arguments":{"k":"v"}}}`,
			Message{Kind: Request, Method: "prompts/get", ID: []byte(`1`), Name: "p", Arguments: []byte(`{"k":"v"}`)}},
		{"a resource", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a"}}`,
			Message{Kind: Request, Method: "resources/read", ID: []byte(`1`), URI: "file:///a"}},
		{"a subscription", `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"file:///a"}}`,
			Message{Kind: Request, Method: "resources/subscribe", ID: []byte(`1`), URI: "file:///a"}},
		{"a stream names all it subscribes to", `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:b","c:d"],"taskIds":["t1"]}}}`,
			Message{Kind: Request, Method: "subscriptions/listen", ID: []byte(`1`), URIs: []string{"a:b", "c:d"}, TaskIDs: []string{"t1"}}},
		{"a stream may subscribe to no resource", `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{}}}`,
			Message{Kind: Request, Method: "subscriptions/listen", ID: []byte(`1`)}},
		{"a completion of a prompt", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"secret","value":"s"}}}`,
			Message{Kind: Request, Method: "completion/complete", ID: []byte(`1`), Name: "p"}},
		{"a completion of a resource", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"a:{b}"},"argument":{"name":"b","value":""}}}`,
			Message{Kind: Request, Method: "completion/complete", ID: []byte(`1`), URI: "a:{b}"}},
		{"a task", `{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t1"}}`,
			Message{Kind: Request, Method: "tasks/get", ID: []byte(`1`), TaskIDs: []string{"t1"}}},
		{"a notification", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}`,
			Message{Kind: Notification, Method: "notifications/cancelled"}},
		{"a method that only its server knows", `{"jsonrpc":"2.0","id":1,"method":"skills/run","params":{"name":"y","level":3}}`,
			Message{Kind: Request, Method: "skills/run", ID: []byte(`1`)}},
		{"an answer to the server", `{"jsonrpc":"2.0","id":4,"result":{"roots":[]}}`,
			Message{Kind: Response, ID: []byte(`4`)}},
		{"an error for the server", `{"jsonrpc":"2.0","id":4,"error":{"code":-1,"message":"no"}}`,
			Message{Kind: Response, ID: []byte(`4`)}},
		{"the flat form", `{"method":"tools/call","name":"get_article","arguments":{"id":1}}`,
			Message{Kind: Request, Method: "tools/call", Name: "get_article", Arguments: []byte(`{"id":1}`), Flat: true}},
		{"the flat form of a list", `{"method":"tools/list"}`,
			Message{Kind: Request, Method: "tools/list"}},
		{"params without jsonrpc, as django-admin-mcp takes them", `{"id":1,"method":"tools/call","params":{"name":"ok"}}`,
			Message{Kind: Request, Method: "tools/call", ID: []byte(`1`), Name: "ok"}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			got, refusal := Read(http.Header{}, []byte(tt.body))
			if refusal != nil {
				t.Fatal(refusal)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAModernMessageIsRead(t *testing.T) {
	for _, tt := range []struct {
		reason, method, name, params string
		want                         Message
	}{
		{"a tool call", "tools/call", "ok", `"name":"ok","arguments":{"a":1}`, Message{Name: "ok", Arguments: []byte(`{"a":1}`)}},
		{"a retry with answers is the same call", "tools/call", "ok", `"name":"ok","inputResponses":{"q":{}},"requestState":"s"`, Message{Name: "ok"}},
		{"the header may be encoded", "tools/call", "=?base64?b2s=?=", `"name":"ok"`, Message{Name: "ok"}},
		{"half an encoding is literal", "tools/call", "=?base64?b2s=", `"name":"=?base64?b2s="`, Message{Name: "=?base64?b2s="}},
		{"the prefix is case-sensitive", "tools/call", "=?BASE64?b2s=?=", `"name":"=?BASE64?b2s=?="`, Message{Name: "=?BASE64?b2s=?="}},
		{"white space around a header is not of it", "tools/call", "  ok\t", `"name":"ok"`, Message{Name: "ok"}},
		{"discovery", "server/discover", "", ``, Message{}},
		{"a resource", "resources/read", "a:b", `"uri":"a:b"`, Message{URI: "a:b"}},
		{"a task", "tasks/cancel", "t", `"taskId":"t"`, Message{TaskIDs: []string{"t"}}},
		{"the header of a task is the server's to ask for", "tasks/get", "", `"taskId":"t"`, Message{TaskIDs: []string{"t"}}},
		{"what is gone is the server's to refuse", "resources/subscribe", "", ``, Message{}},
		{"a method that only its server knows", "unknown/method", "", ``, Message{}},
		{"its name is mirrored all the same", "skills/run", "x", `"name":"x"`, Message{}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			h, body := modern(tt.method, tt.name, tt.params)
			got, refusal := Read(h, []byte(body))
			if refusal != nil {
				t.Fatal(refusal)
			}
			tt.want.Kind, tt.want.Method, tt.want.ID, tt.want.Modern = Request, tt.method, []byte("1"), true
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnUnknownVersionIsTheServersToRefuse(t *testing.T) {
	h := header("MCP-Protocol-Version: v999.0.0", "Mcp-Method: server/discover")
	body := `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"v999.0.0"}}}`
	if m, refusal := Read(h, []byte(body)); refusal != nil || !m.Modern {
		t.Error(m, refusal)
	}
}

func TestANameThatServersFoldIsTheSameName(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"name", "name", true},
		{"Name", "name", true},
		{"NAME", "name", true},
		{"param\u017f", "params", true},
		{"\u212aey", "key", true},
		{"ur\u0131", "uri", true},
		{"ur\u0130", "uri", true},
		{"name\x00", "name", true},
		{"\x00n\x00ame", "name", true},
		{"task_id", "taskId", true},
		{"task-id", "taskId", true},
		{"meta", "_meta", true},
		{"", "\x00", true},
		{"names", "name", false},
		{"nam", "name", false},
		{"", "name", false},
		{"\ufffd", "", false},
		{"", "\ufffd", false},
		{"\xff", "\xfe", true}, // neither is UTF-8, and decoders put U+FFFD for both
	} {
		if got := SameName(tt.a, tt.b); got != tt.same {
			t.Errorf("SameName(%q, %q) = %v", tt.a, tt.b, got)
		}
		if got := foldName(tt.a) == foldName(tt.b); got != tt.same {
			t.Errorf("foldName(%q) == foldName(%q) is %v", tt.a, tt.b, got)
		}
	}
}
