package adminapi

import (
	"net/http"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// requestEndpoints show and end what a token is doing right now.
func requestEndpoints() []endpoint {
	return []endpoint{
		replies(endpoint{
			method: "GET", path: "/tokens/{id}/requests", id: "listRequests",
			summary: "List the live requests of a token",
			right:   tokenstore.RightViewToken,
			status:  http.StatusOK,
		}, (*call).listRequests),
		replies(endpoint{
			method: "DELETE", path: "/tokens/{id}/requests", id: "endRequests",
			summary:     "End all live requests of a token",
			description: "The token stays valid: disable it to keep its holder out.",
			right:       tokenstore.RightChangeToken,
			action:      tokenstore.ActionTokenEndRequests,
			status:      http.StatusOK,
		}, (*call).endRequests),
		replies(endpoint{
			method: "DELETE", path: "/tokens/{id}/requests/{rid}", id: "endRequest",
			summary: "End one live request",
			right:   tokenstore.RightChangeToken,
			action:  tokenstore.ActionTokenEndRequests,
			status:  http.StatusNoContent,
		}, (*call).endRequest),
	}
}

func (c *call) listRequests() (list[tokenstore.LiveRequest], error) {
	record, err := c.service.Token(c.r.PathValue("id"))
	if err != nil {
		return list[tokenstore.LiveRequest]{}, err
	}
	live := c.service.Live(record.ID)
	return list[tokenstore.LiveRequest]{Items: live, Total: len(live)}, nil
}

// ended counts the requests that were ended.
type ended struct {
	Ended int `json:"ended"`
}

func (c *call) endRequests() (ended, error) {
	n, err := c.end("")
	return ended{n}, err
}

func (c *call) endRequest() (nothing, error) {
	n, err := c.end(c.r.PathValue("rid"))
	if err == nil && n == 0 {
		err = tokenstore.ErrNotFound
	}
	return nothing{}, err
}

// end ends the live requests of the token that the path names, or one of them.
func (c *call) end(request string) (int, error) {
	record, err := c.service.Token(c.r.PathValue("id"))
	if err != nil {
		return 0, err
	}
	return c.service.EndLive(c.r.Context(), c.actor, record.ID, request)
}
