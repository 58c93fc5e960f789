package page

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// tokenScreen shows one token, and its new secret if it has just been made.
type tokenScreen struct {
	frame
	Token   tokenstore.Record
	Origins []origin
	Summary summary
	Live    []tokenstore.LiveRequest
	Audit   []auditLine
	InGrace bool
	Graces  []choice
	Secret  *shownSecret
}

// origin is a permission and where a token has it from.
type origin struct {
	Permission string
	From       []string
}

// shownSecret is what the dialog of a new secret shows, this once.
type shownSecret struct {
	Text     string
	Snippets []snippet
}

type snippet struct{ ID, Label, Text string }

var graces = []choice{{"", "Now"}, {"1h", "1 hour"}, {"24h", "24 hours"}, {"7d", "7 days"}, {"30d", "30 days"}}

func (s *Site) showToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !s.require(w, r, v, tokenstore.RightViewToken) {
		return
	}
	t, err := v.service.Token(r.PathValue("id"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	data := tokenScreen{
		frame: v.frame(t.Name, "tokens"), Token: t, Graces: graces,
		Origins: origins(v.service, t), Summary: s.reach(tokenstore.NewGrants(t.EffectivePermissions...)),
		Live:    v.service.Live(t.ID),
		InGrace: t.Rotation != nil && time.Now().Before(t.Rotation.ValidUntil),
	}
	data.Notice = noticeOf(r)
	if data.May.Audit {
		trail, err := v.service.Audit(r.Context(), v.actor, tokenstore.AuditQuery{Target: t.ID, Limit: 10})
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		data.Audit = auditLines(trail.Items)
	}
	if secret, ok := s.secrets.take(v.cookie, t.ID, time.Now()); ok {
		data.Secret = s.shown(r, secret)
	}
	s.render(w, r, http.StatusOK, "token", data)
}

// origins tells for each effective permission whether it is direct or comes
// from groups.
func origins(service *tokenstore.Service, t tokenstore.Record) []origin {
	var out []origin
	for _, permission := range t.EffectivePermissions {
		o := origin{Permission: permission}
		if slices.Contains(t.Permissions, permission) {
			o.From = append(o.From, "this token")
		}
		for _, name := range t.Groups {
			if g, err := service.Group(name); err == nil && slices.Contains(g.Permissions, permission) {
				o.From = append(o.From, "group "+name)
			}
		}
		out = append(out, o)
	}
	return out
}

// shown makes what a person pastes into a client. The gateway's data sites are
// not known here, so the URL is a placeholder in capitals.
func (s *Site) shown(_ *http.Request, secret tokenstore.Secret) *shownSecret {
	text := secret.Reveal()
	return &shownSecret{Text: text, Snippets: []snippet{
		{"snippet-json", ".mcp.json", fmt.Sprintf(`{
  "mcpServers": {
    "my-server": {
      "type": "http",
      "url": "https://GATEWAY/mcp",
      "headers": { "Authorization": "Bearer %s" }
    }
  }
}`, text)},
		{"snippet-claude", "Claude Code", fmt.Sprintf("claude mcp add --transport http my-server https://GATEWAY/mcp \\\n  --header \"Authorization: Bearer %s\"", text)},
		{"snippet-inspector", "MCP Inspector", fmt.Sprintf("npx @modelcontextprotocol/inspector --cli https://GATEWAY/mcp --transport http \\\n  --method tools/list --header \"Authorization: Bearer %s\"", text)},
		{"snippet-curl", "curl", fmt.Sprintf(`curl https://GATEWAY/mcp \
  -H "Authorization: Bearer %s" \
  -H "Content-Type: application/json" \
  -H "Accept: application/json, text/event-stream" \
  -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'`, text)},
	}}
}

func (s *Site) rotateToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	var o tokenstore.RotateOptions
	if grace := form.Get("grace"); grace != "" {
		d, err := tokenstore.ParseDuration(grace)
		if err != nil {
			s.refuse(w, r, &tokenstore.FieldError{Field: "grace", Detail: err.Error()})
			return
		}
		o.Grace = d
	}
	t, secret, err := v.service.RotateToken(r.Context(), v.actor, r.PathValue("id"), 0, o)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.secrets.put(v.cookie, t.ID, secret, time.Now())
	redirect(w, r, "tokens/"+t.ID)
}

func (s *Site) finishRotation(w http.ResponseWriter, r *http.Request, v *visitor) {
	_, err := v.service.FinishRotation(r.Context(), v.actor, r.PathValue("id"), 0)
	s.done(w, r, err, "tokens/"+r.PathValue("id")+"?done=grace-ended")
}

func (s *Site) disableToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	_, err := v.service.SetActive(r.Context(), v.actor, r.PathValue("id"), 0, false, form.Get("reason"))
	s.done(w, r, err, "tokens/"+r.PathValue("id")+"?done=disabled")
}

func (s *Site) enableToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	_, err := v.service.SetActive(r.Context(), v.actor, r.PathValue("id"), 0, true, "")
	s.done(w, r, err, "tokens/"+r.PathValue("id")+"?done=enabled")
}

func (s *Site) deleteToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	t, err := v.service.Token(r.PathValue("id"))
	if err == nil && form.Get("confirm") != t.Name {
		err = &tokenstore.FieldError{Field: "confirm", Detail: "type the token's name to confirm"}
	}
	if err == nil {
		err = v.service.DeleteToken(r.Context(), v.actor, t.ID, 0)
	}
	s.done(w, r, err, "tokens?done=deleted")
}

func (s *Site) endRequests(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	_, err := v.service.EndLive(r.Context(), v.actor, r.PathValue("id"), form.Get("request"))
	s.done(w, r, err, "tokens/"+r.PathValue("id")+"?done=ended")
}

// done ends an action: back to a page, or to the reason why not.
func (s *Site) done(w http.ResponseWriter, r *http.Request, err error, to string) {
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	redirect(w, r, to)
}
