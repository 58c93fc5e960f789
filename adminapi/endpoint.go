package adminapi

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// endpoint is one row of the API: what the handler serves and what the
// document says of it.
type endpoint struct {
	method, path string
	id, summary  string

	// description is Markdown for the document.
	description string

	// right is what the actor needs; the Service checks edits once more, with
	// all that follows from what is edited. Empty: the Service alone decides.
	right string

	// open endpoints need no actor at all.
	open bool

	// action is how the audit trail calls an attempt that was refused.
	action tokenstore.Action

	params []parameter
	match  ifMatch

	// bodyOptional lets a request do without its body.
	bodyOptional bool

	// status is that of success; codes are those of the problems that not
	// every endpoint has.
	status int
	codes  []string

	// produces is the media type of success where it is not JSON; also is one
	// that the Accept header can ask for instead.
	produces, also string

	// request and response are the Go types behind the bodies; nil for none.
	request, response reflect.Type

	serve func(*call) (any, error)
}

// ifMatch says what an endpoint does with the If-Match header.
type ifMatch int

const (
	ifMatchUnused ifMatch = iota
	ifMatchHonoured
	ifMatchRequired
)

// nothing is the response of an endpoint that answers 204.
type nothing struct{}

// list is one page of a listing.
type list[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor"`
	Total      int     `json:"total"`
}

// replies makes e answer with what f returns.
func replies[Out any](e endpoint, f func(*call) (Out, error)) endpoint {
	if t := reflect.TypeFor[Out](); t != reflect.TypeFor[nothing]() {
		e.response = t
	}
	e.serve = func(c *call) (any, error) { return f(c) }
	return e
}

// takes makes e answer with what f returns for the body of the request.
func takes[In, Out any](e endpoint, f func(*call, In) (Out, error)) endpoint {
	e = replies(e, func(c *call) (out Out, err error) {
		var in In
		if err := decode(c.w, c.r, &in, !e.bodyOptional, mediaTypes(e.method)); err != nil {
			return out, err
		}
		return f(c, in)
	})
	e.request = reflect.TypeFor[In]()
	return e
}

// mediaTypes lists what the body of a request may be.
func mediaTypes(method string) []string {
	if method == http.MethodPatch {
		return []string{"application/merge-patch+json", "application/json"}
	}
	return []string{"application/json"}
}

// endpoints is the table.
func endpoints() []endpoint {
	return slices.Concat(
		tokenEndpoints(),
		lifecycleEndpoints(),
		bulkEndpoints(),
		requestEndpoints(),
		groupEndpoints(),
		permissionEndpoints(),
		checkEndpoints(),
		auditEndpoints(),
		serverEndpoints(),
	)
}
