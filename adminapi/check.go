package adminapi

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func checkEndpoints() []endpoint {
	return []endpoint{
		takes(endpoint{
			method: "POST", path: "/check", id: "check",
			summary: "Explain what the gateway would decide",
			description: "Takes a token by `token` (its secret) or by `id` (its id or key), and a request; answers what would " +
				"be decided right now, and by which rule. Nothing is sent anywhere, no use is recorded, and rate limits are " +
				"left out.",
			right:  tokenstore.RightViewToken,
			status: http.StatusOK,
		}, (*call).check),
		takes(endpoint{
			method: "POST", path: "/verify", id: "verify",
			summary:     "Find the token that a secret belongs to",
			description: "Whatever state the token is in; 404 if it is nobody's. No use is recorded.",
			right:       tokenstore.RightViewToken,
			status:      http.StatusOK,
			codes:       []string{codeNotFound},
		}, (*call).verify),
	}
}

// credential is the body of verify.
type credential struct {
	Secret string `json:"secret"`
}

func (c *call) verify(in credential) (tokenstore.Record, error) {
	secret, err := tokenstore.ParseSecret(in.Secret)
	if err != nil {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	found := c.service.Inspect(secret, tokenstore.Caller{})
	switch {
	case found.Refusal != nil && found.Refusal.Reason == tokenstore.ReasonStore:
		return tokenstore.Record{}, tokenstore.ErrUnavailable
	case found.Record.ID == "":
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	return c.tagged(found.Record, nil)
}

// Question is a request to decide on: the body of check.
type Question struct {
	Token   string         `json:"token"`
	ID      string         `json:"id"`
	Route   string         `json:"route"`
	Method  string         `json:"method"`
	Path    string         `json:"path"`
	Address string         `json:"address"`
	Message jsontext.Value `json:"message"`
}

// Verdict is what the gateway would decide, and why.
type Verdict struct {
	Decision string            `json:"decision"` // "allow" or "deny"
	Reason   tokenstore.Reason `json:"reason"`
	Rule     string            `json:"rule"`
	Required []string          `json:"required"`
	Missing  []string          `json:"missing"`
	Any      bool              `json:"any"` // one of Required is enough
	Route    string            `json:"route"`
	TokenID  string            `json:"token_id"`
}

func (c *call) check(in Question) (Verdict, error) {
	return Check(c.service, c.routes(), in)
}

// Check decides on a request as the gateway would, and says why. It sends
// nothing, and records no use. An error is a [*Problem] if the question is at
// fault.
func Check(service *tokenstore.Service, routes []Route, in Question) (Verdict, error) {
	route, err := chooseRoute(routes, in.Route)
	if err != nil {
		return Verdict{}, err
	}
	in.Method = cmp.Or(in.Method, http.MethodPost)
	found, err := inspect(service, in, route)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Decision: "deny", Route: route.Name, TokenID: found.Record.ID}
	if found.Refusal != nil {
		v.Reason = found.Refusal.Reason
		return v, nil
	}
	d, err := decide(route.Policy, found, in)
	if err != nil {
		return Verdict{}, err
	}
	if d.Allowed {
		v.Decision = "allow"
	}
	v.Reason, v.Rule, v.Required, v.Missing, v.Any = d.Reason, d.Rule, d.Required, d.Missing, d.Any
	return v, nil
}

// chooseRoute finds the route of a question; the only one needs no name.
func chooseRoute(routes []Route, name string) (Route, error) {
	if name == "" && len(routes) == 1 {
		return routes[0], nil
	}
	var names []string
	for _, r := range routes {
		if r.Name == name && name != "" {
			return r, nil
		}
		names = append(names, r.Name)
	}
	switch {
	case len(routes) == 0:
		return Route{}, invalidField("/route", "is not there: no route of the configuration asks for a token")
	case len(names) > 10:
		names = append(slices.Clip(names[:10]), "…")
	}
	return Route{}, invalidField("/route", "must be one of "+strings.Join(names, ", "))
}

// inspect finds the token of a question, as the route would.
func inspect(service *tokenstore.Service, in Question, route Route) (tokenstore.Inspection, error) {
	caller := tokenstore.Caller{Audience: route.Audience, Method: in.Method, Path: in.Path}
	if in.Address != "" {
		addr, err := netip.ParseAddr(in.Address)
		if err != nil {
			return tokenstore.Inspection{}, invalidField("/address", "must be an IP address")
		}
		caller.Addr = addr.Unmap()
	}
	switch {
	case (in.Token == "") == (in.ID == ""):
		return tokenstore.Inspection{}, invalidField("/id", "give either token or id")
	case in.ID != "":
		found, err := service.InspectToken(in.ID, caller)
		if errors.Is(err, tokenstore.ErrNotFound) {
			err = invalidField("/id", "is not a token")
		}
		return found, err
	}
	secret, err := tokenstore.ParseSecret(in.Token)
	if err != nil {
		return tokenstore.Inspection{Refusal: &tokenstore.Refusal{Reason: tokenstore.ReasonMalformed}}, nil
	}
	return service.Inspect(secret, caller), nil
}

// decide takes the same steps as the gateway, once the token is known.
func decide(p *policy.Policy, found tokenstore.Inspection, in Question) (policy.Decision, error) {
	if found.Grants.HoldsManagement() && !p.RequiresManagement() {
		return policy.Decision{
			Reason: tokenstore.ReasonPermission,
			Rule:   "tokens that manage tokens are for routes that require it",
		}, nil
	}
	d := p.DecideRoute(found.Grants)
	if !d.Allowed || !p.ReadsMessages() || in.Method != http.MethodPost {
		return d, nil
	}
	if len(in.Message) == 0 {
		return d, invalidField("/message", "is needed: this route has rules for messages")
	}
	message, refusal := mcp.Read(mirrored(in.Message), in.Message)
	if refusal != nil {
		return policy.Decision{Reason: tokenstore.ReasonBody, Rule: refusal.Text}, nil
	}
	return p.Decide(policy.Subject{
		Grants: found.Grants, TokenName: found.Record.Name, TokenUser: found.Record.User,
	}, message), nil
}

// mirrored returns the header that a client of protocol 2026-07-28 would send
// with this message: the question is about the message, not about a client's
// mistakes. Other clients send none of it.
func mirrored(text jsontext.Value) http.Header {
	var message struct {
		Method string `json:"method"`
		Params struct {
			Name string `json:"name"`
			URI  string `json:"uri"`
			Meta struct {
				Version string `json:"io.modelcontextprotocol/protocolVersion"`
			} `json:"_meta"`
		} `json:"params"`
	}
	h := http.Header{}
	if json.Unmarshal(text, &message) != nil || message.Params.Meta.Version == "" {
		return h
	}
	h.Set("Mcp-Protocol-Version", message.Params.Meta.Version)
	h.Set("Mcp-Method", message.Method)
	if object := cmp.Or(message.Params.Name, message.Params.URI); object != "" {
		h.Set("Mcp-Name", "=?base64?"+base64.StdEncoding.EncodeToString([]byte(object))+"?=")
	}
	return h
}
