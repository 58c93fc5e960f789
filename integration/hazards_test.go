package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/mcp/hazards"
)

// newLaxServer is an upstream that reads a message as many home-made ones do:
// with encoding/json, which folds case, takes the last of equal names and
// ignores what follows, and by the flat form as well as the nested one.
func newLaxServer(t testing.TB) *mcpServer {
	s := &mcpServer{runs: map[string]int{}}
	s.url = newScripted(t, func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		var message struct {
			Method string
			ID     json.RawMessage
			Name   string
			Params struct{ Name, URI string }
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		for _, name := range []string{message.Name, message.Params.Name, message.Params.URI} {
			if name != "" {
				s.ran(name)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	})
	return s
}

// secretRuns counts what nobody in these tests may do.
func (s *mcpServer) secretRuns() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, runs := range s.runs {
		if strings.Contains(name, "secret") {
			n += runs
		}
	}
	return n
}

func TestNoSpellingReachesWhatATokenMayNotCall(t *testing.T) {
	t.Parallel()
	all, err := hazards.Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 300 {
		t.Errorf("only %d hazards", len(all))
	}
	for kind, test := range map[string]struct {
		server *mcpServer
		eras   []string // of which the server runs what is harmless
	}{
		"a legacy server": {newMCPServer(t, legacyEra), []string{"legacy"}},
		"a modern server": {newMCPServer(t, modernEra), []string{"legacy", "modern"}},
		"a lax server":    {newLaxServer(t), []string{"legacy", "modern", "flat"}},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := test.server
			g := start(t, site("mcp_token {\n\ttool ok allow\n}\n"+proxy(server.url)))
			tok := g.holder(t)
			var session string
			if kind == "a legacy server" {
				session = "Mcp-Session-Id: " + openSession(t, g, tok)
			}
			harmless, refused := 0, 0
			for _, h := range all {
				lines := []string{"Authorization: " + tok.bearer()}
				hasSession := slices.ContainsFunc(h.Headers, func(header [2]string) bool { return strings.EqualFold(header[0], "Mcp-Session-Id") })
				if session != "" && !hasSession {
					lines = append(lines, session)
				}
				for _, header := range h.Headers {
					lines = append(lines, header[0]+": "+header[1])
				}
				request := crlf(fmt.Sprintf("POST /mcp HTTP/1.1\nHost: gateway.test\nContent-Length: %d\n", len(h.Body))) + join(lines) + "\r\n" + string(h.Body)
				hits, runs := server.hits.Load(), server.count("ok")
				a := g.raw(t, request)
				hits, runs = server.hits.Load()-hits, server.count("ok")-runs
				switch {
				case h.Expect == hazards.Refused:
					refused++
					if hits != 0 || a.status < 400 {
						t.Errorf("%s (%s): status %d, %d requests upstream: %.300s", h.Name, h.Reason, a.status, hits, a.body)
					}
					if a.header.Get("Content-Type") != "application/json" {
						t.Errorf("%s: refused with %q: %.200q", h.Name, a.header.Get("Content-Type"), a.body)
					}
				case slices.Contains(test.eras, h.Era):
					harmless++
					if a.status != http.StatusOK || runs != 1 {
						t.Errorf("%s (%s): status %d, ran %d times: %.300s", h.Name, h.Reason, a.status, runs, a.body)
					}
				}
			}
			t.Logf("%d refused, %d harmless", refused, harmless)
			if n := server.secretRuns(); n != 0 {
				t.Errorf("what is secret ran %d times", n)
			}
		})
	}
}
