package adminapi

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// parameter is one query parameter that an endpoint knows.
type parameter struct {
	name    string
	kind    parameterKind
	choices []string // of kind choice
	doc     string
}

// parameterKind says how a parameter is written, and by that its Go type.
type parameterKind string

const (
	text     parameterKind = "text"     // string
	choice   parameterKind = "choice"   // string, one of choices
	flag     parameterKind = "flag"     // bool
	limit    parameterKind = "limit"    // int
	duration parameterKind = "duration" // time.Duration
	moment   parameterKind = "moment"   // time.Time
)

var limitParameters = []parameter{
	{name: "limit", kind: limit, doc: "How many items a page holds."},
	{name: "cursor", kind: text, doc: "The `next_cursor` of the page before, with the same filters and sort."},
}

// parseQuery reads the parameters of a request. What is not known is refused:
// a filter that was ignored would show, or delete, too much.
func parseQuery(raw string, known []parameter) (map[string]any, error) {
	given, err := url.ParseQuery(raw)
	if err != nil {
		return nil, problem(codeInvalidParameter, "The query is not well-formed.")
	}
	values := map[string]any{}
	var wrong []FieldProblem
	for name, texts := range given {
		i := slices.IndexFunc(known, func(p parameter) bool { return p.name == name })
		switch {
		case i < 0:
			wrong = append(wrong, FieldProblem{Parameter: name, Detail: "is not a parameter here"})
			continue
		case len(texts) > 1:
			wrong = append(wrong, FieldProblem{Parameter: name, Detail: "is given more than once"})
			continue
		}
		v, expected := known[i].parse(texts[0])
		if expected != "" {
			wrong = append(wrong, FieldProblem{Parameter: name, Detail: "must be " + expected})
			continue
		}
		values[name] = v
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b FieldProblem) int { return strings.Compare(a.Parameter, b.Parameter) })
		return nil, problem(codeInvalidParameter, "The query is not valid.", wrong...)
	}
	return values, nil
}

// parse returns the value of s, or what s should have been.
func (p parameter) parse(s string) (value any, expected string) {
	switch p.kind {
	case choice:
		if slices.Contains(p.choices, s) {
			return s, ""
		}
		return nil, "one of " + strings.Join(p.choices, ", ")
	case flag:
		if s == "true" || s == "false" {
			return s == "true", ""
		}
		return nil, "true or false"
	case limit:
		if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= tokenstore.MaxLimit {
			return n, ""
		}
		return nil, fmt.Sprintf("a number from 1 to %d", tokenstore.MaxLimit)
	case duration:
		if d, err := tokenstore.ParseDuration(s); err == nil {
			return d, ""
		}
		return nil, "a duration, as 12h, 30d or 4w"
	case moment:
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return t, ""
		}
		return nil, "a time with its zone, as 2027-01-31T12:00:00Z"
	}
	return s, ""
}

// parameterProblem turns the Service's complaint about a field into one about
// the query parameter that it came from.
func parameterProblem(err error) error {
	if e, ok := errors.AsType[*tokenstore.FieldError](err); ok {
		return problem(codeInvalidParameter, "The query is not valid.",
			FieldProblem{Parameter: strings.ToLower(e.Field), Detail: e.Detail})
	}
	return err
}
