package tokenstore

import (
	"context"
	"net/netip"
	"time"
)

// Caller is where a request comes from and goes to.
type Caller struct {
	Addr         netip.Addr // the client, by Caddy's client_ip or the like
	Audience     string     // the name that the route gives itself, or ""
	Method, Path string     // of HTTP, for the list of live requests alone
}

// Reason says why a request is refused. Logs, metrics and the audit trail show
// it; the client does not learn it.
type Reason string

// The closed list of reasons. Begin gives those marked with *.
const (
	ReasonMissing     Reason = "missing"      // no credential
	ReasonMalformed   Reason = "malformed"    // * cannot be a secret
	ReasonUnknown     Reason = "unknown"      // * nobody has the key
	ReasonBadSecret   Reason = "bad_secret"   // * the key's secret is another one
	ReasonInactive    Reason = "inactive"     // * disabled
	ReasonExpired     Reason = "expired"      // * past its expiry, or rotated out and past its grace
	ReasonAudience    Reason = "audience"     // * bound to other audiences
	ReasonAddress     Reason = "address"      // * not for this client address
	ReasonRateLimited Reason = "rate_limited" // too many requests
	ReasonPermission  Reason = "permission"   // the route requires a permission that is missing
	ReasonRule        Reason = "rule"         // a rule denies the message
	ReasonSession     Reason = "session"      // the MCP session belongs to another token
	ReasonOrigin      Reason = "origin"       // a foreign Origin
	ReasonBody        Reason = "body"         // the message cannot be read strictly
	ReasonStore       Reason = "store"        // * the store is closed or out of reach
)

// Refusal is Begin's error.
type Refusal struct {
	Reason Reason

	// TokenID and Name are set when the caller has proven the secret, Key
	// whenever the key is known.
	TokenID, Key, Name string
}

func (r *Refusal) Error() string { return "credential refused: " + string(r.Reason) }

// EndedError is the cause with which a session's context ends.
type EndedError struct{ Code string }

// Codes of an EndedError.
const (
	EndedRevoked    = "credential_revoked"
	EndedExpired    = "credential_expired"
	EndedPermission = "permission_changed"
	EndedByOperator = "ended_by_operator"
	EndedClosing    = "gateway_closing"
)

func (e *EndedError) Error() string { return "request ended: " + e.Code }

// Is makes the end of a session a cancellation: net/http's transport returns
// the cause, and a reverse proxy that does not know it for a cancellation
// answers 502 and blames the upstream.
func (e *EndedError) Is(target error) bool { return target == context.Canceled }

// LiveRequest is a request that a token has running.
type LiveRequest struct {
	ID        string    `json:"id"`
	TokenID   string    `json:"token_id"`
	Since     time.Time `json:"since"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	MCPMethod string    `json:"mcp_method"`
	MCPName   string    `json:"mcp_name"`
	Addr      string    `json:"addr"`
}
