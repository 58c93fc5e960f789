package caddymodule

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

const rules = `
	require a.b
	tool ok allow
	tool secret require c.d
	prompt greet allow
`

func call(id, tool string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":{}}}`, id, tool)
}

func TestRulesDecideOnTheBody(t *testing.T) {
	r := newRig(t, "{"+rules+"}")
	_, secret := r.token("a.b")
	for _, tt := range []struct {
		name, body string
		status     int
		reason     tokenstore.Reason
		want       string
	}{
		{"an allowed tool", call("1", "ok"), 200, "", `"result"`},
		{"a tool without its permission", call("1", "secret"), 403, tokenstore.ReasonPermission, `"message":"The tool secret needs the permission c.d, which the token lacks."`},
		{"an unknown tool", call("1", "other"), 403, tokenstore.ReasonRule, `"message":"The tool other is not open to this token, whatever its permissions."`},
		{"an unknown method", `{"jsonrpc":"2.0","id":1,"method":"tasks/list"}`, 403, tokenstore.ReasonRule, `"message":"The method tasks/list is not open`},
		{"a harmless method", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, 200, "", ""},
		{"a batch", `[` + call("1", "ok") + `]`, 400, tokenstore.ReasonBody, `"code":-32600`},
		{"two names", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok","name":"secret"}}`, 400, tokenstore.ReasonBody, `"jsonrpc":"2.0"`},
		{"no JSON", `{"jsonrpc"`, 400, tokenstore.ReasonBody, `"code":-32700`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := r.got()
			a := r.post(tt.body, bearer(secret))
			r.want(a, tt.status, tt.reason)
			if !strings.Contains(a.body, tt.want) {
				t.Errorf("body %s, want %s in it", a.body, tt.want)
			}
			if passed := r.got() > before; passed != (tt.status == 200) {
				t.Errorf("reached the upstream: %v", passed)
			}
		})
	}
}

func TestTheUpstreamGetsExactlyWhatWasJudged(t *testing.T) {
	r := newRig(t, "{"+rules+"}")
	_, secret := r.token("a.b")
	var got []byte
	r.upstream = func(_ http.ResponseWriter, req *http.Request) (err error) {
		got, err = io.ReadAll(req.Body)
		return err
	}
	body := ` { "jsonrpc" : "2.0", "id":1e0, "method":"ping" , "x":1.0 } `
	body = strings.Replace(body, "1e0", "1", 1)
	r.post(body, bearer(secret))
	if string(got) != body || r.last().ContentLength != int64(len(body)) {
		t.Errorf("the upstream got %q (length %d)", got, r.last().ContentLength)
	}
	if r.last().Header.Get("Accept-Encoding") != "identity" {
		t.Error("the answer may come encoded, and could not be filtered")
	}
}

func TestOtherMediaTypesAndSizesAreRefusedWithWhatToChange(t *testing.T) {
	r := newRig(t, "{"+rules+"\n max_body 1KiB\n}")
	_, secret := r.token("a.b")
	long := call(`"`+strings.Repeat("x", 2000)+`"`, "ok")
	a := r.post(long, bearer(secret))
	r.want(a, http.StatusRequestEntityTooLarge, tokenstore.ReasonBody)
	if !strings.Contains(a.body, "1024") || !strings.Contains(a.body, "max_body") {
		t.Errorf("body %s", a.body)
	}
	a = r.raw("POST /mcp HTTP/1.1", "Host: localhost", "Connection: close", "Content-Type: text/plain", "Content-Length: 0", bearer(secret))
	r.want(a, http.StatusUnsupportedMediaType, tokenstore.ReasonBody)
	if !strings.Contains(a.body, "application/json") || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("body %s", a.body)
	}
}

