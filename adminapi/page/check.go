package page

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

type checkScreen struct {
	frame
	Form     url.Values
	Tokens   []tokenstore.Record
	Routes   []adminapi.Route
	Methods  []string
	Examples []example
	Decision *decision
}

type decision struct {
	adminapi.Verdict
	Allowed bool
}

type example struct{ Label, Message string }

var examples = []example{
	{"Call a tool", `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_article", "arguments": {}}}`},
	{"List the tools", `{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}`},
	{"Read a resource", `{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///example"}}`},
	{"Get a prompt", `{"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "example"}}`},
}

func (s *Site) showCheck(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !s.require(w, r, v, tokenstore.RightViewToken) {
		return
	}
	form := url.Values{"id": {r.URL.Query().Get("id")}, "method": {"POST"}, "path": {"/mcp"}, "message": {examples[0].Message}}
	s.renderCheck(w, r, v, http.StatusOK, checkScreen{Form: form})
}

// decide asks the code that decides on live requests.
func (s *Site) decide(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok || !s.require(w, r, v, tokenstore.RightViewToken) {
		return
	}
	question := adminapi.Question{
		ID: s.resolve(v, form.Get("id")), Route: form.Get("route"), Method: form.Get("method"), Path: form.Get("path"),
		Message: jsontext.Value(strings.TrimSpace(form.Get("message"))),
	}
	verdict, err := adminapi.Check(v.service, s.Routes(), question)
	data := checkScreen{Form: form}
	status := http.StatusOK
	var problems *adminapi.Problem
	switch {
	case errors.As(err, &problems):
		status = problems.Status
		for _, p := range problems.Errors {
			data.Errors = append(data.Errors, problem{strings.TrimPrefix(p.Pointer, "/"), capital(strings.TrimPrefix(p.Pointer, "/") + " " + p.Detail)})
		}
	case err != nil:
		if status, data.Errors = s.explain(w, r, err); status == 0 {
			return
		}
	default:
		data.Decision = &decision{verdict, verdict.Decision == "allow"}
	}
	s.renderCheck(w, r, v, status, data)
}

// resolve lets a person name a token by its exact name too.
func (s *Site) resolve(v *visitor, ref string) string {
	ref = strings.TrimSpace(ref)
	if _, err := v.service.Token(ref); err == nil {
		return ref
	}
	found, err := v.service.Tokens(tokenstore.TokenQuery{Q: ref, Limit: tokenstore.MaxLimit})
	if err == nil {
		for _, t := range found.Items {
			if strings.EqualFold(t.Name, ref) {
				return t.ID
			}
		}
	}
	return ref
}

func (s *Site) renderCheck(w http.ResponseWriter, r *http.Request, v *visitor, status int, data checkScreen) {
	problems := data.Errors
	data.frame = v.frame("Try a request", "check")
	data.Errors = problems
	data.Routes, data.Examples = s.Routes(), examples
	data.Methods = []string{"POST", "GET", "DELETE"}
	if found, err := v.service.Tokens(tokenstore.TokenQuery{Sort: "name", Limit: tokenstore.MaxLimit}); err == nil {
		data.Tokens = found.Items
	}
	s.render(w, r, status, "check", data)
}
