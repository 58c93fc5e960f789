package adminapi

import (
	"net/http"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func bulkEndpoints() []endpoint {
	return []endpoint{takes(endpoint{
		method: "POST", path: "/tokens/bulk", id: "editTokens",
		summary: "Change many tokens at once",
		description: "Tokens are named by `ids` (500 at most) or selected by `filter`, not both. All changes are committed " +
			"together. `dry_run` says what would happen. With `expect_count` nothing happens (409) if another number of " +
			"tokens is met: first a dry run, then the same with its `matched`. A token that cannot be changed is left out, and " +
			"its item says why.\n\nNeeds the right `" + tokenstore.RightChangeToken + "`, or `" + tokenstore.RightDeleteToken +
			"` for `delete`.",
		status: http.StatusOK,
		codes:  []string{codeForbidden, codeConflict, tokenstore.StateCount},
	}, (*call).bulk)}
}

// bulkEdit is the body of a bulk edit.
type bulkEdit struct {
	Action      string              `json:"action"`
	IDs         []string            `json:"ids"`
	Filter      *tokenFilter        `json:"filter"`
	Groups      []string            `json:"groups"`
	Permissions []string            `json:"permissions"`
	ExpiresIn   string              `json:"expires_in"`
	ExpiresAt   optional[time.Time] `json:"expires_at"`
	Reason      string              `json:"reason"`
	DryRun      bool                `json:"dry_run"`
	ExpectCount *int                `json:"expect_count"`
}

func (c *call) bulk(in bulkEdit) (tokenstore.BulkResult, error) {
	b := tokenstore.Bulk{
		Action: tokenstore.BulkAction(in.Action), IDs: in.IDs,
		Groups: in.Groups, Permissions: in.Permissions,
		ExpiresIn: in.ExpiresIn, ExpiresAt: in.ExpiresAt.value(), NeverExpires: in.ExpiresAt.Null,
		Reason: in.Reason, DryRun: in.DryRun, ExpectCount: in.ExpectCount,
	}
	if in.Filter != nil {
		var err error
		if b.Filter, err = in.Filter.query(); err != nil {
			return tokenstore.BulkResult{}, err
		}
	}
	return c.service.Bulk(c.r.Context(), c.actor, b)
}