func TestAToolThatIsDeniedInTheModernEraFailsWithAWholeResult(t *testing.T) {
	r := newRig(t, "{"+rules+"deny_as tool_result\n}")
	_, secret := r.token("a.b")
	a := r.post(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"secret","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`,
		bearer(secret), "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: secret")
	if a.StatusCode != http.StatusOK || !strings.Contains(a.body, `"result":{"resultType":"complete","content":[`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestAnArgumentOfAnotherTypeIsNamedAsTheReason(t *testing.T) {
	r := newRig(t, "{\ntool act where \"args.action == 'delete'\" allow\n}")
	_, secret := r.token("a.b")
	a := r.post(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"act","arguments":{"action":["delete"]}}}`, bearer(secret))
	r.want(a, http.StatusForbidden, tokenstore.ReasonRule)
	if !strings.Contains(a.body, "with these arguments") {
		t.Errorf("body %s", a.body)
	}
}

func TestAResultMayBeLargerThanACall(t *testing.T) {
	r := newRig(t, "{"+rules+"\n max_body 1KiB\n}")
	_, secret := r.token("a.b")
	result := `{"jsonrpc":"2.0","id":1,"result":{"content":"` + strings.Repeat("x", 5<<20) + `"}}`
	r.upstream = func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, result)
		return err
	}
	if a := r.post(call("1", "ok"), bearer(secret)); a.StatusCode != http.StatusOK || a.body != result {
		t.Errorf("status %d, %d bytes", a.StatusCode, len(a.body))
	}
}

func TestALimitOfRequestBodyKeepsItsStatus(t *testing.T) {
	r := newRig(t, "{"+rules+"}")
	_, secret := r.token("a.b")
	r.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.Body = errorBody{caddyhttp.Error(http.StatusRequestEntityTooLarge, io.ErrShortBuffer)}
		r.ServeHTTP(w, req)
	})
	a := r.post(call("1", "ok"), bearer(secret))
	r.want(a, http.StatusRequestEntityTooLarge, tokenstore.ReasonBody)
}

type errorBody struct{ err error }

func (b errorBody) Read([]byte) (int, error) { return 0, b.err }
func (errorBody) Close() error               { return nil }

func TestDenialsTakeTheFormThatClientsUnderstand(t *testing.T) {
	const message = `"The tool secret needs the permission c.d, which the token lacks."`
	for _, tt := range []struct {
		setting, body string
		status        int
		want          string
	}{
		{"deny_as http", call("7", "secret"), 403, `{"jsonrpc":"2.0","id":7,"error":{"code":403,"message":` + message + `,"data":{"reason":"permission","missing":["c.d"]}}}`},
		{"deny_as jsonrpc", call(`"x"`, "secret"), 200, `{"jsonrpc":"2.0","id":"x","error":{"code":403,"message":` + message + `,"data":{"reason":"permission","missing":["c.d"]}}}`},
		{"deny_as tool_result", call("7", "secret"), 200, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":` + message + `}],"isError":true}}`},
		{"deny_as tool_result", `{"jsonrpc":"2.0","id":7,"method":"prompts/get","params":{"name":"x"}}`, 200, `{"jsonrpc":"2.0","id":7,"error":{"code":403,"message":"The prompt x is not open to this token, whatever its permissions.","data":{"reason":"rule"}}}`},
		{"hide_denied", call("7", "secret"), 200, `{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown tool: secret"}}`},
		{"hide_denied", `{"jsonrpc":"2.0","id":7,"method":"prompts/get","params":{"name":"x"}}`, 200, `{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown prompt: x"}}`},
		{"hide_denied", `{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{"uri":"file:///x"}}`, 200, `{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown resource: file:///x"}}`},
		{"hide_denied", `{"jsonrpc":"2.0","id":7,"method":"tasks/list"}`, 200, `{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"Method not found: tasks/list"}}`},
	} {
		t.Run(tt.setting+" "+tt.body, func(t *testing.T) {
			r := newRig(t, "{"+rules+tt.setting+"\n}")
			_, secret := r.token("a.b")
			a := r.post(tt.body, bearer(secret))
			if a.StatusCode != tt.status || a.body != tt.want {
				t.Errorf("%d %s\nwant %d %s", a.StatusCode, a.body, tt.status, tt.want)
			}
			if challenge := a.Header.Get("WWW-Authenticate"); (challenge != "") != (tt.status == 403) {
				t.Errorf("challenge %q", challenge)
			}
			if r.got() != 0 {
				t.Error("the denied message reached the upstream")
			}
		})
	}
}

func TestListsShowWhatTheCallerMayCall(t *testing.T) {
	r := newRig(t, "{"+rules+"}")
	_, reader := r.token("a.b")
	_, all := r.token("a.b", "c.d")
	const list = `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"ok"},{"name":"secret"},{"name":"other"}]}}`
	r.upstream = func(w http.ResponseWriter, req *http.Request) error {
		w.Header().Set("Content-Type", "application/json")
		if req.Method == http.MethodGet {
			w.Header().Set("Content-Type", "text/event-stream")
			_, err := io.WriteString(w, "data: "+list+"\n\n")
			return err
		}
		_, err := io.WriteString(w, list)
		return err
	}
	for secret, want := range map[string]string{
		reader: `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"ok"}]}}`,
		all:    `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"ok"},{"name":"secret"}]}}`,
	} {
		if a := r.post(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, bearer(secret)); a.body != want {
			t.Errorf("answer to POST %s, want %s", a.body, want)
		}
		if a := r.get("/mcp", bearer(secret), "Last-Event-ID: 3"); a.body != "data: "+want+"\n\n" {
			t.Errorf("replay on GET %q, want %s", a.body, want)
		}
	}
}

func TestTheMessageIsNamedToOtherDirectivesAndTheLog(t *testing.T) {
	r := newRig(t, "{"+rules+"}")
	_, secret := r.token("a.b")
	live := make(chan []tokenstore.LiveRequest, 1)
	r.upstream = func(http.ResponseWriter, *http.Request) error {
		live <- r.service.Live("")
		return nil
	}
	r.post(call("1", "ok"), bearer(secret))
	if method, name := r.placeholder("mcp.method"), r.placeholder("mcp.name"); method != "tools/call" || name != "ok" {
		t.Errorf("{mcp.method} is %q, {mcp.name} %q", method, name)
	}
	requests := <-live
	if len(requests) != 1 || requests[0].MCPMethod != "tools/call" || requests[0].MCPName != "ok" || requests[0].Method != "POST" || requests[0].Path != "/mcp" {
		t.Errorf("live: %+v", requests)
	}
	if n := r.service.LiveCount(); n != 0 {
		t.Errorf("%d requests stay live", n)
	}
}
