package adminapi

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/libopenapi"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestALibraryForOpenAPIAcceptsTheDocument(t *testing.T) {
	document, err := libopenapi.NewDocument(newDocument(endpoints()))
	if err != nil {
		t.Fatal(err)
	}
	model, err := document.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	operations := 0
	for path := range model.Model.Paths.PathItems.ValuesFromOldest() {
		operations += path.GetOperations().Len()
	}
	if operations != len(endpoints()) {
		t.Errorf("the document has %d operations, the table %d", operations, len(endpoints()))
	}
}

func TestOperationsHaveDistinctIDs(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range endpoints() {
		if e.id == "" || e.summary == "" || seen[e.id] {
			t.Errorf("%s %s: the id %q or the summary is missing or used twice", e.method, e.path, e.id)
		}
		seen[e.id] = true
	}
}

// schema is as much of JSON Schema as the document uses.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"`
	Format     string            `json:"format"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Items      *schema           `json:"items"`
	AnyOf      []schema          `json:"anyOf"`
	Enum       []string          `json:"enum"`
	Additional any               `json:"additionalProperties"`
	More       jsontext.Value    `json:",embed"`
}

func readSchemas(t *testing.T) map[string]schema {
	t.Helper()
	var all map[string]schema
	if err := json.Unmarshal(schemas, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTheDocumentHasTheFieldsOfTheTypes walks from every body of the table
// through all Go types that it is made of.
func TestTheDocumentHasTheFieldsOfTheTypes(t *testing.T) {
	w := &walker{T: t, schemas: readSchemas(t), seen: map[string]bool{"Status": true}}
	w.object(reflect.TypeFor[Problem](), false)
	for _, e := range endpoints() {
		if e.request != nil {
			w.object(e.request, true)
		}
		if e.response != nil && e.response != reflect.TypeFor[jsontext.Value]() {
			w.object(e.response, false)
		}
	}
	for name := range w.schemas {
		if !w.seen[name] {
			t.Errorf("schema %s describes no type", name)
		}
	}
}

type walker struct {
	*testing.T
	schemas map[string]schema
	seen    map[string]bool
}

// object compares the struct type t with its schema.
func (w *walker) object(t reflect.Type, request bool) {
	name := schemaName(t)
	if w.seen[name] {
		return
	}
	w.seen[name] = true
	s, ok := w.schemas[name]
	if !ok {
		w.Errorf("%v has no schema %s", t, name)
		return
	}
	if closed := s.Additional == false; closed != request {
		w.Errorf("%s: additionalProperties is closed: %v, want %v", name, closed, request)
	}
	properties := maps.Clone(s.Properties)
	var always []string
	for field, options := range fields(t) {
		p, ok := properties[field.name]
		if !ok {
			w.Errorf("%s: %s is not in the document", name, field.name)
			continue
		}
		delete(properties, field.name)
		w.value(name+"."+field.name, field.Type, p, request)
		if !strings.Contains(options, "omit") {
			always = append(always, field.name)
		}
	}
	for extra := range properties {
		w.Errorf("%s: %s is in the document only", name, extra)
	}
	if !request {
		slices.Sort(always)
		slices.Sort(s.Required)
		if diff := cmp.Diff(always, s.Required); diff != "" {
			w.Errorf("%s: required (-type +document):\n%s", name, diff)
		}
	}
}

type field struct {
	name string
	reflect.Type
}

// fields yields the JSON members of t with the options of their tags.
func fields(t reflect.Type) func(yield func(field, string) bool) {
	return func(yield func(field, string) bool) {
		for f := range t.Fields() {
			if f.Anonymous {
				for inner, options := range fields(f.Type) {
					if !yield(inner, options) {
						return
					}
				}
				continue
			}
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !yield(field{name, f.Type}, options) {
				return
			}
		}
	}
}

// value compares the type of one member with its schema.
func (w *walker) value(at string, t reflect.Type, s schema, request bool) {
	if t == reflect.TypeFor[jsontext.Value]() {
		return
	}
	nullable := false
	if strings.HasPrefix(t.Name(), "optional[") {
		value, _ := t.FieldByName("Value")
		t, nullable = value.Type, slices.Contains([]reflect.Kind{reflect.String, reflect.Slice, reflect.Struct}, value.Type.Kind())
		if strings.HasSuffix(at, ".name") {
			nullable = false // there is no token or group without one
		}
	}
	if t.Kind() == reflect.Pointer {
		t, nullable = t.Elem(), !request
	}
	if len(s.AnyOf) == 2 && s.AnyOf[1].Type == "null" {
		if !nullable {
			w.Errorf("%s: is never null", at)
		}
		w.value(at, t, s.AnyOf[0], request)
		return
	}
	want, format := jsonType(t)
	switch {
	case s.Ref != "":
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		switch {
		case t == reflect.TypeFor[tokenstore.Status]() || strings.HasSuffix(at, "Filter.status"):
			if name != "Status" {
				w.Errorf("%s: refers to %s", at, name)
			}
		case t.Kind() != reflect.Struct || schemaName(t) != name:
			w.Errorf("%s: refers to %s, and is %v", at, name, t)
		default:
			w.object(t, request)
		}
		return
	case nullable:
		if diff := cmp.Diff([]any{want, "null"}, s.Type); diff != "" {
			w.Errorf("%s: type (-want +document):\n%s", at, diff)
		}
	case s.Type != want:
		w.Errorf("%s: type is %v, want %s", at, s.Type, want)
	}
	if format != "" && s.Format != format {
		w.Errorf("%s: format is %q, want %q", at, s.Format, format)
	}
	if want == "array" {
		if s.Items == nil {
			w.Errorf("%s: has no items", at)
			return
		}
		w.value(at+"[]", t.Elem(), *s.Items, request)
	}
}

// jsonType is what a Go type is in JSON.
func jsonType(t reflect.Type) (name, format string) {
	if t == reflect.TypeFor[time.Time]() {
		return "string", "date-time"
	}
	if _, ok := reflect.New(t).Interface().(interface{ MarshalText() ([]byte, error) }); ok {
		return "string", ""
	}
	switch t.Kind() {
	case reflect.String:
		return "string", ""
	case reflect.Bool:
		return "boolean", ""
	case reflect.Slice, reflect.Array:
		return "array", ""
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "integer", ""
	}
	return "object", ""
}

func TestTheDocumentKnowsEveryWordOfTheClosedLists(t *testing.T) {
	all := readSchemas(t)
	for at, c := range map[string]struct{ document, code []string }{
		"Status":         {all["Status"].Enum, statuses},
		"Verdict.reason": {all["Verdict"].Properties["reason"].Enum, append([]string{""}, reasons...)},
		"Actor.type": {all["Actor"].Properties["type"].Enum, []string{
			string(tokenstore.ActorToken), string(tokenstore.ActorAdminEndpoint),
			string(tokenstore.ActorCLI), string(tokenstore.ActorSystem)}},
		"BulkEdit.action": {all["BulkEdit"].Properties["action"].Enum, []string{
			string(tokenstore.BulkDisable), string(tokenstore.BulkEnable), string(tokenstore.BulkDelete),
			string(tokenstore.BulkAddGroups), string(tokenstore.BulkRemoveGroups),
			string(tokenstore.BulkAddPermissions), string(tokenstore.BulkRemovePermissions),
			string(tokenstore.BulkSetExpiry)}},
	} {
		if diff := cmp.Diff(c.code, c.document); diff != "" {
			t.Errorf("%s (-code +document):\n%s", at, diff)
		}
	}
}

var reasons = []string{
	string(tokenstore.ReasonMissing), string(tokenstore.ReasonMalformed), string(tokenstore.ReasonUnknown),
	string(tokenstore.ReasonBadSecret), string(tokenstore.ReasonInactive), string(tokenstore.ReasonExpired),
	string(tokenstore.ReasonAudience), string(tokenstore.ReasonAddress), string(tokenstore.ReasonRateLimited),
	string(tokenstore.ReasonPermission), string(tokenstore.ReasonRule), string(tokenstore.ReasonSession),
	string(tokenstore.ReasonOrigin), string(tokenstore.ReasonBody), string(tokenstore.ReasonStore),
}
