package adminapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func auditEndpoints() []endpoint {
	return []endpoint{
		replies(endpoint{
			method: "GET", path: "/audit", id: "listAudit",
			summary: "Read the audit trail, newest first",
			description: "With `Accept: application/x-ndjson` the whole selection is streamed, one entry a line; " +
				"`limit` then bounds all of it.",
			right: tokenstore.RightViewAudit,
			params: append([]parameter{
				{name: "actor", kind: text, doc: "Only what this actor did: its id or name."},
				{name: "action", kind: text, doc: "Only this action, as `token.create`."},
				{name: "target", kind: text, doc: "Only what was done to this token or group: its id, key or name."},
				{name: "result", kind: choice, choices: []string{"ok", "denied"}, doc: "Only what succeeded, or what was refused."},
				{name: "since", kind: moment, doc: "Only what happened then or later."},
				{name: "until", kind: moment, doc: "Only what happened before then."},
			}, limitParameters...),
			status: http.StatusOK,
			also:   ndjson,
		}, (*call).listAudit),
	}
}

const ndjson = "application/x-ndjson"

// auditList is one page of the trail. It has no total: counting would read the
// whole trail.
type auditList struct {
	Items      []tokenstore.AuditEntry `json:"items"`
	NextCursor *string                 `json:"next_cursor"`
}

func (c *call) listAudit() (auditList, error) {
	q := tokenstore.AuditQuery{
		Actor: param[string](c, "actor"), Action: param[string](c, "action"),
		Target: param[string](c, "target"), Result: param[string](c, "result"),
		Since: param[time.Time](c, "since"), Until: param[time.Time](c, "until"),
		Limit: c.pageSize(), Cursor: param[string](c, "cursor"),
	}
	if strings.Contains(c.r.Header.Get("Accept"), ndjson) {
		return auditList{}, c.streamAudit(q)
	}
	page, err := c.service.Audit(c.r.Context(), c.actor, q)
	if err != nil {
		return auditList{}, parameterProblem(err)
	}
	return auditList{Items: page.Items, NextCursor: c.next(page.NextCursor)}, nil
}

// streamAudit writes all entries that match, page by page, so that a trail of
// any length passes in little memory.
func (c *call) streamAudit(q tokenstore.AuditQuery) error {
	left := -1
	if n := param[int](c, "limit"); n > 0 {
		left = n
	}
	q.Limit = tokenstore.MaxLimit
	for {
		if left >= 0 {
			q.Limit = min(left, tokenstore.MaxLimit)
		}
		page, err := c.service.Audit(c.r.Context(), c.actor, q)
		switch {
		case err != nil && c.written:
			panic(http.ErrAbortHandler) // a torn trail must not look complete
		case err != nil:
			return parameterProblem(err)
		}
		if !c.written {
			c.w.Header().Set("Content-Type", ndjson)
			c.w.WriteHeader(http.StatusOK)
			c.written = true
		}
		if c.r.Method == http.MethodHead {
			return nil
		}
		for _, entry := range page.Items {
			line, err := json.Marshal(entry)
			if err != nil {
				return err
			}
			if _, err := c.w.Write(append(line, '\n')); err != nil {
				return nil // the client has gone
			}
		}
		if left >= 0 {
			left -= len(page.Items)
		}
		if page.NextCursor == "" || left == 0 {
			return nil
		}
		q.Cursor = page.NextCursor
	}
}

// next is the cursor of the next page as JSON shows it: null on the last. The
// same goes into a Link header (RFC 8288).
func (c *call) next(cursor string) *string {
	if cursor == "" {
		return nil
	}
	q := c.r.URL.Query()
	q.Set("cursor", cursor)
	c.w.Header().Set("Link", "<?"+q.Encode()+`>; rel="next"`)
	return &cursor
}
