package caddymodule

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// defaultMaxBody is how many bytes of a message are read, unless max_body says
// otherwise.
const defaultMaxBody = 4 << 20

// leastFiltered is how many bytes an answer or an event may have where lists
// are filtered, unless max_body is more: results outgrow the calls that ask for
// them, and clients take events of this size.
const leastFiltered = 16 << 20

// Forms in which a message is denied.
const (
	denyAsHTTP       = "http"
	denyAsJSONRPC    = "jsonrpc"
	denyAsToolResult = "tool_result"
)

// readMessage reads what the client asks the MCP server for, and decides on it.
// A route without MCP rules reads nothing.
func (e *exchange) readMessage() *refusal {
	if !e.h.policy.ReadsMessages() || e.r.Method != http.MethodPost {
		return nil
	}
	message, body, unreadable := mcp.ReadRequest(e.w, e.r, e.h.MaxBody)
	if unreadable != nil {
		return e.badMessage(unreadable)
	}
	e.message, e.body = message, body
	e.nameMessage(message)
	refused := e.authorize()
	if refused == nil {
		return nil
	}
	return e.inForm(refused, message)
}

// badMessage refuses a body that could be read in two ways, or not at all.
func (e *exchange) badMessage(because *mcp.Refusal) *refusal {
	refused := &refusal{
		status: because.Status, reason: tokenstore.ReasonBody,
		code: "invalid_message", text: because.Text, rpcCode: because.Code,
		id: because.ID, read: true,
	}
	// A limit set elsewhere in the config, by request_body, speaks for itself.
	if limit, ok := errors.AsType[caddyhttp.HandlerError](because.Cause); ok && limit.StatusCode >= 400 {
		refused.status = limit.StatusCode
	}
	e.w.Header().Del("Connection") // write decides that, by protocol
	switch because.Status {
	case http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		e.bodyLeft = true
	default:
		e.bodyLeft = because.Cause != nil
	}
	return refused
}

// nameMessage tells other directives, the access log and the list of live
// requests what is asked for.
func (e *exchange) nameMessage(m *mcp.Message) {
	name := m.Name
	if name == "" {
		name = m.URI
	}
	e.session.SetMCPMethod(m.Method, name)
	repl := replacer(e.r)
	repl.Set("mcp.method", m.Method)
	repl.Set("mcp.name", name)
	if m.Method != "" {
		e.extraField(zap.String("mcp_method", m.Method))
	}
	if name != "" {
		e.extraField(zap.String("mcp_name", name))
	}
}

// inForm puts the denial of a message in the form that the route's clients
// understand.
func (e *exchange) inForm(f *refusal, m *mcp.Message) *refusal {
	f.id, f.read = m.ID, true
	if m.Kind != mcp.Request {
		return f // nobody waits for a JSON-RPC answer
	}
	if f.reason == tokenstore.ReasonPermission || f.reason == tokenstore.ReasonRule {
		switch {
		case e.h.HideDenied:
			f.status, f.challenge = http.StatusOK, false
			f.rpcCode, f.text = unknown(m)
			f.data = nil
		case e.h.DenyAs == denyAsToolResult && m.Method == "tools/call":
			f.asTool = true
			fallthrough
		case e.h.DenyAs == denyAsToolResult, e.h.DenyAs == denyAsJSONRPC:
			f.rpcCode = f.status
			f.status, f.challenge = http.StatusOK, false
		}
	}
	return f
}

// unknown is what a server says of something that it does not have.
func unknown(m *mcp.Message) (code int, text string) {
	switch m.Method {
	case "tools/call":
		return mcp.CodeInvalidParams, "Unknown tool: " + m.Name
	case "prompts/get":
		return mcp.CodeInvalidParams, "Unknown prompt: " + m.Name
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		return mcp.CodeInvalidParams, "Unknown resource: " + m.URI
	case "completion/complete", "subscriptions/listen":
		return mcp.CodeInvalidParams, "Unknown reference"
	}
	return codeMethodNotFound, "Method not found: " + m.Method
}

const codeMethodNotFound = -32601 // JSON-RPC 2.0 section 5.1

// asked says what a denied message asked for, as the subject of a sentence.
func asked(m *mcp.Message) string {
	switch {
	case m == nil:
		return ""
	case m.Method == "tools/call":
		return "the tool " + m.Name
	case m.Method == "prompts/get":
		return "the prompt " + m.Name
	case m.URI != "":
		return "the resource " + m.URI
	}
	return "the method " + m.Method
}

// filter wraps w so that lists show the caller what it may call and no more.
// Lists come in answers to POST, and in replays on GET too.
func (e *exchange) filter(w http.ResponseWriter) *mcp.ResponseFilter {
	if !e.h.policy.FiltersLists() || e.r.Method != http.MethodPost && e.r.Method != http.MethodGet {
		return nil
	}
	// What cannot be read cannot be filtered, and parts of a body even less.
	e.r.Header["Accept-Encoding"] = []string{"identity"}
	for _, name := range [...]string{"Range", "If-Range", "If-None-Match", "If-Modified-Since"} {
		delete(e.r.Header, name)
	}
	token := e.session.Token()
	keep := func(l mcp.List, name string) bool {
		// Grants are asked for anew: a stream may live for hours.
		return e.h.policy.Lists(policy.Subject{
			Grants:    e.session.Grants(),
			TokenName: token.Name,
			TokenUser: token.User,
		}, l, name)
	}
	var id jsontext.Value
	if e.message != nil {
		id = e.message.ID
	}
	return mcp.NewResponseFilter(w, keep, id, int(max(e.h.MaxBody, leastFiltered)))
}
