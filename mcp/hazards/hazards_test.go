package hazards

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mcptoken/caddy-mcp-token/mcp"
)

func load(t *testing.T) []Hazard {
	t.Helper()
	list, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (h Hazard) request() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(string(h.Body)))
	for _, line := range h.Headers {
		r.Header.Add(line[0], strings.Trim(line[1], " \t"))
	}
	return r
}

// allowed is the rule that the corpus is about: the tool "ok" and what names nothing.
func allowed(m *mcp.Message) bool {
	switch m.Method {
	case "tools/call":
		return m.Name == "ok"
	case "initialize", "server/discover", "ping", "tools/list", "prompts/list", "resources/list", "notifications/initialized":
		return true
	}
	return false
}

func TestNoHazardPassesAndEveryHarmlessSpellingDoes(t *testing.T) {
	counts := map[Expect]int{}
	for _, h := range load(t) {
		counts[h.Expect]++
		m, body, refusal := mcp.ReadRequest(httptest.NewRecorder(), h.request(), 4<<20)
		passes := refusal == nil && allowed(m)
		switch {
		case h.Expect == Refused && passes:
			t.Errorf("%s (%s) passes as %+v", h.Name, h.Reason, m)
		case h.Expect == Harmless && !passes:
			t.Errorf("%s is refused: %v, %+v", h.Name, refusal, m)
		case passes && string(body) != string(h.Body):
			t.Errorf("%s: the body was changed", h.Name)
		case refusal != nil && (refusal.Text == "" || refusal.Status < 400 || refusal.Status >= 500):
			t.Errorf("%s: refused with %d %q", h.Name, refusal.Status, refusal.Text)
		}
	}
	if counts[Refused] < 300 || counts[Harmless] < 50 {
		t.Errorf("the corpus has %v", counts)
	}
}

// TestTheCorpusIsSharp sends the corpus to a real server without a gateway: the
// harmless calls run, and many of the others would.
func TestTheCorpusIsSharp(t *testing.T) {
	var ran atomic.Pointer[string]
	server := sdk.NewServer(&sdk.Implementation{Name: "t", Version: "1"}, nil)
	for _, name := range []string{"ok", "secret"} {
		server.AddTool(&sdk.Tool{Name: name, InputSchema: map[string]any{"type": "object"}}, func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			ran.Store(&name)
			return &sdk.CallToolResult{}, nil
		})
	}
	handler := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, &sdk.StreamableHTTPOptions{Stateless: true})
	secrets := 0
	for _, h := range load(t) {
		if h.Era == "flat" {
			continue
		}
		ran.Store(nil)
		w := httptest.NewRecorder()
		r := h.request()
		r.Host = "localhost"
		handler.ServeHTTP(w, r)
		name := ran.Load()
		if h.Expect == Harmless && (name == nil || *name != "ok") {
			t.Errorf("%s does not run: %d %s", h.Name, w.Code, w.Body)
		}
		if h.Expect == Refused && name != nil && *name == "secret" {
			secrets++
		}
	}
	t.Logf("%d of the refused requests run secret on go-sdk", secrets)
	if secrets < 50 {
		t.Errorf("only %d of the refused requests run secret", secrets)
	}
}
