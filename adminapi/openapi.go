package adminapi

import (
	_ "embed"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// schemas are the component schemas, by the names that schemaName gives to the
// Go types.
//
//go:embed schemas.json
var schemas []byte

const introduction = `Manages the tokens of a gateway for MCP servers.

Answers are JSON; errors are problems (RFC 9457) with a ` + "`code`" + `. What is not known – a field, a parameter, a sort
key – is refused, never ignored. HEAD is answered as GET. Unknown paths are answered with 404 ` + "`not_found`" + `, unknown methods with 405
` + "`method_not_allowed`" + ` and the header Allow. Times are RFC 3339 in UTC, null for never.

On Caddy's admin endpoint the API needs no credential; on a site it is under ` + "`api/`" + ` of the page and needs a token
with rights under ` + "`mcp_token`" + `.`

// object is JSON under construction.
type object map[string]any

func (c *call) openAPI() (jsontext.Value, error) { return c.document, nil }

// newDocument returns the OpenAPI 3.1 document of the table.
func newDocument(table []endpoint) jsontext.Value {
	paths := map[string]object{}
	for _, e := range table {
		if paths[e.path] == nil {
			paths[e.path] = object{}
		}
		paths[e.path][strings.ToLower(e.method)] = e.operation()
	}
	text, err := json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title":       "Caddy MCP token administration",
			"version":     "1",
			"description": introduction,
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []object{{
			"url":         "http://localhost:2019/mcp_token",
			"description": "Caddy's admin endpoint",
		}},
		"security": []object{{"token": []string{}}, {}},
		"paths":    paths,
		"components": object{
			"schemas": jsontext.Value(schemas),
			"securitySchemes": object{
				"token": object{"type": "http", "scheme": "bearer"},
			},
		},
	}, json.Deterministic(true))
	if err != nil {
		panic(err) // the table cannot be told: a mistake in this package
	}
	return text
}

// operation describes e.
func (e *endpoint) operation() object {
	op := object{
		"operationId": e.id,
		"summary":     e.summary,
		"responses":   e.responses(),
	}
	description := e.description
	if e.right != "" {
		description = strings.TrimSpace(description + "\n\nNeeds the right `" + e.right + "`.")
	}
	if description != "" {
		op["description"] = description
	}
	if e.open {
		op["security"] = []object{}
	}
	if parameters := e.parameters(); len(parameters) > 0 {
		op["parameters"] = parameters
	}
	if e.request != nil {
		content := object{}
		for _, mediaType := range mediaTypes(e.method) {
			content[mediaType] = object{"schema": reference(e.request)}
		}
		op["requestBody"] = object{"required": !e.bodyOptional, "content": content}
	}
	return op
}

// parameters describes what stands in path, query and If-Match.
func (e *endpoint) parameters() []object {
	var all []object
	for name := range e.pathParameters() {
		all = append(all, object{
			"name": name, "in": "path", "required": true,
			"schema": object{"type": "string"}, "description": pathDocs[name],
		})
	}
	for _, p := range e.params {
		all = append(all, object{"name": p.name, "in": "query", "schema": p.schema(), "description": p.doc})
	}
	if e.match != ifMatchUnused {
		all = append(all, object{
			"name": "If-Match", "in": "header", "required": e.match == ifMatchRequired,
			"schema": object{"type": "string"}, "description": "The ETag that was read: 412 if it has changed since.",
		})
	}
	return all
}

var pathDocs = map[string]string{
	"id":   "The id of the token, or its key.",
	"rid":  "The id of the live request.",
	"name": "The name of the group.",
}

// pathParameters yields the names in braces.
func (e *endpoint) pathParameters() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for part := range strings.SplitSeq(e.path, "/") {
			if name, ok := strings.CutPrefix(part, "{"); ok && !yield(strings.TrimSuffix(name, "}")) {
				return
			}
		}
	}
}

