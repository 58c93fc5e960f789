package tokenstore

import (
	"slices"
	"time"
)

// AuditEntry is one line of the audit trail. It never holds a secret or a
// hash.
type AuditEntry struct {
	// ID sorts as text in the order of writing.
	ID string `json:"id"`

	Time   time.Time `json:"time"`
	Actor  ActorInfo `json:"actor"`
	Action Action    `json:"action"`
	Target Target    `json:"target"`

	// Result is "ok" or "denied".
	Result string `json:"result"`

	// Reason is what the actor gave, or why it was denied.
	Reason string `json:"reason"`

	// Changes maps a field to its old and its new value.
	Changes map[string][2]any `json:"changes"`

	// RequestID ties the entry to the access log.
	RequestID string `json:"request_id"`
}

// Action names what was done, as "token.create".
type Action string

const (
	ActionTokenCreate          Action = "token.create"
	ActionTokenUpdate          Action = "token.update"
	ActionTokenRotate          Action = "token.rotate"
	ActionTokenRotateFinish    Action = "token.rotate_finish"
	ActionTokenDisable         Action = "token.disable"
	ActionTokenEnable          Action = "token.enable"
	ActionTokenDelete          Action = "token.delete"
	ActionTokenStaleCredential Action = "token.stale_credential_used"
	ActionTokenEndRequests     Action = "token.end_requests"
	ActionGroupCreate          Action = "group.create"
	ActionGroupUpdate          Action = "group.update"
	ActionGroupDelete          Action = "group.delete"
	ActionSignIn               Action = "admin.sign_in"
	ActionSignOut              Action = "admin.sign_out"
	ActionRefused              Action = "admin.refused"
)

// Target is what an action was done to.
type Target struct {
	Type string `json:"type"` // "token", "group" or ""
	ID   string `json:"id"`
	Key  string `json:"key"`
	Name string `json:"name"`
}

// ActorType says through which door an actor came.
type ActorType string

const (
	ActorToken         ActorType = "token"          // a management token, on a site
	ActorAdminEndpoint ActorType = "admin_endpoint" // Caddy's admin endpoint: local trust
	ActorCLI           ActorType = "cli"            // the CLI with the database open
	ActorSystem        ActorType = "system"         // the gateway itself
)

// ActorInfo is an actor as the audit trail shows it.
type ActorInfo struct {
	Type ActorType `json:"type"`
	ID   string    `json:"id"`
	Name string    `json:"name"`
	IP   string    `json:"ip"`
}

// Actor is who makes an edit, and with what rights. The zero Actor may
// nothing.
type Actor struct {
	ActorInfo

	// Grants are the rights of an actor of type ActorToken; the other types
	// have all of them.
	Grants *Grants

	// RequestID is copied to the audit entries of what the actor does.
	RequestID string
}

// AuditQuery selects audit entries; zero fields select all. Cursor is what the
// page before returned as NextCursor.
type AuditQuery struct {
	Actor, Action, Target, Result string // Actor matches id, name or type exactly, Target id, key or name
	Since, Until                  time.Time
	Limit                         int
	Cursor                        string
}

// AuditPage is one page of the trail, newest first; NextCursor is empty on the
// last.
type AuditPage struct {
	Items      []AuditEntry
	NextCursor string
}

// Matches reports whether q selects e, its Limit and Cursor aside. Stores use
// it, so that all mean the same by a query.
func (q AuditQuery) Matches(e *AuditEntry) bool {
	return is(q.Actor, e.Actor.ID, e.Actor.Name, string(e.Actor.Type)) &&
		is(q.Action, string(e.Action)) &&
		is(q.Target, e.Target.ID, e.Target.Key, e.Target.Name) &&
		is(q.Result, e.Result) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) &&
		(q.Until.IsZero() || e.Time.Before(q.Until))
}

// is reports whether want is one of have, or empty.
func is(want string, have ...string) bool { return want == "" || slices.Contains(have, want) }
