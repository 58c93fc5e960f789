package caddymodule

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// refusal is why a request goes no further: what the client is told, and, in
// reason, what the operator is.
type refusal struct {
	status int
	reason tokenstore.Reason
	code   string // for programs; an RFC 6750 error code where the challenge has one
	text   string // for people and agents
	data   any    // of the JSON-RPC error; may be nil

	challenge  bool          // send WWW-Authenticate
	allow      string        // Allow
	retryAfter time.Duration // Retry-After

	rpcCode int            // JSON-RPC error code, if it is not the status
	id      jsontext.Value // of the refused request, if its body was read
	read    bool           // the body was read: do not look for the id
	asTool  bool           // answer as the result of a tool that failed

	decision policy.Decision // for the log
}

// One text for every bad credential: it must not tell a stranger which tokens
// exist, nor a thief what became of one.
var (
	errMissing = &refusal{
		status: http.StatusUnauthorized, reason: tokenstore.ReasonMissing, challenge: true,
		code: "missing_token", text: "A token is needed. Send: Authorization: Bearer <token>.",
	}
	errBadToken = &refusal{
		status: http.StatusUnauthorized, reason: tokenstore.ReasonMalformed, challenge: true,
		code: "invalid_token", text: badToken,
	}
	errStore = &refusal{
		status: http.StatusServiceUnavailable, reason: tokenstore.ReasonStore, retryAfter: 5 * time.Second,
		code: "unavailable", text: "Tokens cannot be checked at the moment. Try again later.",
	}
	errUpstreamCredential = &refusal{
		status: http.StatusServiceUnavailable, reason: tokenstore.ReasonStore, retryAfter: 5 * time.Second,
		code: "unavailable", text: "The server's own credential is missing at the gateway. Its operator has to set it.",
	}
)

const badToken = "The token is not valid here: it is unknown, disabled, expired, or bound to another use. Ask whoever issued it."

// malformed refuses a request whose credential could be read in two ways.
func malformed(text string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, reason: tokenstore.ReasonMalformed, challenge: true,
		code: "invalid_request", text: text,
	}
}

// badCredential is the answer to every credential that the service refuses.
func badCredential(reason tokenstore.Reason) *refusal {
	r := *errBadToken
	r.reason = reason
	return &r
}

// denied is the answer to a caller who may not do what m asks for, or, if m is
// nil, use the route.
func denied(d policy.Decision, m *mcp.Message) *refusal {
	r := &refusal{
		status: http.StatusForbidden, reason: d.Reason, challenge: true,
		code: "insufficient_scope", text: deniedText(d, m), decision: d,
	}
	r.data = deniedData{d.Reason, d.Missing, d.Any}
	return r
}

// deniedData is the data of a JSON-RPC error, for agents that can ask for more.
type deniedData struct {
	Reason  tokenstore.Reason `json:"reason"`
	Missing []string          `json:"missing,omitempty"`
	Any     bool              `json:"any,omitzero"` // one of Missing is enough
}

func deniedText(d policy.Decision, m *mcp.Message) string {
	what := "This server"
	if m != nil {
		what = strings.ToUpper(asked(m)[:1]) + asked(m)[1:]
	}
	switch {
	case d.Rule == ruleManagement:
		return what + " does not take tokens that manage tokens: use another one."
	case d.Unclear:
		return what + " is not open to this token with these arguments: one of them is missing, or of another type than a rule expects."
	case len(d.Missing) == 0:
		return what + " is not open to this token, whatever its permissions."
	case len(d.Missing) == 1:
		return what + " needs the permission " + d.Missing[0] + ", which the token lacks."
	case d.Any:
		return what + " needs one of the permissions " + strings.Join(d.Missing, ", ") + "; the token has none of them."
	}
	return what + " needs the permissions " + strings.Join(d.Missing, ", ") + ", which the token lacks."
}

// ended is the answer to a request whose token was taken away before the
// upstream answered.
func ended(code string) *refusal {
	switch code {
	case tokenstore.EndedPermission:
		return &refusal{
			status: http.StatusForbidden, reason: tokenstore.ReasonPermission, challenge: true,
			code: "insufficient_scope", text: "The token's permissions changed while the request ran.",
			data: endedData{code},
		}
	case tokenstore.EndedByOperator:
		return &refusal{
			status: http.StatusForbidden, reason: tokenstore.ReasonRule, challenge: true,
			code: code, text: "The request was ended by an operator.",
			data: endedData{code},
		}
	case tokenstore.EndedClosing:
		r := *errStore // the caller adds the request's id
		return &r
	}
	r := badCredential(tokenstore.ReasonInactive)
	if code == tokenstore.EndedExpired {
		r.reason = tokenstore.ReasonExpired
	}
	return r
}

