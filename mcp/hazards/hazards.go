// Package hazards holds requests by which a caller who may call the tool "ok"
// and nothing else tries to reach the tool "secret", or a prompt, a resource or a
// task of that name, past a gateway that reads the message differently from the
// server behind it – and harmless spellings of a call to "ok" beside them, which
// a gateway must not refuse. It is data for tests: nothing in the gateway uses it.
package hazards

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Hazard is one POST request. To replay it, send Headers and Body as they are,
// with a credential, a Host and a Content-Length added, and to a server with
// sessions also an Mcp-Session-Id unless Headers have one.
type Hazard struct {
	// Name is unique and fit for the name of a subtest.
	Name string `json:"name"`

	// Reason says which reader takes the request for something else.
	Reason string `json:"reason"`

	// Era is "legacy", "modern" (2026-07-28) or "flat" (django-admin-mcp), by which
	// to choose the server to replay it to. Servers of other eras refuse it, or must.
	Era string `json:"era"`

	// Headers are name and value of each line, in order, repeated names included.
	Headers [][2]string `json:"headers"`

	// Body is the request body. In the file it is the string "body", or
	// "body_base64" if it is not UTF-8.
	Body []byte `json:"-"`

	// Expect is Refused or Harmless.
	Expect Expect `json:"expect"`
}

type Expect string

const (
	// Refused requests never reach a server, be it that they cannot be read in one
	// way only, or that they can and are denied.
	Refused Expect = "refused"

	// Harmless requests call "ok", and real servers of their era run them.
	Harmless Expect = "harmless"
)

type file struct {
	Hazard
	Text   *string `json:"body,omitempty"`
	Base64 []byte  `json:"body_base64,omitempty"`
}

//go:embed hazards.json
var data []byte

// Load returns all hazards in the order of the file.
func Load() ([]Hazard, error) {
	var files []file
	if err := json.Unmarshal(data, &files); err != nil {
		return nil, fmt.Errorf("hazards.json: %w", err)
	}
	list := make([]Hazard, len(files))
	for i, f := range files {
		list[i] = f.Hazard
		list[i].Body = f.Base64
		if f.Text != nil {
			list[i].Body = []byte(*f.Text)
		}
	}
	return list, nil
}
