package adminapi

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// server is an API at work.
type server struct {
	*API
	document  jsontext.Value
	strangers *rate.Limiter
}

// call is one request being served.
type call struct {
	*server
	w http.ResponseWriter
	r *http.Request

	service *tokenstore.Service
	actor   tokenstore.Actor

	// query holds the parameters that were given, by name.
	query map[string]any

	// ifVersion is what If-Match names, 0 for none.
	ifVersion uint64

	// written says that the endpoint has answered by itself.
	written bool
}

// param returns the parameter called name, or the zero value if it was not
// given.
func param[T any](c *call, name string) T {
	v, _ := c.query[name].(T)
	return v
}

// pageSize is the parameter limit, or its default.
func (c *call) pageSize() int {
	if n := param[int](c, "limit"); n > 0 {
		return n
	}
	return tokenstore.DefaultLimit
}

// serve answers one request for e, which is nil where there is none: allow
// then tells a wrong method (405) from an unknown path (404).
//
// Who asks is settled first: a stranger learns nothing about what exists.
func (s *server) serve(w http.ResponseWriter, r *http.Request, e *endpoint, allow string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	c := &call{server: s, w: w, r: r}
	reply, err := c.run(e, allow)
	h.Set("X-Request-Id", c.actor.RequestID)
	switch {
	case err != nil:
		c.fail(err)
	case c.written:
	case reply == nil:
		w.WriteHeader(e.status)
	default:
		c.write(e.status, "application/json", reply)
	}
}

// run takes the steps that all endpoints share, and then the endpoint's own.
func (c *call) run(e *endpoint, allow string) (any, error) {
	if err := c.identify(e); err != nil {
		return nil, err
	}
	c.w.Header().Set("X-Request-Id", c.actor.RequestID)
	switch {
	case e == nil && allow != "":
		c.w.Header().Set("Allow", allow)
		return nil, problem(codeMethodNotAllowed, "This resource knows "+allow+".")
	case e == nil:
		return nil, problem(codeNotFound, "There is no such resource.")
	}
	var err error
	if c.service, err = c.Service(); err != nil {
		c.Logger.Warn("admin API: no store", zap.Error(err))
		return nil, tokenstore.ErrUnavailable // the cause can name paths and addresses
	}
	if e.right != "" && !c.may(e.right) {
		return nil, c.forbid(e)
	}
	if c.query, err = parseQuery(c.r.URL.RawQuery, e.params); err != nil {
		return nil, err
	}
	if e.match != ifMatchUnused {
		if c.ifVersion, err = readIfMatch(c.r.Header["If-Match"], e.match); err != nil {
			return nil, err
		}
	}
	if e.request == nil && c.r.ContentLength != 0 {
		return nil, problem(codeBadRequest, "This request takes no body.")
	}
	reply, err := e.serve(c)
	if _, empty := reply.(nothing); empty {
		reply = nil
	}
	return reply, err
}

// identify fills in who asks.
func (c *call) identify(e *endpoint) (err error) {
	open := e != nil && e.open
	if !open {
		if c.Actor == nil {
			err = problem(codeUnauthenticated, "Nobody may come this way.")
		} else {
			c.actor, err = c.Actor(c.r)
		}
	}
	if c.actor.RequestID == "" {
		c.actor.RequestID = rand.Text()
	}
	if c.actor.IP == "" {
		c.actor.IP, _, _ = net.SplitHostPort(c.r.RemoteAddr)
	}
	if err == nil {
		return nil
	}
	c.recordStranger(err)
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if errors.Is(err, tokenstore.ErrClosed) || errors.Is(err, tokenstore.ErrUnavailable) {
		return tokenstore.ErrUnavailable
	}
	if refusal, ok := errors.AsType[*tokenstore.Refusal](err); ok {
		switch refusal.Reason {
		case tokenstore.ReasonStore:
			return tokenstore.ErrUnavailable
		case tokenstore.ReasonRateLimited:
			return problem(codeRateLimited, "Too many attempts: wait a while.")
		}
	}
	return problem(codeUnauthenticated, "A management token is needed.")
}

// recordStranger tells the audit trail of a caller whose credential was wrong;
// one without any has merely not signed in yet.
func (c *call) recordStranger(err error) {
	refusal, ok := errors.AsType[*tokenstore.Refusal](err)
	if !ok || refusal.Reason == tokenstore.ReasonMissing || !c.strangers.Allow() {
		return
	}
	stranger := c.actor
	stranger.Type, stranger.ID, stranger.Name = tokenstore.ActorToken, refusal.TokenID, refusal.Name
	if service, err := c.Service(); err == nil {
		service.RecordAccess(c.r.Context(), stranger, tokenstore.ActionSignIn, string(refusal.Reason))
	}
}

// may reports whether the actor holds right.
func (c *call) may(right string) bool {
	switch c.actor.Type {
	case tokenstore.ActorToken:
		return c.actor.Grants.Has(right)
	case tokenstore.ActorAdminEndpoint, tokenstore.ActorCLI, tokenstore.ActorSystem:
		return true
	}
	return false
}

// forbid tells the audit trail that the actor lacks the right for e. It comes
// before the Service's own check, which would tell a missing token from one
// that must not be touched.
func (c *call) forbid(e *endpoint) error {
	action := cmp.Or(e.action, tokenstore.ActionRefused)
	c.service.RecordAccess(c.r.Context(), c.actor, action,
		fmt.Sprintf("%s %s needs the right %s", c.r.Method, c.r.URL.EscapedPath(), e.right))
	return problem(codeForbidden, "This needs the right "+e.right+".")
}

// fail answers with the problem behind err.
func (c *call) fail(err error) {
	p := *problemOf(err, c.ifVersion != 0)
	p.Status = cmp.Or(p.Status, statusFor(p.Code))
	p.Type, p.Title, p.RequestID = "about:blank", http.StatusText(p.Status), c.actor.RequestID
	h := c.w.Header()
	switch p.Status {
	case http.StatusUnauthorized:
		if h.Get("WWW-Authenticate") == "" {
			h.Set("WWW-Authenticate", `Bearer realm="mcp-token"`)
		}
	case http.StatusServiceUnavailable:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "1")
		}
	case http.StatusInternalServerError:
		c.Logger.Error("admin API", zap.String("request_id", p.RequestID), zap.Error(err))
	}
	for _, name := range []string{"ETag", "Location", "Link"} {
		h.Del(name)
	}
	c.write(p.Status, "application/problem+json", p)
}

// write answers with v as JSON.
func (c *call) write(status int, mediaType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		c.Logger.Error("admin API: encoding", zap.Error(err))
		c.w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := c.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	c.w.Write(body)
}
