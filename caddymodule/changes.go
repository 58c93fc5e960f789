package caddymodule

import (
	"net/http"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// changes tells the client of an open stream that its lists look different now,
// after an edit of its token's rights.
type changes struct {
	signal chan struct{} // holds one: several edits at once are one change
	stop   chan struct{}
	done   sync.WaitGroup

	mu     sync.Mutex
	rights []string // that the client knows of
	known  bool
}

func newChanges() *changes {
	return &changes{signal: make(chan struct{}, 1), stop: make(chan struct{})}
}

// see is told the token's grants after each edit. It is called under the locks
// of the service, so it only leaves a note.
func (c *changes) see(grants *tokenstore.Grants) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rights := grants.List()
	if c.known && !slices.Equal(rights, c.rights) {
		select {
		case c.signal <- struct{}{}:
		default:
		}
	}
	c.known, c.rights = true, rights
}

// announce sends messages over w after every change, until end.
func (c *changes) announce(w *responseWriter, messages [][]byte) {
	c.done.Go(func() {
		for {
			select {
			case <-c.stop:
				return
			case <-c.signal:
				for _, message := range messages {
					w.inject(message)
				}
			}
		}
	})
}

// end stops announcing. Afterwards nothing is written any more.
func (c *changes) end() {
	close(c.stop)
	c.done.Wait()
}

// listKinds are the notifications that each kind of rules makes due.
var listKinds = []struct {
	kind   policy.Kind
	method string
	wish   string // of subscriptions/listen
}{
	{policy.KindTool, "notifications/tools/list_changed", "toolsListChanged"},
	{policy.KindPrompt, "notifications/prompts/list_changed", "promptsListChanged"},
	{policy.KindResource, "notifications/resources/list_changed", "resourcesListChanged"},
}

// watchChanges prepares to tell the client of changes, if the protocol gives a
// place for it: the stream of a GET, or, since 2026-07-28, the answer to
// subscriptions/listen.
func (e *exchange) watchChanges() {
	listens := e.message != nil && e.message.Method == "subscriptions/listen"
	if e.changes == nil && e.h.policy.FiltersLists() && (listens || e.r.Method == http.MethodGet) {
		e.changes = newChanges()
	}
}

// listChanges returns what the client is told when its rights change.
func (e *exchange) listChanges() [][]byte {
	var wishes map[string]bool
	var id jsontext.Value
	if e.message != nil {
		wishes, id = listenWishes(e.body), e.message.ID
	}
	var messages [][]byte
	for _, list := range listKinds {
		ruled := slices.ContainsFunc(e.h.Rules, func(r policy.Rule) bool { return r.Kind == list.kind })
		if ruled && (wishes == nil || wishes[list.wish]) {
			messages = append(messages, listChanged(list.method, id))
		}
	}
	return messages
}

// listenWishes are the notifications that a subscriptions/listen asks for.
func listenWishes(body []byte) map[string]bool {
	var message struct {
		Params struct {
			Notifications map[string]jsontext.Value `json:"notifications"`
		} `json:"params"`
	}
	wishes := map[string]bool{}
	if json.Unmarshal(body, &message) == nil {
		for name, value := range message.Params.Notifications {
			wishes[name] = string(value) == "true"
		}
	}
	return wishes
}
