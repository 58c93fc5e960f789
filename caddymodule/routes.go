package caddymodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
)

// routes are the guarded routes of one configuration. Handlers with the same
// settings are one route: a site on two ports has two handlers.
type routes struct {
	mu     sync.Mutex
	byText map[string]*Handler // by the handler's settings
	texts  map[*Handler]string
	names  map[string]string // by the settings; made on first use
}

// add announces h. Two routes that differ cannot have the same name.
func (r *routes) add(h *Handler) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byText == nil {
		r.byText, r.texts = map[string]*Handler{}, map[*Handler]string{}
	}
	for other, o := range r.byText {
		if h.Name != "" && h.Name == o.Name && other != string(text) {
			return fmt.Errorf("two mcp_token directives have the name %q; logs and checks could not tell them apart", h.Name)
		}
	}
	r.byText[string(text)] = h
	r.texts[h] = string(text)
	r.names = nil
	return nil
}

// name is what h is called: what it says itself, or route-1, route-2 and so on
// in an order that depends on the settings alone.
func (r *routes) name(h *Handler) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nameAll()
	return r.names[r.texts[h]]
}

func (r *routes) nameAll() {
	if r.names != nil {
		return
	}
	r.names = map[string]string{}
	taken := map[string]bool{}
	for text, h := range r.byText {
		if h.Name != "" {
			r.names[text] = h.Name
			taken[h.Name] = true
		}
	}
	n := 0
	for _, text := range slices.Sorted(maps.Keys(r.byText)) {
		if r.names[text] != "" {
			continue
		}
		for n++; taken["route-"+strconv.Itoa(n)]; n++ {
		}
		r.names[text] = "route-" + strconv.Itoa(n)
	}
}

// list is the routes as the admin API shows them, by name.
func (r *routes) list() []adminapi.Route {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nameAll()
	list := make([]adminapi.Route, 0, len(r.byText))
	for text, h := range r.byText {
		list = append(list, adminapi.Route{Name: r.names[text], Audience: h.Audience, Policy: h.policy})
	}
	slices.SortFunc(list, func(a, b adminapi.Route) int {
		return compareNames(a.Name, b.Name)
	})
	return list
}

// compareNames sorts route-2 before route-10.
func compareNames(a, b string) int {
	if d := len(a) - len(b); d != 0 && numbered(a) && numbered(b) {
		return d
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func numbered(name string) bool { return len(name) > 6 && name[:6] == "route-" }
