package integration

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The two eras of the protocol, by the version that a client asks for.
const (
	legacyEra = "2025-11-25" // sessions, initialize, a GET stream
	modernEra = "2026-07-28" // every request for itself
)

var eras = map[string]string{"legacy": legacyEra, "modern": modernEra}

// mcpServer is a real MCP server, made with the official SDK, that counts what
// it is made to do.
type mcpServer struct {
	*mcp.Server
	url  string
	hits atomic.Int64 // HTTP requests

	mu   sync.Mutex
	runs map[string]int // by tool, prompt or resource
}

// newMCPServer starts a server of one era. It has tools, prompts and resources
// called ok and secret, and a tool called report that sends notifications
// before it answers.
func newMCPServer(t testing.TB, era string) *mcpServer {
	t.Helper()
	s := &mcpServer{
		Server: mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil),
		runs:   map[string]int{},
	}
	for _, name := range []string{"ok", "secret"} {
		s.addTool(name)
		s.AddPrompt(&mcp.Prompt{Name: name}, func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			s.ran("prompt " + name)
			return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{{Role: "user", Content: &mcp.TextContent{Text: "ran " + name}}}}, nil
		})
		uri := "test://" + name
		s.AddResource(&mcp.Resource{Name: name, URI: uri}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
			s.ran("resource " + name)
			return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: uri, Text: "ran " + name}}}, nil
		})
		s.AddResourceTemplate(&mcp.ResourceTemplate{Name: name, URITemplate: uri + "/{id}"}, func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
			s.ran("resource " + name)
			return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, Text: "ran " + name}}}, nil
		})
	}
	s.AddTool(&mcp.Tool{Name: "report", InputSchema: anyArguments}, func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		s.ran("report")
		for i := range 3 {
			if err := r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: float64(i + 1)}); err != nil {
				return nil, err
			}
		}
		return text("reported"), nil
	})
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s.Server }, &mcp.StreamableHTTPOptions{
		Stateless: era == modernEra, PropagateRequestCancellation: true,
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		handler.ServeHTTP(w, r)
	}))
	s.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return s
}

var anyArguments = map[string]any{"type": "object"}

func text(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: s}}}
}

// addTool adds a tool that only tells that it ran.
func (s *mcpServer) addTool(name string) {
	s.AddTool(&mcp.Tool{Name: name, InputSchema: anyArguments}, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		s.ran(name)
		return text("ran " + name), nil
	})
}

func (s *mcpServer) ran(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[name]++
}

// count returns how often something ran.
func (s *mcpServer) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[name]
}

// withBearer is a transport that sends a static header, as people configure
// their clients.
type withBearer struct{ secret string }

func (b withBearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if b.secret != "" {
		r.Header.Set("Authorization", "Bearer "+b.secret)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// connect opens a client session of an era.
func connect(t testing.TB, url, secret, era string, options *mcp.ClientOptions) (*mcp.ClientSession, error) {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test client", Version: "1"}, options)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: url, HTTPClient: &http.Client{Transport: withBearer{secret}}, MaxRetries: -1,
	}, &mcp.ClientSessionOptions{ProtocolVersion: era})
	if err == nil {
		t.Cleanup(func() { _ = session.Close() })
	}
	return session, err
}

// mustConnect is connect that must succeed.
func mustConnect(t testing.TB, url, secret, era string, options *mcp.ClientOptions) *mcp.ClientSession {
	t.Helper()
	session, err := connect(t, url, secret, era, options)
	if err != nil {
		t.Fatal(err)
	}
	if got := session.InitializeResult().ProtocolVersion; got != era {
		t.Fatalf("the session speaks %s, want %s", got, era)
	}
	return session
}
