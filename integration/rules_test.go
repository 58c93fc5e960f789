package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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

func TestListsShowWhatMayBeCalled(t *testing.T) {
	t.Parallel()
	for name, era := range eras {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newMCPServer(t, era)
			g := start(t, ruled(server.url, ""))
			for who, test := range map[string]struct {
				permissions []string
				tools, rest []string
			}{
				"without permissions": {nil, []string{"ok", "report"}, []string{"ok"}},
				"with app.secret":     {[]string{"app.secret"}, []string{"ok", "report", "secret"}, []string{"ok", "secret"}},
			} {
				session := mustConnect(t, g.url("/mcp"), g.holder(t, test.permissions...).secret, era, nil)
				var tools, prompts, resources, templates []string
				for tool, err := range session.Tools(t.Context(), nil) {
					tools = append(tools, named(t, tool, err, func(v *mcp.Tool) string { return v.Name }))
				}
				for prompt, err := range session.Prompts(t.Context(), nil) {
					prompts = append(prompts, named(t, prompt, err, func(v *mcp.Prompt) string { return v.Name }))
				}
				for resource, err := range session.Resources(t.Context(), nil) {
					resources = append(resources, named(t, resource, err, func(v *mcp.Resource) string { return v.Name }))
				}
				for template, err := range session.ResourceTemplates(t.Context(), nil) {
					templates = append(templates, named(t, template, err, func(v *mcp.ResourceTemplate) string { return v.Name }))
				}
				slices.Sort(tools)
				if !slices.Equal(tools, test.tools) || !slices.Equal(prompts, test.rest) || !slices.Equal(resources, test.rest) || !slices.Equal(templates, test.rest) {
					t.Errorf("%s: tools %q, prompts %q, resources %q, templates %q", who, tools, prompts, resources, templates)
				}
				// What is listed can be called, what is not cannot.
				for _, name := range []string{"ok", "secret"} {
					_, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: name})
					if listed := slices.Contains(tools, name); listed != (err == nil) {
						t.Errorf("%s: %s is listed %v, called: %v", who, name, listed, err)
					}
				}
			}
		})
	}
}

func named[T any](t *testing.T, v T, err error, name func(T) string) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return name(v)
}

func TestAListIsFilteredInBothFramings(t *testing.T) {
	t.Parallel()
	const list = `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"ok","x":1.50},{"name":"secret"}],"nextCursor":"c","cacheScope":"public","ttlMs":9}}`
	const want = `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"ok","x":1.50}],"nextCursor":"c","cacheScope":"private","ttlMs":9}}`
	upstream := newScripted(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/json" {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("ETag", `"x"`)
			fmt.Fprint(w, list)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": hello\n\nid: 1\ndata: \n\nevent: message\nid: 2\ndata: "+list+"\n\n")
	})
	g := start(t, ruled(upstream, ""))
	auth := "Authorization: " + g.holder(t).bearer()
	const body = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	a := g.raw(t, post("/json", body, auth))
	if string(a.body) != want || a.header.Get("ETag") != "" {
		t.Errorf("JSON: %s, ETag %q", a.body, a.header.Get("ETag"))
	}
	for name, request := range map[string]string{
		"the answer to a POST": post("/sse", body, auth),
		"a replay on a GET":    get("/sse", auth, "Accept: text/event-stream", "Last-Event-ID: 1"),
	} {
		a := g.raw(t, request)
		if !bytes.Contains(a.body, []byte("data: "+want+"\n")) || !bytes.Contains(a.body, []byte("id: 2\n")) || bytes.Contains(a.body, []byte(`"secret"`)) {
			t.Errorf("%s: %s", name, a.body)
		}
	}
}

func TestWhatCannotBeFilteredIsNotPassed(t *testing.T) {
	t.Parallel()
	const list = `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"ok"},{"name":"secret","inputSchema":{}}]}}`
	answers := map[string]func(w http.ResponseWriter){
		"/broken":     func(w http.ResponseWriter) { fmt.Fprint(w, list[:len(list)-2]) },
		"/duplicate":  func(w http.ResponseWriter) { fmt.Fprint(w, strings.Replace(list, `"id":1,`, `"id":1,"result":{},`, 1)) },
		"/bom":        func(w http.ResponseWriter) { fmt.Fprint(w, "\ufeff"+list) },
		"/two":        func(w http.ResponseWriter) { fmt.Fprint(w, list+list) },
		"/batch":      func(w http.ResponseWriter) { fmt.Fprint(w, "["+list+"]") },
		"/encoded":    func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "br"); fmt.Fprint(w, list) },
		"/mislabeled": func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain"); fmt.Fprint(w, list) },
		"/status":     func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted); fmt.Fprint(w, list) },
		"/odd-case": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "Application/JSON; a=b")
			fmt.Fprint(w, list)
		},
	}
	upstream := newScripted(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answers[r.URL.Path](w)
	})
	g := start(t, ruled(upstream, ""))
	auth := "Authorization: " + g.holder(t).bearer()
	for path := range answers {
		a := g.raw(t, post(path, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, auth))
		if bytes.Contains(a.body, []byte("secret")) {
			t.Errorf("%s: passed: %s", path, a.body)
		}
		if a.status == 0 {
			t.Errorf("%s: no answer", path)
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