// endedData is the data of the JSON-RPC error that ends a request.
type endedData struct {
	Reason string `json:"reason"` // a code of tokenstore.EndedError
}

// write sends the answer.
func (f *refusal) write(e *exchange) {
	h := e.w.Header()
	e.allowOrigin(h)
	if f.challenge {
		h["Www-Authenticate"] = []string{e.challenge(f)}
	}
	if f.allow != "" {
		h["Allow"] = []string{f.allow}
	}
	if f.retryAfter > 0 {
		seconds := (f.retryAfter + time.Second - 1) / time.Second
		h["Retry-After"] = []string{strconv.FormatInt(int64(seconds), 10)}
	}
	body := f.body(e)
	// One connection must not be held by a body that nobody reads. HTTP/2 has
	// streams for that, and would take this header as the end of all of them.
	if e.bodyLeft && e.r.ProtoMajor == 1 {
		h["Connection"] = []string{"close"}
		_ = http.NewResponseController(e.w).SetReadDeadline(time.Now().Add(maxIDWait))
	}
	writeJSON(e.w, f.status, body)
}

// body is a JSON-RPC error for what is meant as JSON-RPC, and a plain error
// object for the rest.
func (f *refusal) body(e *exchange) []byte {
	if f.rpcCode == 0 && !isRPC(e.r) {
		e.bodyLeft = e.r.ContentLength != 0
		body, _ := json.Marshal(struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}{f.code, f.text})
		return body
	}
	id := f.id
	if !f.read {
		var whole bool
		id, whole = requestID(e.w, e.r)
		e.bodyLeft = !whole
	}
	if f.asTool {
		return toolResult(id, f.text, e.message.Modern)
	}
	code := f.rpcCode
	if code == 0 {
		code = f.status
	}
	return mcp.ErrorBody(id, code, f.text, f.data)
}

// toolResult is a result that says the tool failed: clients that lose their
// session over an HTTP error show it to the model instead.
func toolResult(id jsontext.Value, text string, modern bool) []byte {
	type content struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	type result struct {
		Type    string    `json:"resultType,omitempty"` // since 2026-07-28 every result has one
		Content []content `json:"content"`
		IsError bool      `json:"isError"`
	}
	failed := result{Content: []content{{"text", text}}, IsError: true}
	if modern {
		failed.Type = "complete"
	}
	body, _ := json.Marshal(struct {
		JSONRPC string         `json:"jsonrpc"`
		ID      jsontext.Value `json:"id,omitzero"`
		Result  result         `json:"result"`
	}{"2.0", id, failed})
	return body
}

// challenge is the WWW-Authenticate value of RFC 6750 section 3. Without an
// authorization server it does not say insufficient_scope: clients would start
// an OAuth detour over it, and show its failure in place of the reason.
func (e *exchange) challenge(f *refusal) string {
	oauth := len(e.h.AuthorizationServers) > 0
	var b strings.Builder
	add := func(name, value string) {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name + "=" + quote(value))
	}
	add("realm", e.h.Realm)
	switch {
	case f.code == "invalid_token", f.code == "invalid_request", f.code == "insufficient_scope" && oauth:
		add("error", f.code)
		add("error_description", f.text)
	}
	if oauth {
		scope := e.h.Require
		if f.code == "insufficient_scope" {
			scope = f.decision.Required
		}
		if len(scope) > 0 {
			add("scope", strings.Join(scope, " "))
		}
		add("resource_metadata", e.metadataURL())
	}
	return "Bearer " + b.String()
}

// quote makes s an RFC 9110 quoted-string of the characters that RFC 6750
// allows in it.
func quote(s string) string {
	return `"` + strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return '\''
		}
		return c
	}, s) + `"`
}

// writeJSON answers with a whole JSON body that nobody may keep.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Cache-Control"] = []string{"no-store"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails when the client is gone: nobody is left to tell
}
