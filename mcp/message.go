package mcp

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// Kind tells the three JSON-RPC messages apart.
type Kind uint8

const (
	Request      Kind = iota + 1 // has a method and an id (tools/list and tools/call may lack the id, see Flat)
	Notification                 // has a method and no id
	Response                     // has an id and a result or an error; legacy era only
)

// Message is one client message, read so strictly that every server that
// accepts it reads the same method, name, URI and arguments.
type Message struct {
	Kind   Kind
	Method string         // empty for a Response; visible ASCII
	ID     jsontext.Value // as the client wrote it, to be echoed byte for byte; nil if there is none

	Name    string   // tools/call, prompts/get, completion/complete of a ref/prompt
	URI     string   // resources/read, subscribe, unsubscribe, completion/complete of a ref/resource; empty in a modern (un)subscribe without one
	URIs    []string // subscriptions/listen: resourceSubscriptions
	TaskIDs []string // tasks/*: taskId; subscriptions/listen: taskIds. Whoever names a task needs the method tasks/*

	// Arguments is the raw object of tools/call and prompts/get; nil if it is
	// absent or null. No name occurs twice in any object inside it, no two of its
	// own members differ only as [SameName] does, and every number in it is one
	// that all servers read alike. A condition that reads the member "action" must
	// still deny a call with a member "Action": servers in Go and .NET take that
	// for "action". [SameName] finds it.
	Arguments jsontext.Value

	Modern bool // 2026-07-28 and later: metadata in every request, no sessions
	Flat   bool // {"method":"tools/call","name":…} without params, as django-admin-mcp's clients send it
}

// Read judges one message. The header is for cross-checks alone: nothing is
// taken from it that the body does not say. The message refers to body.
func Read(h http.Header, body []byte) (*Message, *Refusal) {
	d := draft{body: body}
	if refusal := d.parse(); refusal != nil {
		return nil, refusal
	}
	id, refusal := d.readID()
	if refusal != nil {
		return nil, refusal
	}
	m := &Message{ID: id}
	if refusal := d.fill(m, h); refusal != nil {
		refusal.ID = id
		return nil, refusal
	}
	return m, nil
}
