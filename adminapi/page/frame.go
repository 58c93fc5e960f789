package page

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// frame is what every screen has: the layout's data.
type frame struct {
	Title  string
	Who    string // "" when nobody is signed in: no navigation
	Nav    []navItem
	Notice *notice
	May    may
	Errors []problem
}

type navItem struct {
	Label, Path string
	Current     bool
}

// notice is one line above a screen. Kind is "good", "warn" or "bad".
type notice struct{ Kind, Text string }

// may says which controls to show. The service decides again on every action.
type may struct{ View, Add, Change, Delete, Groups, Audit bool }

// problem is what is wrong with a form, and with which of its fields.
type problem struct{ Field, Detail string }

// Problem returns what is wrong with one field, or nil.
func (f frame) Problem(field string) *problem {
	for i := range f.Errors {
		if f.Errors[i].Field == field {
			return &f.Errors[i]
		}
	}
	return nil
}

func (v *visitor) frame(title, section string) frame {
	f := frame{Title: title, Who: v.actor.Name, May: may{
		View:   v.actor.Grants.Has(tokenstore.RightViewToken),
		Add:    v.actor.Grants.Has(tokenstore.RightAddToken),
		Change: v.actor.Grants.Has(tokenstore.RightChangeToken),
		Delete: v.actor.Grants.Has(tokenstore.RightDeleteToken),
		Groups: v.actor.Grants.Has(tokenstore.RightChangeGroup),
		Audit:  v.actor.Grants.Has(tokenstore.RightViewAudit),
	}}
	for _, item := range []navItem{
		{Label: "Tokens", Path: "tokens"}, {Label: "Groups", Path: "groups"},
		{Label: "Routes and permissions", Path: "access"}, {Label: "Audit", Path: "audit"},
		{Label: "Try a request", Path: "check"},
	} {
		item.Current = item.Path == section
		f.Nav = append(f.Nav, item)
	}
	return f
}

// notices that a redirect may ask for, by name: text never comes from the URL.
var notices = map[string]notice{
	"saved":         {"good", "Saved. The change counts from the next request on."},
	"disabled":      {"good", "Disabled. Its running requests have ended."},
	"enabled":       {"good", "Enabled."},
	"deleted":       {"good", "Deleted."},
	"ended":         {"good", "Ended."},
	"grace-ended":   {"good", "The grace is over: the old secret is refused from now on."},
	"bulk":          {"good", "Done for every selected token."},
	"bulk-partly":   {"warn", "Done, but not for every selected token: some were refused. The audit trail says why."},
	"group-saved":   {"good", "Saved. The change counts at once for every token in the group."},
	"group-created": {"good", "Group created."},
	"group-deleted": {"good", "Group deleted, and taken from its tokens."},
}

func noticeOf(r *http.Request) *notice {
	if n, ok := notices[r.URL.Query().Get("done")]; ok {
		return &n
	}
	return nil
}

// require reports whether v holds right, and shows a refusal if not.
func (s *Site) require(w http.ResponseWriter, r *http.Request, v *visitor, right string) bool {
	if v.actor.Grants.Has(right) {
		return true
	}
	v.service.RecordAccess(r.Context(), v.actor, tokenstore.ActionRefused, "lacks "+right)
	s.fail(w, r, http.StatusForbidden, "Not allowed", "Your token lacks "+right+".")
	return false
}

// explain turns the service's errors into words for a form; a status of 0 says
// that the error is none of the visitor's making and has been answered.
func (s *Site) explain(w http.ResponseWriter, r *http.Request, err error) (status int, problems []problem) {
	var field *tokenstore.FieldError
	var taken *tokenstore.NameTakenError
	var forbidden *tokenstore.ForbiddenError
	var state *tokenstore.StateError
	switch {
	case errors.As(err, &field):
		return http.StatusUnprocessableEntity, []problem{{field.Field, capital(field.Detail)}}
	case errors.As(err, &taken):
		return http.StatusConflict, []problem{{"name", "Another one is called " + taken.Name + " already."}}
	case errors.As(err, &forbidden):
		return http.StatusForbidden, []problem{{"", capital(forbidden.Detail)}}
	case errors.As(err, &state):
		return http.StatusConflict, []problem{{"", capital(state.Detail)}}
	case errors.Is(err, tokenstore.ErrConflict):
		return http.StatusPreconditionFailed, []problem{{"", "Somebody changed it meanwhile. Nothing was saved."}}
	case errors.Is(err, tokenstore.ErrNotFound):
		s.fail(w, r, http.StatusNotFound, "Not found", "It may have been deleted meanwhile.")
	case errors.Is(err, tokenstore.ErrClosed), errors.Is(err, tokenstore.ErrUnavailable):
		s.unavailable(w, r)
	default:
		s.Logger.Error("answering a request of the page", zap.Error(err))
		s.fail(w, r, http.StatusInternalServerError, "Something went wrong", "The gateway's log says what.")
	}
	return 0, nil
}

// refuse is explain for actions without a form of their own.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if status, problems := s.explain(w, r, err); status != 0 {
		s.fail(w, r, status, "Refused", problems[0].Detail)
	}
}

type errorScreen struct {
	frame
	Detail, RequestID string
}

// fail shows an error on a page of its own.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, status int, title, detail string) {
	id := uuid.NewString()
	s.Logger.Debug("refused a request of the page", zap.String("request_id", id), zap.Int("status", status), zap.String("detail", detail))
	s.render(w, r, status, "error", errorScreen{frame: frame{Title: title}, Detail: detail, RequestID: id})
}

func (s *Site) unavailable(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "2")
	s.fail(w, r, http.StatusServiceUnavailable, "Not available", "The token store cannot be read for the moment.")
}

func (s *Site) notFound(w http.ResponseWriter, r *http.Request, _ *visitor) {
	s.fail(w, r, http.StatusNotFound, "Not found", "There is no such page.")
}

// form reads a POST form of at most 256 KiB.
func (s *Site) form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 256<<10)
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, http.StatusBadRequest, "Not understood", "The form could not be read, or is larger than 256 KiB.")
		return nil, false
	}
	return r.PostForm, true
}

// versionOf is the version that a form edits; without it an edit would
// overwrite what somebody else has changed meanwhile.
func (s *Site) versionOf(w http.ResponseWriter, r *http.Request, form url.Values) (uint64, bool) {
	version, err := strconv.ParseUint(form.Get("version"), 10, 64)
	if err != nil || version == 0 {
		s.fail(w, r, http.StatusPreconditionRequired, "Not understood", "The form lacks the version that it edits.")
		return 0, false
	}
	return version, true
}

func capital(sentence string) string {
	if sentence == "" {
		return ""
	}
	return strings.ToUpper(sentence[:1]) + sentence[1:]
}

// words splits what a text area holds: names separated by white space.
func words(text string) []string { return strings.Fields(text) }
