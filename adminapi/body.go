package adminapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxBody bounds a request body, in bytes.
const maxBody = 1 << 20

// optional tells a member that is absent from one that is null and one that
// has a value, which a merge patch (RFC 7396) needs.
type optional[T any] struct {
	Set, Null bool
	Value     T
}

func (o *optional[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	o.Set, o.Null = true, d.PeekKind() == 'n'
	return json.UnmarshalDecode(d, &o.Value)
}

// pointer returns nil for an absent member and the zero value for null: for
// the fields of which null means "empty".
func (o optional[T]) pointer() *T {
	if !o.Set {
		return nil
	}
	return &o.Value
}

// value returns nil for an absent member and for null: for the fields of which
// null has a meaning of its own.
func (o optional[T]) value() *T {
	if o.Null {
		return nil
	}
	return o.pointer()
}

// decode reads the body of r into v. An empty body, where the endpoint can do
// without one, leaves v as it is.
//
// It is strict so that nobody believes to have said what was not heard:
// unknown and repeated members, trailing data and invalid UTF-8 are refused.
func decode(w http.ResponseWriter, r *http.Request, v any, needed bool, mediaTypes []string) error {
	if lines := r.Header["Content-Type"]; len(lines) > 0 || r.ContentLength != 0 {
		if err := checkMediaType(lines, mediaTypes); err != nil {
			return err
		}
	}
	if r.Header.Get("Content-Encoding") != "" {
		return problem(codeUnsupportedMediaType, "Send the body without a Content-Encoding.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return problem(codeBodyTooLarge, fmt.Sprintf("The body is longer than %d bytes.", maxBody))
		}
		return problem(codeBadRequest, "The body could not be read.")
	}
	if len(body) == 0 && !needed {
		return nil
	}
	// What is not JSON is told first: the rest is about its meaning.
	err = json.Unmarshal(body, new(jsontext.Value))
	if err == nil {
		err = json.Unmarshal(body, v, json.RejectUnknownMembers(true))
	}
	if err != nil {
		return bodyProblem(err)
	}
	return nil
}

// checkMediaType refuses everything that a form of a foreign page can send.
func checkMediaType(lines, allowed []string) error {
	if len(lines) == 1 {
		mediaType, parameters, err := mime.ParseMediaType(lines[0])
		charset := parameters["charset"]
		if err == nil && slices.Contains(allowed, mediaType) && (charset == "" || strings.EqualFold(charset, "utf-8")) {
			return nil
		}
	}
	return problem(codeUnsupportedMediaType, "The body must be "+strings.Join(allowed, " or ")+".")
}

// bodyProblem says where the body is wrong, without the decoder's own words
// about Go types.
func bodyProblem(err error) *Problem {
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		detail := fmt.Sprintf("The body is not JSON: around byte %d.", e.ByteOffset)
		switch {
		case errors.Is(e, jsontext.ErrDuplicateName):
			detail = fmt.Sprintf("The body has the same member twice: around byte %d.", e.ByteOffset)
		case errors.Is(e, io.ErrUnexpectedEOF):
			detail = fmt.Sprintf("The body ends too early, at byte %d.", e.ByteOffset)
		}
		p := problem(codeMalformedJSON, detail)
		if e.JSONPointer != "" {
			p.Errors = []FieldProblem{{Pointer: string(e.JSONPointer), Detail: "is malformed"}}
		}
		return p
	}
	e, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return problem(codeMalformedJSON, "The body is not JSON.")
	}
	if e.Err == json.ErrUnknownName {
		return invalidField(string(e.JSONPointer), "is not a field here")
	}
	return invalidField(string(e.JSONPointer), "must be "+expected(e))
}

// expected says what a member must be, from the Go type it would not fit.
func expected(e *json.SemanticError) string {
	t := e.GoType
	switch {
	case t == nil:
		return "of another type"
	case t == reflect.TypeFor[time.Time]():
		return `a time with its zone, as "2027-01-31T12:00:00Z"`
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	}
	return "an object"
}
