package page

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// tokenForm is the screen that creates or edits a token.
type tokenForm struct {
	frame
	Heading, Action string
	Token           *tokenstore.Record // nil while creating
	Form            url.Values
	Expiries        []choice
	Groups          []groupChoice
	Catalogue       []string
	Advanced        bool
	Conflict        []conflictLine
	Summary         summary
}

type choice struct{ Value, Label string }

type groupChoice struct {
	Name, Grants string
	Chosen       bool
}

// conflictLine is one edit that somebody else made while this one was typed.
type conflictLine struct {
	Time        time.Time
	Actor, What string
}

var newExpiries = []choice{{"7d", "7 days"}, {"30d", "30 days"}, {"90d", "90 days"}, {"365d", "1 year"}, {"custom", "On a date"}, {"never", "Never"}}

func (s *Site) newToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !s.require(w, r, v, tokenstore.RightAddToken) {
		return
	}
	s.showTokenForm(w, r, v, http.StatusOK, tokenForm{Form: url.Values{"expires": {"90d"}}})
}

func (s *Site) createToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	n := tokenstore.NewToken{
		Name: form.Get("name"), Description: form.Get("description"), User: form.Get("user"),
		Groups: form["groups"], Permissions: words(form.Get("permissions")),
		AllowedCIDRs: words(form.Get("allowed_cidrs")), Audiences: words(form.Get("audiences")),
		RateLimit: strings.TrimSpace(form.Get("rate_limit")),
	}
	var err error
	n.ExpiresIn, n.ExpiresAt, n.NeverExpires, err = expiryOf(form)
	var made tokenstore.Record
	var secret tokenstore.Secret
	if err == nil {
		made, secret, err = v.service.CreateToken(r.Context(), v.actor, n)
	}
	if err != nil {
		if status, problems := s.explain(w, r, err); status != 0 {
			s.showTokenForm(w, r, v, status, tokenForm{Form: form, frame: frame{Errors: problems}})
		}
		return
	}
	s.secrets.put(v.cookie, made.ID, secret, time.Now())
	redirect(w, r, "tokens/"+made.ID)
}

func (s *Site) editToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !s.require(w, r, v, tokenstore.RightChangeToken) {
		return
	}
	t, err := v.service.Token(r.PathValue("id"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.showTokenForm(w, r, v, http.StatusOK, tokenForm{Token: &t, Form: formOf(t)})
}

func (s *Site) updateToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	t, err := v.service.Token(r.PathValue("id"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	seen, ok := s.versionOf(w, r, form)
	if !ok {
		return
	}
	patch, err := patchOf(form)
	if err == nil {
		_, err = v.service.UpdateToken(r.Context(), v.actor, t.ID, seen, patch)
	}
	if err != nil {
		status, problems := s.explain(w, r, err)
		if status == 0 {
			return
		}
		data := tokenForm{Token: &t, Form: form, frame: frame{Errors: problems}}
		if status == http.StatusPreconditionFailed {
			data.Conflict = s.since(r, v, t, seen)
			data.Errors = nil
		}
		s.showTokenForm(w, r, v, status, data)
		return
	}
	redirect(w, r, "tokens/"+t.ID+"?done=saved")
}

// patchOf reads every field of the form: what a browser shows is what is
// saved.
func patchOf(form url.Values) (tokenstore.TokenPatch, error) {
	name, description, user := form.Get("name"), form.Get("description"), form.Get("user")
	groups, permissions := slices.Clone(form["groups"]), words(form.Get("permissions"))
	cidrs, audiences := words(form.Get("allowed_cidrs")), words(form.Get("audiences"))
	rate := strings.TrimSpace(form.Get("rate_limit"))
	patch := tokenstore.TokenPatch{
		Name: &name, Description: &description, User: &user, Groups: &groups, Permissions: &permissions,
		AllowedCIDRs: &cidrs, Audiences: &audiences, RateLimit: &rate,
	}
	var err error
	patch.ExpiresIn, patch.ExpiresAt, patch.NeverExpires, err = expiryOf(form)
	return patch, err
}

func formOf(t tokenstore.Record) url.Values {
	form := url.Values{
		"name": {t.Name}, "description": {t.Description}, "user": {t.User},
		"groups": t.Groups, "permissions": {strings.Join(t.Permissions, "\n")},
		"audiences": {strings.Join(t.Audiences, " ")}, "expires": {"keep"},
	}
	var cidrs []string
	for _, prefix := range t.AllowedCIDRs {
		cidrs = append(cidrs, prefix.String())
	}
	form.Set("allowed_cidrs", strings.Join(cidrs, " "))
	if t.RateLimit != nil {
		form.Set("rate_limit", *t.RateLimit)
	}
	if t.ExpiresAt != nil {
		form.Set("expires_at", t.ExpiresAt.UTC().Format("2006-01-02T15:04"))
	}
	return form
}

// since tells what was done to t after the version that a form was filled
// from.
func (s *Site) since(r *http.Request, v *visitor, t tokenstore.Record, seen uint64) []conflictLine {
	trail, err := v.service.Audit(r.Context(), v.actor, tokenstore.AuditQuery{Target: t.ID, Result: "ok", Limit: int(min(t.Version-seen, 10))})
	if err != nil {
		return []conflictLine{{Time: t.UpdatedAt, Actor: "somebody", What: "the token"}}
	}
	var lines []conflictLine
	for _, entry := range trail.Items {
		line := auditLineOf(entry)
		var what []string
		for _, c := range line.Changes {
			what = append(what, c.Field+" from "+c.Old+" to "+c.New)
		}
		if what == nil {
			what = []string{string(entry.Action)}
		}
		lines = append(lines, conflictLine{entry.Time, line.Who, strings.Join(what, ", ")})
	}
	return lines
}

// showTokenForm fills in what every form of a token has.
func (s *Site) showTokenForm(w http.ResponseWriter, r *http.Request, v *visitor, status int, data tokenForm) {
	problems := data.Errors
	data.Expiries, data.Heading, data.Action = newExpiries, "Create a token", rootAt(depthOf(r))+"tokens"
	if data.Token != nil {
		data.Heading, data.Action = "Edit "+data.Token.Name, rootAt(depthOf(r))+"tokens/"+data.Token.ID+"/edit"
		keep := "Keep: never expires"
		if data.Token.ExpiresAt != nil {
			keep = "Keep: " + data.Token.ExpiresAt.UTC().Format("2 Jan 2006 15:04") + " UTC"
		}
		data.Expiries = append([]choice{{"keep", keep}}, newExpiries...)
	}
	data.frame = v.frame(data.Heading, "tokens")
	data.Errors = problems
	for _, g := range v.service.Groups() {
		data.Groups = append(data.Groups, groupChoice{g.Name, strings.Join(g.Permissions, " "), slices.Contains(data.Form["groups"], g.Name)})
	}
	data.Catalogue = s.catalogue(v)
	data.Advanced = data.Form.Get("allowed_cidrs")+data.Form.Get("audiences")+data.Form.Get("rate_limit") != ""
	data.Summary = s.summaryOf(v, data.Form)
	s.render(w, r, status, "token_form", data)
}
