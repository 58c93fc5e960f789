// Command readings says how the gateway reads messages: one line of JSON on
// standard input, {"header": {…}, "body": base64}, one line of JSON out. It is
// the Go half of the differential fuzzing that the suite beside it runs.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"

	"github.com/mcptoken/caddy-mcp-token/mcp"
)

type question struct {
	Header map[string][]string `json:"header"`
	Body   []byte              `json:"body"`
}

// answer is what mcp.Read made of the message; all but Refused is empty if it
// refused it.
type answer struct {
	Refused   string   `json:"refused,omitempty"`
	Method    string   `json:"method"`
	Name      string   `json:"name"`
	URI       string   `json:"uri"`
	URIs      []string `json:"uris"`
	TaskIDs   []string `json:"taskIds"`
	Arguments []byte   `json:"arguments"`

	// Folding is how a server on encoding/json reads the message otherwise; it
	// takes "Name" for "name". Empty if it agrees.
	Folding string `json:"folding,omitempty"`
}

func main() {
	log.SetFlags(0)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		if err := json.Unmarshal(line, &q); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(read(q)); err != nil {
			log.Fatal(err)
		}
	}
}

func read(q question) answer {
	header := http.Header{}
	for name, values := range q.Header {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	message, refusal := mcp.Read(header, q.Body)
	if refusal != nil {
		return answer{Refused: cmp.Or(refusal.Text, "refused")}
	}
	return answer{
		Method:    message.Method,
		Name:      message.Name,
		URI:       message.URI,
		URIs:      message.URIs,
		TaskIDs:   message.TaskIDs,
		Arguments: message.Arguments,
		Folding:   folding(message, q.Body),
	}
}

// object is what a message, its params or a ref inside them may hold.
type object struct {
	Method        string          `json:"method"`
	Params        *object         `json:"params"`
	Type          string          `json:"type"`
	Name          string          `json:"name"`
	URI           string          `json:"uri"`
	TaskID        string          `json:"taskId"`
	Arguments     json.RawMessage `json:"arguments"`
	Ref           *object         `json:"ref"`
	Notifications *struct {
		ResourceSubscriptions []string `json:"resourceSubscriptions"`
	} `json:"notifications"`
}

// folding compares with what a server on encoding/json would act on. Such a
// server may refuse the message as it likes.
func folding(m *mcp.Message, body []byte) string {
	var got object
	if json.Unmarshal(body, &got) != nil {
		return ""
	}
	asked := cmp.Or(got.Params, &got)
	name, uri := asked.Name, asked.URI
	if m.Method == "completion/complete" && asked.Ref != nil {
		name, uri = asked.Ref.Name, asked.Ref.URI
	}
	var uris []string
	if asked.Notifications != nil {
		uris = asked.Notifications.ResourceSubscriptions
	}
	switch {
	case got.Method != m.Method:
		return fmt.Sprintf("method %q", got.Method)
	case m.Name != "" && name != m.Name:
		return fmt.Sprintf("name %q", name)
	case m.URI != "" && uri != m.URI:
		return fmt.Sprintf("uri %q", uri)
	case m.Method == "subscriptions/listen" && !slices.Equal(uris, m.URIs):
		return fmt.Sprintf("uris %q", uris)
	case m.Arguments != nil && !bytes.Equal(bytes.TrimSpace(asked.Arguments), m.Arguments):
		return fmt.Sprintf("arguments %s", asked.Arguments)
	}
	return ""
}
