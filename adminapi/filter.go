package adminapi

import (
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

var statuses = []string{
	string(tokenstore.StatusActive), string(tokenstore.StatusExpiring),
	string(tokenstore.StatusExpired), string(tokenstore.StatusDisabled),
}

// filterParameters are the filters of the token list.
func filterParameters() []parameter {
	return []parameter{
		{name: "status", kind: choice, choices: statuses, doc: "Exactly this status: an expiring token is not `active`."},
		{name: "q", kind: text, doc: "Part of the name, description, user or key, in any case."},
		{name: "user", kind: text, doc: "Who answers for the token."},
		{name: "group", kind: text, doc: "Tokens that hold this group."},
		{name: "permission", kind: text, doc: "Tokens that may do this; with a wildcard, that hold this very grant."},
		{name: "unused_for", kind: duration, doc: "Last used longer ago, or never used and created longer ago."},
		{name: "never_used", kind: flag, doc: "Only tokens that were never used."},
		{name: "expiring_within", kind: duration, doc: "Active, and expiring within this time."},
		{name: "last_used_before", kind: moment, doc: "Last used before then, or never."},
	}
}

// sortParameter names the orders of the token list.
var sortParameter = parameter{
	name: "sort", kind: choice,
	choices: []string{
		"name", "-name", "user", "-user", "created_at", "-created_at", "updated_at", "-updated_at",
		"expires_at", "-expires_at", "last_used_at", "-last_used_at",
	},
	doc: "The order, with `-` in front for descending; `-created_at` unless given. " +
		"What never expires sorts after all that does, what was never used before all that was.",
}

// tokenQuery is the selection that the query of a request makes.
func (c *call) tokenQuery() tokenstore.TokenQuery {
	return tokenstore.TokenQuery{
		Status:         tokenstore.Status(param[string](c, "status")),
		Q:              param[string](c, "q"),
		User:           param[string](c, "user"),
		Group:          param[string](c, "group"),
		Permission:     param[string](c, "permission"),
		UnusedFor:      param[time.Duration](c, "unused_for"),
		NeverUsed:      param[bool](c, "never_used"),
		ExpiringWithin: param[time.Duration](c, "expiring_within"),
		LastUsedBefore: param[time.Time](c, "last_used_before"),
		Sort:           param[string](c, "sort"),
		Limit:          c.pageSize(),
		Cursor:         param[string](c, "cursor"),
	}
}

// tokenFilter is the same selection in a body. Its fields are texts as in the
// query, so that what was tried in the one can be pasted into the other.
type tokenFilter struct {
	Status         string `json:"status"`
	Q              string `json:"q"`
	User           string `json:"user"`
	Group          string `json:"group"`
	Permission     string `json:"permission"`
	UnusedFor      string `json:"unused_for"`
	NeverUsed      bool   `json:"never_used"`
	ExpiringWithin string `json:"expiring_within"`
	LastUsedBefore string `json:"last_used_before"`
}

// query reads f by the rules of the query parameters.
func (f tokenFilter) query() (*tokenstore.TokenQuery, error) {
	given := map[string]string{
		"status": f.Status, "unused_for": f.UnusedFor,
		"expiring_within": f.ExpiringWithin, "last_used_before": f.LastUsedBefore,
	}
	values := map[string]any{}
	for _, p := range filterParameters() {
		text := given[p.name]
		if text == "" {
			continue
		}
		v, expected := p.parse(text)
		if expected != "" {
			return nil, invalidField("/filter/"+p.name, "must be "+expected)
		}
		values[p.name] = v
	}
	c := &call{query: values}
	q := c.tokenQuery()
	q.Q, q.User, q.Group, q.Permission, q.NeverUsed, q.Limit = f.Q, f.User, f.Group, f.Permission, f.NeverUsed, 0
	return &q, nil
}
