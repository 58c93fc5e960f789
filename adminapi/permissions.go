package adminapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func permissionEndpoints() []endpoint {
	return []endpoint{
		replies(endpoint{
			method: "GET", path: "/permissions", id: "listPermissions",
			summary: "List the permissions in use",
			description: "What tokens and groups hold, and what routes ask for. A grant that no route mentions may be a " +
				"spelling mistake.",
			right:  tokenstore.RightViewToken,
			status: http.StatusOK,
		}, (*call).listPermissions),
		replies(endpoint{
			method: "GET", path: "/routes", id: "listRoutes",
			summary: "List the routes that ask for a token, with their rules in words",
			right:   tokenstore.RightViewToken,
			status:  http.StatusOK,
		}, (*call).listRoutes),
	}
}

// Permission is one line of the catalogue of permissions.
type Permission struct {
	Permission string `json:"permission"`

	// Tokens and Groups count who holds the permission as it is spelled.
	Tokens int `json:"tokens"`
	Groups int `json:"groups"`

	// Routes are the names of the routes that ask for it, or, of a wildcard,
	// for something that it reaches.
	Routes []string `json:"routes"`

	// ReferencedByRoute is false where nothing asks for the permission,
	// perhaps because it is misspelled.
	ReferencedByRoute bool `json:"referenced_by_route"`
}

func (c *call) listPermissions() (list[Permission], error) {
	items := Catalogue(c.service, c.routes())
	return list[Permission]{Items: items, Total: len(items)}, nil
}

// Catalogue lists the permissions that tokens and groups hold and that routes
// ask for, by name.
func Catalogue(service *tokenstore.Service, routes []Route) []Permission {
	lines := map[string]Permission{}
	for _, use := range service.PermissionsInUse() {
		lines[use.Permission] = Permission{Permission: use.Permission, Tokens: use.Tokens, Groups: use.Groups}
	}
	for _, r := range routes {
		for _, name := range r.Policy.Permissions() {
			if _, held := lines[name]; !held {
				lines[name] = Permission{Permission: name}
			}
		}
	}
	for name, line := range lines {
		line.Routes = []string{}
		for _, r := range routes {
			if asksFor(r.Policy, name) {
				line.Routes = append(line.Routes, r.Name)
			}
		}
		// The gateway's own rights are asked for by this API.
		line.ReferencedByRoute = len(line.Routes) > 0 || tokenstore.NewGrants(name).HoldsManagement()
		lines[name] = line
	}
	return slices.SortedFunc(maps.Values(lines), func(a, b Permission) int {
		return strings.Compare(a.Permission, b.Permission)
	})
}

// asksFor reports whether the policy asks for something that grant grants.
func asksFor(p *policy.Policy, grant string) bool {
	spelled := p.Permissions()
	if p.Mentions(grant) || slices.ContainsFunc(spelled, tokenstore.NewGrants(grant).Has) {
		return true
	}
	// What a wildcard reaches by way of a capture shows in what is missing
	// without it, to somebody who holds all the rest.
	return strings.Contains(grant, "*") && missing(p, append(spelled, grant)) < missing(p, spelled)
}

// missing counts what the rules of p ask for beyond held.
func missing(p *policy.Policy, held []string) (n int) {
	for _, reach := range p.Reach(tokenstore.NewGrants(held...)) {
		n += len(reach.Missing)
	}
	return n
}

// routes returns the routes of now.
func (c *call) routes() []Route {
	if c.Routes == nil {
		return nil
	}
	return c.Routes()
}

// route is a Route in words.
type route struct {
	Name     string `json:"name"`
	Audience string `json:"audience"`

	// Rules are in the order in which they are tried.
	Rules       []string `json:"rules"`
	Permissions []string `json:"permissions"`

	ReadsMessages      bool `json:"reads_messages"`
	FiltersLists       bool `json:"filters_lists"`
	RequiresManagement bool `json:"requires_management"`
}

func (c *call) listRoutes() (list[route], error) {
	routes := c.routes()
	items := make([]route, 0, len(routes))
	for _, r := range routes {
		items = append(items, route{
			Name: r.Name, Audience: r.Audience,
			Rules: r.Policy.Describe(), Permissions: r.Policy.Permissions(),
			ReadsMessages: r.Policy.ReadsMessages(), FiltersLists: r.Policy.FiltersLists(),
			RequiresManagement: r.Policy.RequiresManagement(),
		})
	}
	return list[route]{Items: items, Total: len(items)}, nil
}
