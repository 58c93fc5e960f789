package integration

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

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
