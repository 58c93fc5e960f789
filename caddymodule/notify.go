package caddymodule

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// notification is a message of the gateway's own to a client.
type notification struct {
	JSONRPC string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

// listChanged tells of a list that looks different now. On the stream of a
// subscription it carries the subscription's id.
func listChanged(method string, subscription jsontext.Value) []byte {
	message := notification{JSONRPC: "2.0", Method: method}
	if subscription != nil {
		message.Params = map[string]map[string]jsontext.Value{
			"_meta": {"io.modelcontextprotocol/subscriptionId": subscription},
		}
	}
	text, _ := json.Marshal(message)
	return text
}

// endedLog is the data of the log message that ends a stream.
type endedLog struct {
	Reason  string `json:"reason"` // a code of tokenstore.EndedError
	Message string `json:"message"`
}

// logMessage is a message for the client's log.
func logMessage(data endedLog) []byte {
	type params struct {
		Level  string   `json:"level"`
		Logger string   `json:"logger"`
		Data   endedLog `json:"data"`
	}
	text, _ := json.Marshal(notification{"2.0", "notifications/message", params{"error", "mcp_token", data}})
	return text
}

// event is one message of an MCP event stream. JSON has no line ends of its own.
func event(message []byte) []byte {
	return slices.Concat([]byte("event: message\ndata: "), message, []byte("\n\n"))
}
