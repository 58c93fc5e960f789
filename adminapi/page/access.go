package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

type accessScreen struct {
	frame
	Routes      []routeLine
	Permissions []adminapi.Permission
}

type routeLine struct {
	Name, Audience string
	Rules          []string
}

func (s *Site) showAccess(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !s.require(w, r, v, tokenstore.RightViewToken) {
		return
	}
	data := accessScreen{frame: v.frame("Routes and permissions", "access"), Permissions: adminapi.Catalogue(v.service, s.Routes())}
	for _, route := range s.Routes() {
		data.Routes = append(data.Routes, routeLine{route.Name, route.Audience, route.Policy.Describe()})
	}
	s.render(w, r, http.StatusOK, "access", data)
}

// catalogue is what the permission picker suggests: the names that routes and
// groups use.
func (s *Site) catalogue(v *visitor) []string {
	var names []string
	for _, p := range adminapi.Catalogue(v.service, s.Routes()) {
		names = append(names, p.Permission)
	}
	return names
}

// summary says what a token could call.
type summary struct {
	Headline string        `json:"headline"`
	Items    []summaryItem `json:"items"`
}

type summaryItem struct {
	Allowed bool   `json:"allowed"`
	Text    string `json:"text"`
	Missing string `json:"missing"`
}

// summary answers the live summary beside the form.
func (s *Site) summary(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok || !s.require(w, r, v, tokenstore.RightViewToken) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s.summaryOf(v, form))
}

func (s *Site) summaryOf(v *visitor, form url.Values) summary {
	held := slices.DeleteFunc(words(form.Get("permissions")), func(p string) bool { return tokenstore.CheckGrant(p) != nil })
	for _, name := range form["groups"] {
		if g, err := v.service.Group(name); err == nil {
			held = append(held, g.Permissions...)
		}
	}
	return s.reach(tokenstore.NewGrants(held...))
}

// reach sums up, for every route, what a token with these grants could do.
func (s *Site) reach(g *tokenstore.Grants) summary {
	sum := summary{Items: []summaryItem{}}
	open := 0
	routes := s.Routes()
	for _, route := range routes {
		if g.HoldsManagement() && !route.Policy.RequiresManagement() {
			sum.Items = append(sum.Items, summaryItem{Text: route.Name + ": management tokens are refused on ordinary routes"})
			continue
		}
		some := false
		for _, reach := range route.Policy.Reach(g) {
			some = some || reach.Allowed
			sum.Items = append(sum.Items, summaryItem{reach.Allowed, route.Name + ": " + reach.Text, strings.Join(reach.Missing, " ")})
		}
		if some {
			open++
		}
	}
	switch {
	case len(routes) == 0:
		sum.Headline = "No route of the running configuration uses tokens."
	case open == 0:
		sum.Headline = "Nothing: every route refuses it."
	default:
		sum.Headline = fmt.Sprintf("Something on %d of %d routes.", open, len(routes))
	}
	return sum
}
