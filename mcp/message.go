package mcp

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// Kind tells the three JSON-RPC messages apart.
type Kind uint8

const (
	Request      Kind = iota + 1 // has a method and an id (the flat form may lack the id)
	Notification                 // has a method and no id
	Response                     // has an id and a result or an error; only in the legacy era
)

// Message is one client message, read so strictly that every server that
// accepts it reads the same method, name, URI and arguments.
type Message struct {
	Kind   Kind
	Method string         // empty for a Response
	ID     jsontext.Value // as the client wrote it, to be echoed byte for byte; nil if there is none

	Name    string   // tools/call, prompts/get, completion/complete of a ref/prompt
	URI     string   // resources/read, subscribe, unsubscribe, completion/complete of a ref/resource
	URIs    []string // subscriptions/listen: resourceSubscriptions
	TaskIDs []string // tasks/*: taskId; subscriptions/listen: taskIds. Whoever names a task needs the method tasks/*

	Arguments jsontext.Value // raw object of tools/call, prompts/get; nil if absent

	Modern bool // 2026-07-28 and later: metadata in every request, no sessions
	Flat   bool // {"method":"tools/call","name":…} without params, as django-admin-mcp's clients send it
}

// Read judges one message. The header is for cross-checks alone: nothing is
// taken from it that the body does not say.
func Read(h http.Header, body []byte) (*Message, *Refusal) {
	return nil, &Refusal{Status: http.StatusNotImplemented, Code: CodeInternal, Text: "not implemented"}
}

// ReadRequest reads the body of a POST, at most limit bytes, judges it, and puts
// the bytes that it judged back into r, so that they are what the next handler sends.
func ReadRequest(w http.ResponseWriter, r *http.Request, limit int64) (*Message, []byte, *Refusal) {
	return nil, nil, &Refusal{Status: http.StatusNotImplemented, Code: CodeInternal, Text: "not implemented"}
}
