package mcp

import "errors"

// List names the member of a result that holds a list.
type List string

const (
	Tools             List = "tools"             // elements have a name
	Prompts           List = "prompts"           // elements have a name
	Resources         List = "resources"         // elements have a uri
	ResourceTemplates List = "resourceTemplates" // elements have a uriTemplate
)

// Keep tells whether an element stays in a list; name is its name, uri or uriTemplate.
type Keep func(l List, name string) bool

// FilterMessage appends src, one JSON-RPC message from a server, to dst without
// the list elements that keep turns down. A message without lists is appended
// unchanged. On error nothing may be sent on.
func FilterMessage(dst, src []byte, keep Keep) ([]byte, error) {
	return dst, errors.New("not implemented")
}
