package blog

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// inBothEras runs test as a client of each protocol era.
func inBothEras(t *testing.T, test func(t *testing.T, version string)) {
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		t.Run(version, func(t *testing.T) { test(t, version) })
	}
}

func connect(t *testing.T, version string, o *mcp.ClientOptions) *mcp.ClientSession {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	url, err := Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, o)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: url + "/mcp"}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	if got := session.InitializeResult().ProtocolVersion; got != version {
		t.Fatalf("the server speaks %s, not %s", got, version)
	}
	return session
}

// call calls a tool and returns its result, which must not be an error.
func call(t *testing.T, s *mcp.ClientSession, tool string, args any) map[string]any {
	t.Helper()
	result, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	text := result.Content[0].(*mcp.TextContent).Text
	if result.IsError {
		t.Fatalf("%s: %s", tool, text)
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s: %v in %s", tool, err, text)
	}
	return out
}

func TestEveryModelHasTheToolsOfDjangoAdminMCP(t *testing.T) {
	inBothEras(t, func(t *testing.T, version string) {
		list, err := connect(t, version, nil).ListTools(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, tool := range list.Tools {
			got = append(got, tool.Name)
		}
		want := []string{"find_models"}
		for _, verb := range strings.Fields("list get describe create update delete actions action bulk related history autocomplete") {
			want = append(want, verb+"_article", verb+"_author")
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("tools are %v, want %v", got, want)
		}
	})
}

func TestAnArticleIsCreatedChangedAndDeleted(t *testing.T) {
	inBothEras(t, func(t *testing.T, version string) {
		s := connect(t, version, nil)
		created := call(t, s, "create_article", map[string]any{"data": map[string]any{"title": "New", "author": 2}})
		id := created["id"]
		call(t, s, "update_article", map[string]any{"id": id, "data": map[string]any{"body": "text"}})
		if got := call(t, s, "get_article", map[string]any{"id": id}); got["body"] != "text" || got["title"] != "New" {
			t.Errorf("the article is %v", got)
		}
		if got := call(t, s, "related_article", map[string]any{"id": id}); got["count"] != 1.0 {
			t.Errorf("the author is not found: %v", got)
		}
		if got := call(t, s, "history_article", map[string]any{"id": id}); len(got["history"].([]any)) != 2 {
			t.Errorf("the history is %v", got)
		}
		call(t, s, "delete_article", map[string]any{"id": id})
		result, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "get_article", Arguments: map[string]any{"id": id}})
		if err != nil || !result.IsError {
			t.Errorf("a deleted article is still there: %v %v", result, err)
		}
	})
}

func TestABulkCallReportsProgress(t *testing.T) {
	inBothEras(t, func(t *testing.T, version string) {
		reports := make(chan float64, 10)
		s := connect(t, version, &mcp.ClientOptions{
			ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
				reports <- r.Params.Progress
			},
		})
		params := &mcp.CallToolParams{Name: "bulk_article", Arguments: map[string]any{"operation": "delete", "items": []int{1, 2, 99}}}
		params.SetProgressToken("p")
		result, err := s.CallTool(t.Context(), params)
		if err != nil || result.IsError {
			t.Fatalf("%v %v", result, err)
		}
		for range 3 {
			receive(t, reports)
		}
	})
}

func TestClientsHearOfChangedResources(t *testing.T) {
	inBothEras(t, func(t *testing.T, version string) {
		listChanged, updated := make(chan string, 10), make(chan string, 10)
		s := connect(t, version, &mcp.ClientOptions{
			ResourceListChangedHandler: func(context.Context, *mcp.ResourceListChangedRequest) { listChanged <- "" },
			ResourceUpdatedHandler: func(_ context.Context, r *mcp.ResourceUpdatedNotificationRequest) {
				updated <- r.Params.URI
			},
		})
		if err := s.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "blog://article/1"}); err != nil {
			t.Fatal(err)
		}
		call(t, s, "update_article", map[string]any{"id": 1, "data": map[string]any{"title": "Changed"}})
		if got := receive(t, updated); got != "blog://article/1" {
			t.Errorf("updated %s", got)
		}
		call(t, s, "create_article", map[string]any{"data": map[string]any{"title": "New"}})
		receive(t, listChanged)
	})
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(5 * time.Second):
		t.Fatal("no notification in 5 seconds")
		panic("unreachable")
	}
}

func TestArticlesAreResourcesAndFillAPrompt(t *testing.T) {
	inBothEras(t, func(t *testing.T, version string) {
		s := connect(t, version, nil)
		read, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "blog://article/1"})
		if err != nil || !strings.Contains(read.Contents[0].Text, "Hello, gateway") {
			t.Errorf("%v %v", read, err)
		}
		if _, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "blog://article/99"}); err == nil {
			t.Error("an unknown article is read")
		}
		prompt, err := s.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "summarize_article", Arguments: map[string]string{"id": "2"}})
		if err != nil || !strings.Contains(prompt.Messages[0].Content.(*mcp.TextContent).Text, "Least privilege") {
			t.Errorf("%v %v", prompt, err)
		}
	})
}

func TestOneCurlIsEnoughToCallATool(t *testing.T) {
	server := httptest.NewServer(Handler())
	defer server.Close()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_article","arguments":{"search":"gateway"}}}`
	req, _ := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/mcp", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "*/*")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || !strings.Contains(string(answer), "Hello, gateway") {
		t.Errorf("%d %s", resp.StatusCode, answer)
	}
}

func TestInvalidFieldsAreRefused(t *testing.T) {
	d := newData()
	m := d.model("article")
	for _, fields := range []record{
		{}, {"title": ""}, {"title": 1}, {"title": "x", "published": "yes"},
		{"title": "x", "author": 99.0}, {"title": "x", "author": 1.5}, {"title": "x", "nonsense": 1},
	} {
		if r, err := d.create(m, fields); err == nil {
			t.Errorf("%v made %v", fields, r)
		}
	}
}
