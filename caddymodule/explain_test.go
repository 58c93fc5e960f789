package caddymodule

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// What check says is what happens: for random tokens and requests, the decision,
// its reason and what is missing are those of the live request.
func TestAnExplanationIsTheLiveDecision(t *testing.T) {
	const tokens, requests = 100, 100
	r := newRig(t, `{
		name blog
		audience blog
		require_any blog.use blog.never
		tool find_models allow
		tool list_* get_* require blog.view_{1}
		tool action_* where "args.action == 'delete'" require blog.delete_{1}
		tool action_* require blog.change_{1}
		tool bulk_* where "args.n < 10 && token.user == 'sam'" allow
		tool secret_* deny
		prompt greet require blog.greet
		resource file:///blog/* require blog.read_file
		method logging/setLevel require blog.log
		method tasks/* deny
	}`)
	routes := r.app.routes.list()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }

	grants := []string{
		"blog.use", "blog.*", "*", "blog.view_article", "blog.view_*", "blog.delete_article", "blog.change_article",
		"blog.greet", "blog.read_file", "blog.log", "*.view_author", "mcp_token.view_token",
	}
	message := func() string {
		tool := func(name, arguments string) string {
			return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name, arguments)
		}
		switch random.IntN(10) {
		case 0, 1, 2:
			return tool(pick("list_", "get_", "secret_", "action_", "unknown_")+pick("article", "author", "a b", ""), "{}")
		case 3:
			return tool("action_"+pick("article", "author"), pick(`{"action":"delete"}`, `{"action":"publish"}`, `{}`, `{"action":["delete"]}`, `{"Action":"delete"}`))
		case 4:
			return tool("bulk_article", pick(`{"n":1}`, `{"n":100}`, `{"n":"1"}`, `{"n":1,"n":2}`))
		case 5:
			return `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"` + pick("greet", "other") + `"}}`
		case 6:
			return `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"` + pick("file:///blog/a", "file:///blog/../etc", "file:///etc") + `"}}`
		case 7:
			return `{"jsonrpc":"2.0","id":1,"method":"` + pick("ping", "tools/list", "logging/setLevel", "tasks/get", "made/up") + `","params":{"level":"info","taskId":"t"}}`
		case 8:
			return `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"` + pick("greet", "other") + `"},"argument":{"name":"a","value":""}}}`
		}
		return tool("find_models", "{}")
	}

	allowed := 0
	for i := range tokens {
		n := tokenstore.NewToken{Name: fmt.Sprint("token ", i), User: pick("sam", "li"), Disabled: i%17 == 0}
		if random.IntN(4) > 0 {
			n.Permissions = append(n.Permissions, "blog.use")
		}
		for range random.IntN(5) {
			n.Permissions = append(n.Permissions, pick(grants...))
		}
		if i%13 == 0 {
			n.Audiences = []string{pick("blog", "elsewhere")}
		}
		if i%11 == 0 {
			n.AllowedCIDRs = []string{pick("192.0.2.0/24", "203.0.113.0/24")}
		}
		record, secret := r.newToken(n)
		for range requests {
			body := message()
			verdict, err := adminapi.Check(r.service, routes, adminapi.Question{
				ID: record.ID, Route: "blog", Method: "POST", Path: "/mcp", Address: "192.0.2.1", Message: jsontext.Value(body),
			})
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}

			before := r.got()
			r.logs.TakeAll()
			live := httptest.NewRecorder()
			request := httptest.NewRequestWithContext(t.Context(), "POST", "/mcp", strings.NewReader(body))
			request.RemoteAddr = "192.0.2.1:1234"
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+secret)
			r.ServeHTTP(live, request)

			passed := r.got() > before
			if passed {
				allowed++
			}
			if passed != (verdict.Decision == "allow") || !passed && string(verdict.Reason) != r.reason() {
				t.Fatalf("%v, %s: check says %+v; live: passed %v, reason %q, %s", n.Permissions, body, verdict, passed, r.reason(), live.Body)
			}
			if live.Code == http.StatusForbidden {
				var refused struct {
					Error struct{ Data struct{ Missing []string } }
				}
				if err := json.Unmarshal(live.Body.Bytes(), &refused); err != nil || !slices.Equal(refused.Error.Data.Missing, verdict.Missing) {
					t.Fatalf("%s: check misses %v; live: %s", body, verdict.Missing, live.Body)
				}
			}
		}
	}
	if share := float64(allowed) / (tokens * requests); share < 0.1 || share > 0.9 {
		t.Errorf("%.0f %% were allowed: the mix tests little", 100*share)
	}
}
