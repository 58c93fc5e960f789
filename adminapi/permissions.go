package adminapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

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
		grants := tokenstore.NewGrants(name)
		line.Routes = []string{}
		for _, r := range routes {
			if r.Policy.Mentions(grants) {
				line.Routes = append(line.Routes, r.Name)
			}
		}
		// The gateway's own rights are asked for by this API.
		line.ReferencedByRoute = len(line.Routes) > 0 || grants.HoldsManagement()
		lines[name] = line
	}
	return slices.SortedFunc(maps.Values(lines), func(a, b Permission) int {
		return strings.Compare(a.Permission, b.Permission)
	})
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
