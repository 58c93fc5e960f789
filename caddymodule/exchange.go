package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// exchange is one request on its way through a Handler.
type exchange struct {
	h     *Handler
	w     http.ResponseWriter // the client's
	r     *http.Request
	began time.Time

	gateway  *gateway            // nil until authenticated
	session  *tokenstore.Session // nil until authenticated
	message  *mcp.Message        // nil unless the route has MCP rules, and on GET and DELETE
	body     []byte              // of the message
	changes  *changes            // nil unless the client is told of changes
	origin   string              // of the page that asks, if it may
	bodyLeft bool                // part of the request's body is unread

	authorization string // for the upstream
	assertion     string // for the upstream
	leaveStreams  func() // nil unless counted
}

func (e *exchange) checkTarget() *refusal { return checkTarget(e.r) }

// authenticate finds the token and registers the request as running on it, in
// one step: a token taken away from here on ends the request.
func (e *exchange) authenticate() *refusal {
	secret, ok := e.r.Context().Value(secretKey{}).(tokenstore.Secret)
	if !ok {
		var refused *refusal
		if secret, refused = credential(e.r); refused != nil {
			return refused
		}
	}
	g, err := e.h.app.gateway()
	if err != nil {
		e.h.logger.Error("token store is not open", zap.Error(err))
		return errStore
	}
	e.gateway = g
	addr := clientAddr(e.r)
	session, err := g.Begin(e.r.Context(), secret, tokenstore.Caller{
		Addr:     addr,
		Audience: e.h.Audience,
		Method:   e.r.Method,
		Path:     e.r.URL.Path,
	})
	if err != nil {
		return e.unauthenticated(err, addr)
	}
	e.session = session
	e.r = e.r.WithContext(context.WithValue(session.Context(), secretKey{}, secret))
	return nil
}

// secretKey is the context key of the secret, for an mcp_token directive behind
// this one: by then the header is gone.
type secretKey struct{}

// unauthenticated is the answer to an error of Begin.
func (e *exchange) unauthenticated(err error, addr netip.Addr) *refusal {
	because, ok := errors.AsType[*tokenstore.Refusal](err)
	if !ok || because.Reason == tokenstore.ReasonStore {
		e.h.logger.Error("tokens cannot be checked", zap.Error(err))
		return errStore
	}
	e.candidate(*because)
	if refused := e.checkFailures(because.Reason, addr); refused != nil {
		return refused
	}
	return badCredential(because.Reason)
}

// authorize decides on what is known of the request: its route, and its message
// once that is read. From then on an edit that makes the answer no ends it.
func (e *exchange) authorize() *refusal {
	if code := endedCode(e.session); code != "" {
		return ended(code) // while the body came in
	}
	e.watchChanges()
	may := e.rules()
	changes := e.changes
	var first policy.Decision
	if e.session.Hold(func(grants *tokenstore.Grants) bool {
		if changes != nil {
			changes.see(grants)
		}
		decision := may(grants)
		if !decision.Allowed {
			first = decision // only read if this, the first answer, is no
		}
		return decision.Allowed
	}) {
		return nil
	}
	if code := endedCode(e.session); code != "" {
		return ended(code)
	}
	return denied(first, e.message)
}

// ruleManagement is the deciding rule for tokens that manage tokens.
const ruleManagement = "tokens that manage tokens are for routes that require it"

// rules returns what decides on the request, for grants that may change while
// it runs. Which rules apply to the message is settled here, once.
func (e *exchange) rules() func(*tokenstore.Grants) policy.Decision {
	p, message := e.h.policy, policy.Decision{Allowed: true}
	if e.message != nil {
		token := e.session.Token()
		message = p.Decide(policy.Subject{
			Grants: e.session.Grants(), TokenName: token.Name, TokenUser: token.User,
		}, e.message)
	}
	return func(grants *tokenstore.Grants) policy.Decision {
		// A token that manages tokens is too dangerous to be handed to clients.
		if grants.HoldsManagement() && !p.RequiresManagement() {
			return policy.Decision{Reason: tokenstore.ReasonPermission, Rule: ruleManagement}
		}
		if route := p.DecideRoute(grants); !route.Allowed {
			return route
		}
		return message.Again(grants)
	}
}

// forward sends the request on, as the token's.
func (e *exchange) forward(next caddyhttp.Handler) (err error) {
	cleanRequest(e.r)
	if on(e.h.IdentityHeaders) {
		setIdentity(e.r.Header, e.session.Token(), e.session.Grants())
	}
	if e.assertion != "" {
		e.r.Header[headerAssertion] = []string{e.assertion}
	}
	if e.authorization != "" {
		e.r.Header["Authorization"] = []string{e.authorization}
	}
	e.count(resultAllowed, "")

	out := newResponseWriter(e)
	// Deferred, because the proxy panics when a response breaks off.
	defer func() {
		if out.finish() {
			err = nil
		}
	}()
	filter := e.filter(out)
	if filter == nil {
		err = next.ServeHTTP(out, e.r)
	} else {
		err = e.forwardFiltered(filter, next)
	}
	if err == nil {
		out.settle()
	}
	return err
}

func (e *exchange) forwardFiltered(filter *mcp.ResponseFilter, next caddyhttp.Handler) error {
	if err := next.ServeHTTP(filter, e.r); err != nil || endedCode(e.session) != "" {
		return err
	}
	if err := filter.Finish(); err != nil {
		e.h.logger.Debug("the filtered answer could not be sent", zap.Error(err))
	}
	return nil
}

// ownHeader puts into the upstream's answer what is the gateway's to say.
func (e *exchange) ownHeader(h http.Header) {
	e.allowOrigin(h)
	e.bindSession(h)
}

// end gives back what the exchange holds. It runs after panics too.
func (e *exchange) end() {
	if e.leaveStreams != nil {
		e.leaveStreams()
	}
	if e.session == nil {
		return
	}
	if code := endedCode(e.session); code != "" {
		endedTotal.WithLabelValues(code).Inc()
		e.h.logger.Info("ended a running request",
			zap.String("reason", code),
			zap.String("token_id", e.session.Token().ID),
			zap.String("key", tokenstore.DisplayKey(e.session.Key())),
			zap.Duration("after", time.Since(e.began)))
	}
	e.session.End()
}

// refuse answers the request and tells the operator why.
func (e *exchange) refuse(f *refusal) {
	e.count(resultRefused, f.reason)
	if e.session != nil {
		e.placeholders(candidateNames, e.session.Token())
		replacer(e.r).Set("http.auth.candidate.key", tokenstore.DisplayKey(e.session.Key()))
	}
	e.extraField(zap.String("mcp_token_reason", string(f.reason)))
	if c := e.h.logger.Check(zapcore.DebugLevel, "refused a request"); c != nil {
		c.Write(e.logFields(f)...)
	}
	f.write(e)
}

// clientAddr is the client's address as Caddy sees it: from a forwarding
// header only if it comes from a trusted proxy.
func clientAddr(r *http.Request) netip.Addr {
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, _ := netip.ParseAddr(text)
	return addr.Unmap()
}

// endedCode says why the session was ended from outside, or "" if it was not.
func endedCode(s *tokenstore.Session) string {
	ctx := s.Context()
	if ctx.Err() == nil {
		return ""
	}
	if because, ok := errors.AsType[*tokenstore.EndedError](context.Cause(ctx)); ok {
		return because.Code
	}
	return ""
}

// on is the value of an option that is on unless it says otherwise.
func on(option *bool) bool { return option == nil || *option }