func (p parameter) schema() object {
	switch p.kind {
	case choice:
		return object{"type": "string", "enum": p.choices}
	case flag:
		return object{"type": "boolean"}
	case limit:
		return object{"type": "integer", "minimum": 1, "maximum": tokenstore.MaxLimit, "default": tokenstore.DefaultLimit}
	case duration:
		return object{"type": "string", "pattern": "^([0-9]+[smhdw]|0)$", "examples": []string{"30d"}}
	case moment:
		return object{"type": "string", "format": "date-time"}
	}
	return object{"type": "string"}
}

// responses describes success and, by status, every problem.
func (e *endpoint) responses() object {
	success := object{"description": e.summary + "."}
	switch {
	case e.produces != "":
		success["content"] = object{e.produces: object{}}
	case e.response == reflect.TypeFor[jsontext.Value]():
		success["content"] = object{"application/json": object{"schema": object{"type": "object"}}}
	case e.response != nil:
		success["content"] = object{"application/json": object{"schema": reference(e.response)}}
	}
	if e.also != "" {
		success["content"].(object)[e.also] = object{"schema": object{"type": "string"}}
	}
	if headers := e.headers(); len(headers) > 0 {
		success["headers"] = headers
	}
	all := object{strconv.Itoa(e.status): success}
	byStatus := map[int][]string{}
	for _, code := range e.problems() {
		byStatus[statusFor(code)] = append(byStatus[statusFor(code)], code)
	}
	for status, codes := range byStatus {
		all[strconv.Itoa(status)] = object{
			"description": fmt.Sprintf("%s: `%s`.", http.StatusText(status), strings.Join(codes, "`, `")),
			"content":     object{"application/problem+json": object{"schema": reference(reflect.TypeFor[Problem]())}},
		}
	}
	return all
}

// headers describes what success has in its header besides what every response
// has.
func (e *endpoint) headers() object {
	text := func(description string) object {
		return object{"description": description, "schema": object{"type": "string"}}
	}
	h := object{}
	switch e.response {
	case reflect.TypeFor[tokenstore.Record](), reflect.TypeFor[tokenstore.GroupRecord](), reflect.TypeFor[issued]():
		h["ETag"] = text("The version in quotes, for If-Match.")
	}
	if e.status == http.StatusCreated {
		h["Location"] = text("Where it is, relative to this request's URL.")
	}
	return h
}

// problems lists the codes of all problems that e can answer with, sorted.
func (e *endpoint) problems() []string {
	codes := append([]string{codeInvalidParameter, codeInternal, codeStoreUnavailable}, e.codes...)
	if !e.open {
		codes = append(codes, codeUnauthenticated, codeRateLimited)
	}
	if e.right != "" {
		codes = append(codes, codeForbidden)
	}
	for range e.pathParameters() {
		codes = append(codes, codeNotFound)
	}
	codes = append(codes, codeBadRequest)
	if e.request != nil {
		codes = append(codes, codeMalformedJSON, codeBodyTooLarge, codeUnsupportedMediaType, codeValidationFailed)
	}
	switch e.match {
	case ifMatchRequired:
		codes = append(codes, codePreconditionRequired, codeVersionMismatch)
	case ifMatchHonoured:
		codes = append(codes, codeVersionMismatch)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// reference points to the schema of t.
func reference(t reflect.Type) object {
	return object{"$ref": "#/components/schemas/" + schemaName(t)}
}

// schemaNames are the exceptions from the rule that a schema is called as its
// Go type.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[tokenstore.Record]():      "Token",
	reflect.TypeFor[tokenstore.GroupRecord](): "Group",
	reflect.TypeFor[tokenstore.ActorInfo]():   "Actor",
	reflect.TypeFor[healthy]():                "Health",
}

func schemaName(t reflect.Type) string {
	if name, ok := schemaNames[t]; ok {
		return name
	}
	if strings.HasPrefix(t.Name(), "list[") {
		items, _ := t.FieldByName("Items")
		return schemaName(items.Type.Elem()) + "List"
	}
	return strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
}
