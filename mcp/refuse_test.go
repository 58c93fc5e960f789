package mcp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestAMessageThatServersReadDifferentlyIsRefused(t *testing.T) {
	call := func(params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`
	}
	method := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
	}
	for _, tt := range []struct {
		reason string
		body   string
		code   int
		id     string // echoed
		text   string // that says what to change
	}{
		// syntax
		{"nothing", ``, CodeParse, "", "not complete JSON: it ends at byte 0"},
		{"half a message", `{"jsonrpc":"2.0"`, CodeParse, "", "ends at byte 16"},
		{"no JSON", `ok`, CodeParse, "", "byte 0"},
		{"a byte order mark, which JavaScript strips and Go refuses", "\xef\xbb\xbf" + call(`{"name":"ok"}`), CodeParse, "", "byte order mark"},
		{"UTF-16, which Python detects", "{\x00\"\x00}\x00", CodeParse, "", "byte 1"},
		{"a batch, which legacy servers run", `[` + call(`{"name":"secret"}`) + `]`, CodeInvalidRequest, "", "one message per request"},
		{"an empty batch", ` []`, CodeInvalidRequest, "", "batch"},
		{"a string", `"tools/call"`, CodeInvalidRequest, "", "must be a JSON object"},
		{"null", `null`, CodeInvalidRequest, "", "must be a JSON object"},
		{"a second message, which go-sdk ignores", call(`{"name":"secret"}`) + call(`{"name":"ok"}`), CodeParse, "", "after the message"},
		{"a trailing comma", call(`{"name":"ok",}`), CodeParse, "", "byte"},
		{"trailing garbage", call(`{"name":"secret"}`) + "x", CodeParse, "", "after the message"},
		{"trailing NUL", call(`{"name":"secret"}`) + "\x00", CodeParse, "", "after the message"},
		{"NaN, which Python reads", call(`{"name":"ok","arguments":{"a":NaN}}`), CodeParse, "", "/params/arguments/a"},
		{"invalid UTF-8, which Go replaces", call("{\"name\":\"\xff\"}"), CodeParse, "", "/params/name"},
		{"an overlong slash, which some decoders take", call("{\"name\":\"\xc0\xaf\"}"), CodeParse, "", "UTF-8"},
		{"a lone surrogate, which Go replaces and JavaScript keeps", call(`{"name":"\ud800"}`), CodeParse, "", "surrogate"},
		{"a raw line feed in a string", call("{\"name\":\"a\nb\"}"), CodeParse, "", "/params/name"},
		{"a comment", call(`{"name":/*secret*/"ok"}`), CodeParse, "", "byte"},
		{"single quotes", `{'method':'tools/call'}`, CodeParse, "", "byte 1"},
		{"a number with a leading zero", `{"jsonrpc":"2.0","id":01,"method":"ping"}`, CodeParse, "", "byte"},
		{"a hexadecimal number", `{"jsonrpc":"2.0","id":0x1,"method":"ping"}`, CodeParse, "", "byte"},

		// duplicates: last wins everywhere, but the first is what a careless reader sees
		{"two names", call(`{"name":"ok","name":"secret"}`), CodeParse, "", `"name" occurs twice in /params, the second time at byte 68`},
		{"two names, one escaped", call(`{"name":"ok","n\u0061me":"secret"}`), CodeParse, "", `"name" occurs twice`},
		{"two methods", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"secret"}}`, CodeParse, "", `"method" occurs twice in the message`},
		{"two params", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok"},"params":{"name":"secret"}}`, CodeParse, "", `"params" occurs twice`},
		{"two ids", `{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}`, CodeParse, "", `"id" occurs twice`},
		{"two arguments deep inside", call(`{"name":"ok","arguments":{"a":[{"b":1,"b":2}]}}`), CodeParse, "", "/params/arguments/a/0"},
		{"two members that no server looks at", `{"jsonrpc":"2.0","id":1,"method":"ping","x":1,"x":1}`, CodeParse, "", `"x" occurs twice`},

		// names that are not quite
		{"Name, which old Go servers take for name", call(`{"name":"ok","Name":"secret"}`), CodeInvalidRequest, "1", `"Name" at byte 68 in params is "name" to some servers`},
		{"Name alone", call(`{"Name":"secret"}`), CodeInvalidRequest, "1", `"Name"`},
		{"paramſ", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok"},"paramſ":{"name":"secret"}}`, CodeInvalidRequest, "1", `is "params" to some servers`},
		{"METHOD", `{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call","params":{"name":"secret"}}`, CodeInvalidRequest, "1", `"METHOD"`},
		{"a name with U+0000 at its end", call(`{"name":"ok","name\u0000":"secret"}`), CodeInvalidRequest, "1", "U+0000"},
		{"a name with U+0000 and more", call(`{"name":"ok","name\u0000x":"secret"}`), CodeInvalidRequest, "1", "U+0000"},
		{"an argument with U+0000", call(`{"name":"ok","arguments":{"a\u0000":1}}`), CodeInvalidRequest, "1", "U+0000"},
		{"meta, which the Python SDK takes for _meta", call(`{"name":"ok","meta":{}}`), CodeInvalidRequest, "1", `"_meta"`},
		{"task_id, which the Python SDK takes for taskId", method("tasks/get", `{"taskId":"ok","task_id":"secret"}`), CodeInvalidRequest, "1", `"taskId"`},
		{"resource_subscriptions, which the Python SDK takes too", method("subscriptions/listen", `{"notifications":{"resource_subscriptions":["secret:"]}}`), CodeInvalidRequest, "1", `"resourceSubscriptions"`},
		{"Type in a ref", method("completion/complete", `{"ref":{"type":"ref/prompt","Type":"ref/resource","name":"ok"}}`), CodeInvalidRequest, "1", `"type"`},
		{"a protocol version in other case", method("ping", `{"_meta":{"io.modelcontextprotocol/ProtocolVersion":"2026-07-28"}}`), CodeInvalidRequest, "1", metaVersion},
		{"two arguments of one name", call(`{"name":"ok","arguments":{"action":"view","Action":"delete"}}`), CodeInvalidParams, "1", `"action" and "Action"`},
		{"a method in other case", `{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"secret"}}`, CodeInvalidRequest, "1", `"tools/call"`},
		{"a method and a blank", `{"jsonrpc":"2.0","id":1,"method":"tools/call ","params":{"name":"secret"}}`, CodeInvalidRequest, "1", "visible ASCII"},
		{"a method and U+0000", `{"jsonrpc":"2.0","id":1,"method":"tools/call\u0000","params":{"name":"secret"}}`, CodeInvalidRequest, "1", "visible ASCII"},

		// envelope
		{"no jsonrpc", `{"id":1,"method":"prompts/get","params":{"name":"ok"}}`, CodeInvalidRequest, "1", `"jsonrpc" is missing`},
		{"jsonrpc 1.0", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, CodeInvalidRequest, "1", `must be "2.0"`},
		{"jsonrpc as a number", `{"jsonrpc":2.0,"id":1,"method":"ping"}`, CodeInvalidRequest, "1", `at byte 11`},
		{"jsonrpc null in the flat form", `{"jsonrpc":null,"method":"tools/list"}`, CodeInvalidRequest, "", `must be "2.0"`},
		{"id null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, CodeInvalidRequest, "", "id at byte 22 must be a string or an integer"},
		{"id a fraction", `{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, CodeInvalidRequest, "", "id"},
		{"id 1.0, which comes back as 1", `{"jsonrpc":"2.0","id":1.0,"method":"ping"}`, CodeInvalidRequest, "", "id"},
		{"id with an exponent", `{"jsonrpc":"2.0","id":1e2,"method":"ping"}`, CodeInvalidRequest, "", "id"},
		{"id -0, which comes back as 0", `{"jsonrpc":"2.0","id":-0,"method":"ping"}`, CodeInvalidRequest, "", "id"},
		{"id beyond 2^53-1, which JavaScript rounds", `{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}`, CodeInvalidRequest, "", "id"},
		{"id true", `{"jsonrpc":"2.0","id":true,"method":"ping"}`, CodeInvalidRequest, "", "id"},
		{"id an object", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, CodeInvalidRequest, "", "id"},
		{"no id, which makes a call a notification to some", `{"jsonrpc":"2.0","method":"prompts/get","params":{"name":"p"}}`, CodeInvalidRequest, "", "needs an id"},
		{"a notification with an id", `{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}`, CodeInvalidRequest, "1", "leave out the id"},
		{"an unknown notification with an id", `{"jsonrpc":"2.0","id":1,"method":"notifications/x"}`, CodeInvalidRequest, "1", "leave out the id"},
		{"method a number", `{"jsonrpc":"2.0","id":1,"method":1}`, CodeInvalidRequest, "1", `"method" at byte 33 must be a string`},
		{"method null", `{"jsonrpc":"2.0","id":1,"method":null,"result":{}}`, CodeInvalidRequest, "1", `must be a string`},
		{"method empty", `{"jsonrpc":"2.0","id":1,"method":""}`, CodeInvalidRequest, "1", `visible ASCII`},
		{"neither method nor result", `{"jsonrpc":"2.0","id":1}`, CodeInvalidRequest, "1", "no method"},
		{"method and result, which go-sdk runs", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secret"},"result":{}}`, CodeInvalidRequest, "1", "both a method and a result"},
		{"method and error", `{"jsonrpc":"2.0","id":1,"method":"ping","error":null}`, CodeInvalidRequest, "1", "both a method and a result"},
		{"result and error", `{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`, CodeInvalidRequest, "1", "both a result and an error"},
		{"a response with params", `{"jsonrpc":"2.0","id":1,"result":{},"params":{}}`, CodeInvalidRequest, "1", "no params"},
		{"a response without id", `{"jsonrpc":"2.0","result":{}}`, CodeInvalidRequest, "", "no id"},
		{"a response without jsonrpc", `{"id":1,"result":{}}`, CodeInvalidRequest, "1", "jsonrpc"},
		{"params an array", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["secret"]}`, CodeInvalidRequest, "1", `"params" at byte 55 must be an object`},
		{"params null", `{"jsonrpc":"2.0","id":1,"method":"ping","params":null}`, CodeInvalidRequest, "1", `must be an object`},

		// the flat form
		{"both forms", `{"method":"tools/call","name":"ok","params":{"name":"secret"}}`, CodeInvalidRequest, "", `both params and "name"`},
		{"both forms, params empty", `{"method":"tools/call","name":"secret","params":{}}`, CodeInvalidRequest, "", `both params and "name"`},
		{"arguments outside", `{"method":"tools/call","params":{"name":"ok"},"arguments":{}}`, CodeInvalidRequest, "", `both params and "arguments"`},
		{"a flat prompt", `{"jsonrpc":"2.0","id":1,"method":"prompts/get","name":"p"}`, CodeInvalidRequest, "1", `belongs into params`},
		{"a flat list with a name", `{"method":"tools/list","name":"p"}`, CodeInvalidRequest, "", `belongs into params`},
		{"a flat name that is no string", `{"method":"tools/call","name":["secret"]}`, CodeInvalidParams, "", `name at byte 30 must be a string`},
		{"Name in the flat form", `{"method":"tools/call","name":"ok","Name":"secret"}`, CodeInvalidRequest, "", `"Name"`},
		{"a null name beside params", `{"jsonrpc":"2.0","id":1,"method":"tools/call","name":null,"params":{"name":"ok"}}`, CodeInvalidRequest, "1", `both params`},

		// what is asked for
		{"no name", call(`{"arguments":{}}`), CodeInvalidParams, "1", "params.name is missing"},
		{"no params", `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`, CodeInvalidParams, "1", "params.name is missing"},
		{"an empty name", call(`{"name":""}`), CodeInvalidParams, "1", "must not be empty"},
		{"a name that is a list", call(`{"name":["ok","secret"]}`), CodeInvalidParams, "1", "params.name at byte 63 must be a string"},
		{"a name with U+0000, where C ends a string", call(`{"name":"secret\u0000ok"}`), CodeInvalidParams, "1", "control characters"},
		{"a name with a line feed", call(`{"name":"ok\nsecret"}`), CodeInvalidParams, "1", "control characters"},
		{"a uri with DEL", method("resources/read", `{"uri":"a:\u007f"}`), CodeInvalidParams, "1", "control characters"},
		{"no uri", method("resources/read", `{"name":"ok"}`), CodeInvalidParams, "1", "params.uri is missing"},
		{"no uri to subscribe to", method("resources/subscribe", `{}`), CodeInvalidParams, "1", "params.uri is missing"},
		{"no task", method("tasks/cancel", `{}`), CodeInvalidParams, "1", "params.taskId is missing"},
		{"arguments in a string", call(`{"name":"ok","arguments":"{}"}`), CodeInvalidParams, "1", "arguments at byte 80 must be an object"},
		{"arguments in a list", call(`{"name":"ok","arguments":[]}`), CodeInvalidParams, "1", "must be an object"},
		{"no ref", method("completion/complete", `{}`), CodeInvalidParams, "1", "params.ref must be an object"},
		{"a ref of no type", method("completion/complete", `{"ref":{"name":"ok"}}`), CodeInvalidParams, "1", `must be of type "ref/prompt" or "ref/resource"`},
		{"a ref of another type", method("completion/complete", `{"ref":{"type":"ref/tool","name":"ok"}}`), CodeInvalidParams, "1", `must be of type`},
		{"a ref to both", method("completion/complete", `{"ref":{"type":"ref/prompt","name":"ok","uri":"secret:"}}`), CodeInvalidParams, "1", `both a name and a uri`},
		{"a ref without its name", method("completion/complete", `{"ref":{"type":"ref/prompt"}}`), CodeInvalidParams, "1", "params.ref.name is missing"},
		{"no notifications", method("subscriptions/listen", `{"resourceSubscriptions":["secret:"]}`), CodeInvalidParams, "1", "params.notifications must be an object"},
		{"a subscription that is no list", method("subscriptions/listen", `{"notifications":{"resourceSubscriptions":"secret:"}}`), CodeInvalidParams, "1", "must be an array of strings"},
		{"a subscription to a number", method("subscriptions/listen", `{"notifications":{"resourceSubscriptions":["ok:",1]}}`), CodeInvalidParams, "1", "resourceSubscriptions/1 at byte"},
		{"a _meta that is no object", method("ping", `{"_meta":[]}`), CodeInvalidParams, "1", "params._meta must be an object"},
		{"a version that is no string", method("ping", `{"_meta":{"io.modelcontextprotocol/protocolVersion":1}}`), CodeInvalidParams, "1", "must be a string"},

		// values
		{"an integer that JavaScript rounds", call(`{"name":"ok","arguments":{"a":[9007199254740993]}}`), CodeInvalidParams, "1", "number at byte 86"},
		{"the first integer that is not safe", call(`{"name":"ok","arguments":{"a":-9007199254740992}}`), CodeInvalidParams, "1", "number at byte 85"},
		{"an integer beyond 64 bits", call(`{"name":"ok","arguments":{"a":99999999999999999999999}}`), CodeInvalidParams, "1", "number"},
		{"a float that is Infinity to some", call(`{"name":"ok","arguments":{"a":1e400}}`), CodeInvalidParams, "1", "number"},
		{"an integer that JavaScript rounds, flat", `{"method":"tools/call","name":"ok","arguments":{"a":9007199254740993}}`, CodeInvalidParams, "", "number"},
		{"depth beyond what is judged", call(`{"name":"ok","arguments":{"a":` + strings.Repeat("[", 126) + strings.Repeat("]", 126) + `}}`), CodeInvalidRequest, "1", "128 levels"},
		{"depth beyond what any decoder takes", call(`{"name":"ok","arguments":{"a":` + strings.Repeat("[", 20000)), CodeParse, "", "byte"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			m, refusal := Read(http.Header{}, []byte(tt.body))
			if refusal == nil {
				t.Fatalf("accepted as %+v", m)
			}
			if refusal.Status != http.StatusBadRequest || refusal.Code != tt.code {
				t.Errorf("status %d, code %d, want %d", refusal.Status, refusal.Code, tt.code)
			}
			if string(refusal.ID) != tt.id {
				t.Errorf("id %q, want %q", refusal.ID, tt.id)
			}
			if !strings.Contains(refusal.Text, tt.text) {
				t.Errorf("text %q does not say %q", refusal.Text, tt.text)
			}
			if !json.Valid(refusal.Body()) {
				t.Errorf("body %s", refusal.Body())
			}
		})
	}
}

func TestAHeaderThatContradictsTheBodyIsRefused(t *testing.T) {
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok"}}`
	const modernCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok",` + meta + `}}`
	const v = "MCP-Protocol-Version: 2026-07-28"
	for _, tt := range []struct {
		reason string
		header []string
		body   string
		code   int
		text   string
	}{
		{"a lying name in the legacy era", []string{"Mcp-Name: secret"}, call, CodeHeaderMismatch, `Mcp-Name is "secret", the body says "ok"`},
		{"a lying method in the legacy era", []string{"Mcp-Method: ping"}, call, CodeHeaderMismatch, `Mcp-Method is "ping"`},
		{"a method in other case", []string{"Mcp-Method: TOOLS/CALL"}, call, CodeHeaderMismatch, `"TOOLS/CALL"`},
		{"an empty name", []string{"Mcp-Name: "}, call, CodeHeaderMismatch, `Mcp-Name is ""`},
		{"a lying encoded name", []string{"Mcp-Name: =?base64?c2VjcmV0?="}, call, CodeHeaderMismatch, `"secret"`},
		{"a name that cannot be decoded", []string{"Mcp-Name: =?base64?b2t?="}, call, CodeHeaderMismatch, "padded base64"},
		{"a name with idle bits, which decoders read differently", []string{"Mcp-Name: =?base64?b2t=?="}, call, CodeHeaderMismatch, "padded base64"},
		{"a name in URL-safe base64", []string{"Mcp-Name: =?base64?_-8=?="}, call, CodeHeaderMismatch, "padded base64"},
		{"a name that decodes to no UTF-8", []string{"Mcp-Name: =?base64?/w==?="}, call, CodeHeaderMismatch, "UTF-8"},
		{"a name of a method that has none", []string{"Mcp-Name: ok"}, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, CodeHeaderMismatch, `the body says ""`},
		{"a method on an answer", []string{"Mcp-Method: tools/call"}, `{"jsonrpc":"2.0","id":1,"result":{}}`, CodeHeaderMismatch, `the body says ""`},
		{"two names", []string{"Mcp-Name: ok", "Mcp-Name: ok"}, call, CodeHeaderMismatch, "Mcp-Name is sent 2 times"},
		{"two methods", []string{"Mcp-Method: tools/call", "Mcp-Method: tools/call"}, call, CodeHeaderMismatch, "Mcp-Method is sent 2 times"},
		{"two versions", []string{v, "MCP-Protocol-Version: 2025-11-25"}, call, CodeHeaderMismatch, "Mcp-Protocol-Version is sent 2 times"},
		{"two sessions", []string{"Mcp-Session-Id: a", "Mcp-Session-Id: b"}, call, CodeHeaderMismatch, "Mcp-Session-Id is sent 2 times"},
		{"two names in one line", []string{"Mcp-Name: ok, secret"}, call, CodeHeaderMismatch, `"ok, secret"`},

		{"a modern body without version header", nil, modernCall, CodeHeaderMismatch, "MCP-Protocol-Version is missing"},
		{"a modern body under a legacy header", []string{"MCP-Protocol-Version: 2025-11-25"}, modernCall, CodeHeaderMismatch, "send one version"},
		{"a modern header over a legacy body", []string{v, "Mcp-Method: tools/call", "Mcp-Name: ok"}, call, CodeInvalidParams, "is missing: protocol 2026-07-28 needs it"},
		{"another modern version", []string{"MCP-Protocol-Version: 2027-01-01", "Mcp-Method: tools/call", "Mcp-Name: ok"}, modernCall, CodeHeaderMismatch, "send one version"},
		{"no method in the modern era", []string{v, "Mcp-Name: ok"}, modernCall, CodeHeaderMismatch, `Mcp-Method is missing: send "tools/call"`},
		{"no name in the modern era", []string{v, "Mcp-Method: tools/call"}, modernCall, CodeHeaderMismatch, `Mcp-Name is missing: send "ok"`},
		{"another name in the modern era", []string{v, "Mcp-Method: tools/call", "Mcp-Name: secret"}, modernCall, CodeHeaderMismatch, `"secret"`},
		{"another task in the modern era", []string{v, "Mcp-Method: tasks/get", "Mcp-Name: t2"}, `{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t1",` + meta + `}}`, CodeHeaderMismatch, `the body says "t1"`},
		{"an answer in the modern era", []string{v}, `{"jsonrpc":"2.0","id":1,"result":{}}`, CodeInvalidRequest, "no responses"},
		{"the flat form in the modern era", []string{v, "Mcp-Method: tools/call", "Mcp-Name: ok"}, `{"id":1,"method":"tools/call","params":{"name":"ok",` + meta + `}}`, CodeInvalidRequest, `needs "jsonrpc"`},
		{"a call without id in the modern era", []string{v, "Mcp-Method: tools/call", "Mcp-Name: ok"}, `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"ok",` + meta + `}}`, CodeInvalidRequest, `needs "jsonrpc", "id"`},
		{"a version that is no date and no meta", []string{"MCP-Protocol-Version: latest"}, call, CodeInvalidParams, "needs it in every request"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			m, refusal := Read(header(tt.header...), []byte(tt.body))
			if refusal == nil {
				t.Fatalf("accepted as %+v", m)
			}
			if refusal.Code != tt.code || !strings.Contains(refusal.Text, tt.text) {
				t.Errorf("%d %q, want %d and %q", refusal.Code, refusal.Text, tt.code, tt.text)
			}
			if id := "1"; strings.Contains(tt.body, `"id"`) && string(refusal.ID) != id {
				t.Errorf("id %s", refusal.ID)
			}
		})
	}
}

func TestWhatCannotBeReadOfAHostileBodyIsNotGivenBack(t *testing.T) {
	key := strings.Repeat("k", 5000)
	_, refusal := Read(http.Header{}, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"%s":{"a":x}}}`, key))
	if refusal == nil || len(refusal.Text) > 400 {
		t.Errorf("%d bytes of text", len(refusal.Text))
	}
}

func TestAnErrorWithoutIDLeavesItOut(t *testing.T) {
	if got, want := string(ErrorBody(nil, -32603, "a \"b\"", nil)), `{"jsonrpc":"2.0","error":{"code":-32603,"message":"a \"b\""}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(ErrorBody([]byte(`"\u0031"`), 403, "no", map[string]any{"missing": []string{"a.b"}})), `{"jsonrpc":"2.0","id":"\u0031","error":{"code":403,"message":"no","data":{"missing":["a.b"]}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(ErrorBody([]byte(`1`), 403, "no", func() {})), `{"jsonrpc":"2.0","error":{"code":403,"message":"no"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
