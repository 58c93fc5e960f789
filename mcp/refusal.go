package mcp

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSON-RPC error codes.
const (
	CodeParse          = -32700
	CodeInvalidRequest = -32600
	CodeInvalidParams  = -32602
	CodeInternal       = -32603
	CodeHeaderMismatch = -32020
)

// Refusal says why a message is not taken and what to change. It is an error.
type Refusal struct {
	Status int            // HTTP
	Code   int            // JSON-RPC
	Text   string         // for the client: which member, where, what to change
	ID     jsontext.Value // of the refused request; nil if it could not be read
	Cause  error          // what reading the body returned, if that is the reason
}

func (r *Refusal) Error() string { return r.Text }

func (r *Refusal) Unwrap() error { return r.Cause }

// Body is the JSON-RPC error that answers the refused message.
func (r *Refusal) Body() []byte { return ErrorBody(r.ID, r.Code, r.Text, nil) }

// ErrorBody is a JSON-RPC error response. A nil id is left out: go-sdk clients
// close their connection over "id": null. data is left out when nil.
func ErrorBody(id jsontext.Value, code int, text string, data any) []byte {
	type problem struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}
	body, err := json.Marshal(struct {
		Version string         `json:"jsonrpc"`
		ID      jsontext.Value `json:"id,omitzero"`
		Error   problem        `json:"error"`
	}{"2.0", id, problem{code, text, data}}, jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true))
	if err != nil {
		// data or id that cannot be written must not cost the client its answer.
		body, _ = json.Marshal(struct {
			Version string  `json:"jsonrpc"`
			Error   problem `json:"error"`
		}{"2.0", problem{code, text, nil}}, jsontext.AllowInvalidUTF8(true))
	}
	return body
}

func refuse(code int, format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Code: code, Text: fmt.Sprintf(format, args...)}
}
