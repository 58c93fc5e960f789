package page

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

type auditScreen struct {
	frame
	Form             url.Values
	Actions, Results []string
	Filtered         bool
	Items            []auditLine
	Next, Download   string
}

// auditLine is an audit entry in words.
type auditLine struct {
	Time           time.Time
	Who, Door, IP  string
	Action, Result string
	Target, Reason string
	Changes        []changeLine
}

type changeLine struct{ Field, Old, New string }

var doors = map[tokenstore.ActorType]string{
	tokenstore.ActorToken:         "with a management token",
	tokenstore.ActorAdminEndpoint: "on the admin endpoint",
	tokenstore.ActorCLI:           "on the command line",
	tokenstore.ActorSystem:        "the gateway itself",
}

var auditFilters = []string{"target", "actor", "action", "result", "cursor"}

func (s *Site) listAudit(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !s.require(w, r, v, tokenstore.RightViewAudit) {
		return
	}
	form := r.URL.Query()
	data := auditScreen{frame: v.frame("Audit", "audit"), Form: form, Actions: auditActions, Results: []string{"ok", "denied"}}
	kept := url.Values{}
	for _, name := range auditFilters {
		if value := form.Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	data.Filtered = len(without(kept, "cursor")) > 0
	data.Download = "api/audit?" + without(kept, "cursor").Encode()
	status := http.StatusOK
	trail, err := v.service.Audit(r.Context(), v.actor, tokenstore.AuditQuery{
		Actor: form.Get("actor"), Action: form.Get("action"), Target: form.Get("target"),
		Result: form.Get("result"), Cursor: form.Get("cursor"), Limit: tokenstore.DefaultLimit,
	})
	if err != nil {
		if status, data.Errors = s.explain(w, r, err); status == 0 {
			return
		}
	}
	data.Items = auditLines(trail.Items)
	if trail.NextCursor != "" {
		data.Next = "audit?" + with(kept, "cursor", trail.NextCursor).Encode()
	}
	s.render(w, r, status, "audit", data)
}

func auditLines(entries []tokenstore.AuditEntry) []auditLine {
	var lines []auditLine
	for _, entry := range entries {
		lines = append(lines, auditLineOf(entry))
	}
	return lines
}

func auditLineOf(e tokenstore.AuditEntry) auditLine {
	line := auditLine{
		Time: e.Time, Who: e.Actor.Name, Door: doors[e.Actor.Type], IP: e.Actor.IP,
		Action: string(e.Action), Result: e.Result, Target: e.Target.Name, Reason: e.Reason,
	}
	if line.Who == "" {
		line.Who = string(e.Actor.Type)
	}
	for _, field := range slices.Sorted(maps.Keys(e.Changes)) {
		change := e.Changes[field]
		line.Changes = append(line.Changes, changeLine{field, plain(change[0]), plain(change[1])})
	}
	return line
}

// plain writes a value of an audit entry for people: no quotes around text,
// and a word for nothing.
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		if v == "" {
			return "nothing"
		}
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.UTC().Format("2006-01-02 15:04:05 UTC")
		}
		return v
	}
	text, err := json.Marshal(value)
	if err != nil || string(text) == "[]" {
		return "nothing"
	}
	return string(text)
}

var auditActions = []string{
	string(tokenstore.ActionTokenCreate), string(tokenstore.ActionTokenUpdate), string(tokenstore.ActionTokenRotate),
	string(tokenstore.ActionTokenRotateFinish), string(tokenstore.ActionTokenDisable), string(tokenstore.ActionTokenEnable),
	string(tokenstore.ActionTokenDelete), string(tokenstore.ActionTokenStaleCredential), string(tokenstore.ActionTokenEndRequests),
	string(tokenstore.ActionGroupCreate), string(tokenstore.ActionGroupUpdate), string(tokenstore.ActionGroupDelete),
	string(tokenstore.ActionSignIn), string(tokenstore.ActionSignOut), string(tokenstore.ActionRefused),
}
