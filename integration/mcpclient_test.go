package integration

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// within waits for a channel to deliver.
func within[T any](t testing.TB, limit time.Duration, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(limit):
		t.Fatalf("%s: not within %v", what, limit)
	}
	return v
}

func TestAnMCPClientWorksThroughTheGateway(t *testing.T) {
	t.Parallel()
	for name, era := range eras {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newMCPServer(t, era)
			g := start(t, guarded(server.url, 0))
			tok := g.holder(t, "blog.view_article")

			progress := make(chan float64, 16)
			changed := make(chan struct{}, 16)
			session := mustConnect(t, g.url("/mcp"), tok.secret, era, &mcp.ClientOptions{
				ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { progress <- r.Params.Progress },
				ToolListChangedHandler:      func(context.Context, *mcp.ToolListChangedRequest) { changed <- struct{}{} },
			})
			tools, err := session.ListTools(t.Context(), nil)
			if err != nil || len(tools.Tools) != 3 {
				t.Fatalf("%v, %v", tools, err)
			}
			result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "ok", Arguments: object{"a": 1}})
			if err != nil || result.Content[0].(*mcp.TextContent).Text != "ran ok" || server.count("ok") != 1 {
				t.Fatalf("%v, %v, ran %d times", result, err, server.count("ok"))
			}

			params := &mcp.CallToolParams{Name: "report"}
			params.SetProgressToken("p")
			if _, err := session.CallTool(t.Context(), params); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				if got := within(t, 5*time.Second, "progress", progress); got != float64(i+1) {
					t.Errorf("progress %v, want %d", got, i+1)
				}
			}

			server.addTool("late")
			within(t, 5*time.Second, "notice of the changed list", changed)
			if _, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "late"}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestABadTokenFailsAnMCPClientAtOnce(t *testing.T) {
	t.Parallel()
	for name, era := range eras {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newMCPServer(t, era)
			g := start(t, guarded(server.url, 0))
			disabled := g.holder(t, "blog.view_article")
			g.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+disabled.ID+"/disable", object{})
			for who, test := range map[string]struct{ secret, says string }{
				"nobody":       {"", "token"},
				"a stranger":   {"mcp_AAAAAAAAAAAAAAAA." + strings.Repeat("0", 43), "token"},
				"the disabled": {disabled.secret, "token"},
				"the powerless": {
					g.holder(t, "blog.add_article").secret, "blog.view_article",
				},
			} {
				began := time.Now()
				_, err := connect(t, g.url("/mcp"), test.secret, era, nil)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("%s: failed after %v", who, took)
				}
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%s: the error does not speak of %s: %v", who, test.says, err)
				}
			}
		})
	}
}

func TestListModulesShowsEveryModule(t *testing.T) {
	t.Parallel()
	out := command(t, t.TempDir(), "list-modules")
	for _, id := range []string{"mcp_token", "http.handlers.mcp_token", "http.handlers.mcp_token_admin", "admin.api.mcp_token", "mcp_token.stores.bbolt"} {
		if !strings.Contains("\n"+out.stdout, "\n"+id+"\n") {
			t.Errorf("%s is not listed", id)
		}
	}
}
