package adminapi

import (
	"net/http"
	"net/url"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func groupEndpoints() []endpoint {
	return []endpoint{
		replies(endpoint{
			method: "GET", path: "/groups", id: "listGroups",
			summary:     "List groups",
			description: "All of them, by name: `next_cursor` is always null.",
			right:       tokenstore.RightViewGroup,
			status:      http.StatusOK,
		}, (*call).listGroups),
		takes(endpoint{
			method: "POST", path: "/groups", id: "createGroup",
			summary: "Create a group",
			right:   tokenstore.RightChangeGroup,
			action:  tokenstore.ActionGroupCreate,
			status:  http.StatusCreated,
			codes:   []string{codeNameTaken, codeConflict},
		}, (*call).createGroup),
		replies(endpoint{
			method: "GET", path: "/groups/{name}", id: "getGroup",
			summary: "Read a group",
			right:   tokenstore.RightViewGroup,
			status:  http.StatusOK,
		}, (*call).getGroup),
		takes(endpoint{
			method: "PATCH", path: "/groups/{name}", id: "updateGroup",
			summary: "Change a group",
			description: "A merge patch (RFC 7396). What tokens may do changes with the group, at once; a new name reaches " +
				"every token that holds it.",
			right:  tokenstore.RightChangeGroup,
			action: tokenstore.ActionGroupUpdate,
			match:  ifMatchRequired,
			status: http.StatusOK,
			codes:  []string{codeNameTaken, codeConflict, tokenstore.StateLastManager},
		}, (*call).updateGroup),
		replies(endpoint{
			method: "DELETE", path: "/groups/{name}", id: "deleteGroup",
			summary:     "Delete a group",
			description: "Tokens that hold it lose it in the same commit.",
			right:       tokenstore.RightChangeGroup,
			action:      tokenstore.ActionGroupDelete,
			match:       ifMatchHonoured,
			status:      http.StatusNoContent,
			codes:       []string{codeConflict, tokenstore.StateLastManager},
		}, (*call).deleteGroup),
	}
}

func (c *call) listGroups() (list[tokenstore.GroupRecord], error) {
	groups := c.service.Groups()
	return list[tokenstore.GroupRecord]{Items: groups, Total: len(groups)}, nil
}

// newGroup is the body of a creation.
type newGroup struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Permissions []string `json:"permissions"`
}

func (c *call) createGroup(in newGroup) (tokenstore.GroupRecord, error) {
	group, err := c.service.CreateGroup(c.r.Context(), c.actor, tokenstore.NewGroup(in))
	if err == nil {
		c.w.Header().Set("Location", "groups/"+url.PathEscape(group.Name))
	}
	return c.taggedGroup(group, err)
}

func (c *call) getGroup() (tokenstore.GroupRecord, error) {
	return c.taggedGroup(c.service.Group(c.r.PathValue("name")))
}

// taggedGroup adds the ETag to an answer that is a group.
func (c *call) taggedGroup(group tokenstore.GroupRecord, err error) (tokenstore.GroupRecord, error) {
	if err == nil {
		c.w.Header().Set("ETag", etag(group.Version))
	}
	return group, err
}

// groupPatch is the body of a change.
type groupPatch struct {
	Name        optional[string]   `json:"name"`
	Description optional[string]   `json:"description"`
	Permissions optional[[]string] `json:"permissions"`
}

func (c *call) updateGroup(in groupPatch) (tokenstore.GroupRecord, error) {
	return c.taggedGroup(c.service.UpdateGroup(c.r.Context(), c.actor, c.r.PathValue("name"), c.ifVersion,
		tokenstore.GroupPatch{
			Name: in.Name.pointer(), Description: in.Description.pointer(), Permissions: in.Permissions.pointer(),
		}))
}

func (c *call) deleteGroup() (nothing, error) {
	return nothing{}, c.service.DeleteGroup(c.r.Context(), c.actor, c.r.PathValue("name"), c.ifVersion)
}
