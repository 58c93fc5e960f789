package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

type groupsScreen struct {
	frame
	Items []tokenstore.GroupRecord
}

type groupForm struct {
	frame
	Heading, Action string
	Group           *tokenstore.GroupRecord // nil while creating
	Form            url.Values
	Catalogue       []string
	Holders         int
}

func (s *Site) listGroups(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !s.require(w, r, v, tokenstore.RightViewGroup) {
		return
	}
	data := groupsScreen{frame: v.frame("Groups", "groups"), Items: v.service.Groups()}
	data.Notice = noticeOf(r)
	s.render(w, r, http.StatusOK, "groups", data)
}

func (s *Site) newGroup(w http.ResponseWriter, r *http.Request, v *visitor) {
	if s.require(w, r, v, tokenstore.RightChangeGroup) {
		s.showGroupForm(w, r, v, http.StatusOK, groupForm{Form: url.Values{}})
	}
}

func (s *Site) createGroup(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	_, err := v.service.CreateGroup(r.Context(), v.actor, tokenstore.NewGroup{
		Name: form.Get("name"), Description: form.Get("description"), Permissions: words(form.Get("permissions")),
	})
	s.groupDone(w, r, v, err, groupForm{Form: form}, "group-created")
}

func (s *Site) editGroup(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !s.require(w, r, v, tokenstore.RightViewGroup) {
		return
	}
	g, err := v.service.Group(r.PathValue("name"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.showGroupForm(w, r, v, http.StatusOK, groupForm{Group: &g, Form: url.Values{
		"name": {g.Name}, "description": {g.Description}, "permissions": {strings.Join(g.Permissions, "\n")},
	}})
}

func (s *Site) updateGroup(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	g, err := v.service.Group(r.PathValue("name"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	seen, ok := s.versionOf(w, r, form)
	if !ok {
		return
	}
	name, description, permissions := form.Get("name"), form.Get("description"), words(form.Get("permissions"))
	_, err = v.service.UpdateGroup(r.Context(), v.actor, g.Name, seen, tokenstore.GroupPatch{
		Name: &name, Description: &description, Permissions: &permissions,
	})
	s.groupDone(w, r, v, err, groupForm{Group: &g, Form: form}, "group-saved")
}

func (s *Site) deleteGroup(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	name := r.PathValue("name")
	var err error
	if form.Get("confirm") != name {
		err = &tokenstore.FieldError{Field: "confirm", Detail: "type the group's name to confirm"}
	} else {
		err = v.service.DeleteGroup(r.Context(), v.actor, name, 0)
	}
	s.done(w, r, err, "groups?done=group-deleted")
}

func (s *Site) groupDone(w http.ResponseWriter, r *http.Request, v *visitor, err error, data groupForm, done string) {
	if err == nil {
		redirect(w, r, "groups?done="+done)
		return
	}
	if status, problems := s.explain(w, r, err); status != 0 {
		data.Errors = problems
		s.showGroupForm(w, r, v, status, data)
	}
}

func (s *Site) showGroupForm(w http.ResponseWriter, r *http.Request, v *visitor, status int, data groupForm) {
	problems := data.Errors
	data.Heading, data.Action = "Create a group", rootAt(depthOf(r))+"groups"
	if data.Group != nil {
		data.Heading, data.Action = data.Group.Name, rootAt(depthOf(r))+"groups/"+url.PathEscape(data.Group.Name)
		data.Holders = data.Group.Tokens
	}
	data.frame = v.frame(data.Heading, "groups")
	data.Errors = problems
	data.Catalogue = s.catalogue(v)
	s.render(w, r, status, "group_form", data)
}
