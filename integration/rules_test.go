package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// okOnly are rules under which a token without permissions may do what is
// called ok, and needs app.secret for what is called secret.
const okOnly = `
	tool ok report allow
	tool secret require app.secret
	prompt ok allow
	prompt secret require app.secret
	resource test://ok test://ok/* allow
	resource test://secret test://secret/* require app.secret
`

// ruled is a site with rules; extra lines may come before them.
func ruled(upstream, extra string) config {
	return site("mcp_token {\n" + indent(extra) + okOnly + "}\n" + proxy(upstream))
}

func TestADeniedCallLeavesTheConnectionUsable(t *testing.T) {
	t.Parallel()
	for name, era := range eras {
		for _, form := range []string{"http", "jsonrpc", "tool_result", "hidden"} {
			t.Run(name+" as "+form, func(t *testing.T) {
				t.Parallel()
				server := newMCPServer(t, era)
				extra, says := "deny_as "+form, "app.secret"
				if form == "hidden" {
					extra, says = "hide_denied", "Unknown tool"
				}
				g := start(t, ruled(server.url, extra))
				session := mustConnect(t, g.url("/mcp"), g.holder(t).secret, era, nil)
				for range 3 {
					result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "secret"})
					switch {
					case form == "tool_result":
						if err != nil || !result.IsError || !strings.Contains(result.Content[0].(*mcp.TextContent).Text, says) {
							t.Errorf("%v, %v", result, err)
						}
					case err == nil || !strings.Contains(err.Error(), says):
						t.Errorf("the agent is not told of %s: %v", says, err)
					case form == "hidden" && strings.Contains(err.Error(), "app.secret"):
						t.Errorf("the agent is told what is hidden: %v", err)
					}
					if result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "ok"}); err != nil || result.IsError {
						t.Fatalf("the next call: %v, %v", result, err)
					}
					if _, err := session.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "secret"}); err == nil {
						t.Error("the prompt was given")
					}
					if _, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "test://secret"}); err == nil {
						t.Error("the resource was read")
					}
					if _, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "test://ok"}); err != nil {
						t.Fatal("the next read:", err)
					}
				}
				for _, what := range []string{"secret", "prompt secret", "resource secret"} {
					if n := server.count(what); n != 0 {
						t.Errorf("%s ran %d times", what, n)
					}
				}
				if n := server.count("ok"); n != 3 {
					t.Errorf("ok ran %d times, want 3", n)
				}
			})
		}
	}
}

func TestEveryRefusalSaysWhatToChange(t *testing.T) {
	t.Parallel()
	server := newMCPServer(t, modernEra)
	g := start(t, ruled(server.url, "max_body 1KiB"))
	auth := "Authorization: " + g.holder(t).bearer()
	jsonPost := func(body string) string { return post("/mcp", body, auth) }
	typed := func(contentType string) string {
		return strings.Replace(jsonPost(`{"jsonrpc":"2.0","id":1,"method":"ping"}`), "application/json", contentType, 1)
	}
	for name, test := range map[string]struct {
		request string
		status  int
		says    []string
	}{
		"too large":           {jsonPost(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"` + strings.Repeat("x", 2000) + `"}}`), 413, []string{"1", "max_body"}},
		"another media type":  {typed("text/plain"), 415, []string{"application/json"}},
		"another charset":     {typed("application/json; charset=utf-16"), 415, []string{"utf-8"}},
		"an encoded body":     {post("/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, auth, "Content-Encoding: gzip"), 415, []string{"Content-Encoding"}},
		"a doubled member":    {jsonPost(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok","name":"secret"}}`), 400, []string{"name"}},
		"a member in capital": {jsonPost(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok","Name":"secret"}}`), 400, []string{"Name"}},
		"a batch":             {jsonPost(`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`), 400, []string{"batch"}},
		"a name of no string": {jsonPost(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}`), 400, []string{"name"}},
		"a lying header":      {post("/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secret"}}`, auth, "Mcp-Name: ok"), 400, []string{"Mcp-Name"}},
	} {
		a := g.raw(t, test.request)
		if a.status != test.status {
			t.Errorf("%s: status %d, want %d: %s", name, a.status, test.status, a.body)
			continue
		}
		_, _, message := a.rpcError(t)
		for _, word := range test.says {
			if !strings.Contains(message, word) {
				t.Errorf("%s: the message does not speak of %s: %s", name, word, message)
			}
		}
	}
	if server.count("ok")+server.count("secret") != 0 {
		t.Error("something ran")
	}
}

func TestTheUpstreamGetsTheBytesThatWereJudged(t *testing.T) {
	t.Parallel()
	upstream, closeUpstream, err := newRecorder()
	if err != nil {
		t.Fatal(err)
	}
	defer closeUpstream()
	g := start(t, ruled(upstream.url, ""))
	auth := "Authorization: " + g.holder(t).bearer()
	for _, body := range []string{
		"{\n \"params\" : {\"arguments\":{\"n\":1.0e2,\"s\":\"\\u00e9\\/\"},\"name\":\"o\\u006b\"},\t\"method\":\"tools\\/call\",\"id\":\"\\u0041\",\"jsonrpc\":\"2.0\"}\r\n",
		`{"jsonrpc":"2.0","id":9007199254740991,"method":"tools/call","params":{"name":"ok","_meta":{"x":[]}}}`,
		`{"method":"tools/call","name":"ok","arguments":{}}`,
	} {
		if !json.Valid([]byte(body)) {
			t.Fatal("the test's own body is no JSON")
		}
		chunked := crlf("POST /mcp HTTP/1.1\nHost: gateway.test\nContent-Type: application/json\nTransfer-Encoding: chunked\n"+auth+"\n\n") +
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		for kind, request := range map[string]string{"with a length": post("/mcp", body, auth), "in chunks": chunked} {
			a, reached := send(t, g, upstream, request)
			if a.status != http.StatusOK || len(reached) != 1 || string(reached[0].body) != body {
				t.Errorf("%s: status %d, %s, upstream %q", kind, a.status, a.body, reached)
				continue
			}
			if got := reached[0].lines("Content-Length"); len(got) != 1 || reached[0].lines("Transfer-Encoding") != nil {
				t.Errorf("%s: the upstream got %q", kind, reached[0].head)
			}
		}
	}
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secret"}}`,
		`{"method":"tools/call","name":"secret"}`,
		`{"jsonrpc":"2.0","id":1,"method":"tasks/list"}`,
		`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"secret"},"argument":{"name":"a","value":""}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["test://ok","test://secret"]}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"test://secret"}}`,
	} {
		if a, reached := send(t, g, upstream, post("/mcp", body, auth)); a.status != http.StatusForbidden || len(reached) != 0 {
			t.Errorf("%s: status %d, %d requests upstream", body, a.status, len(reached))
		}
	}
}
