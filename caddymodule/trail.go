package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// logFields is what the operator is told of a refusal: the reason, and who it
// was if that is known. Never a secret.
func (e *exchange) logFields(f *refusal) []zap.Field {
	fields := []zap.Field{
		zap.String("reason", string(f.reason)),
		zap.Int("status", f.status),
		zap.String("route", e.h.app.routes.name(e.h)),
	}
	repl := replacer(e.r)
	for _, name := range [...]string{"token_id", "token_name", "key"} {
		if value, ok := repl.GetString("http.auth.candidate." + name); ok {
			fields = append(fields, zap.String(name, value))
		}
	}
	if f.decision.Rule != "" {
		fields = append(fields, zap.String("rule", f.decision.Rule))
	}
	if len(f.decision.Missing) > 0 {
		fields = append(fields, zap.Strings("missing", f.decision.Missing))
	}
	if f.reason == tokenstore.ReasonMalformed {
		fields = append(fields, zap.String("text", f.text))
	}
	return fields
}

// placeholders names the token to other directives and to the access log.
func (e *exchange) placeholders(names placeholderNames, token *tokenstore.Token) {
	repl := replacer(e.r)
	repl.Set(names.id, userID(token))
	repl.Set(names.tokenID, token.ID)
	repl.Set(names.tokenName, token.Name)
}

// placeholderNames are those of a caller: one who has been let in, and one who
// has been recognised and refused.
type placeholderNames struct{ id, tokenID, tokenName string }

var (
	userNames      = placeholderNames{"http.auth.user.id", "http.auth.user.token_id", "http.auth.user.token_name"}
	candidateNames = placeholderNames{"http.auth.candidate.id", "http.auth.candidate.token_id", "http.auth.candidate.token_name"}
)

// userID is who answers for the token: the access log's user_id. A token
// without a user answers for itself.
func userID(token *tokenstore.Token) string {
	if token.User != "" {
		return token.User
	}
	return token.ID
}

// candidate names a refused token that was recognised.
func (e *exchange) candidate(because tokenstore.Refusal) {
	repl := replacer(e.r)
	if because.Key != "" {
		repl.Set("http.auth.candidate.key", tokenstore.DisplayKey(because.Key))
	}
	if because.TokenID != "" {
		repl.Set("http.auth.candidate.id", because.TokenID)
		repl.Set("http.auth.candidate.token_id", because.TokenID)
		repl.Set("http.auth.candidate.token_name", because.Name)
	}
}

// hideFromAccessLog keeps the request out of the access log, which would show
// the URL, and logs what can be said instead.
func (e *exchange) hideFromAccessLog(key string) {
	caddyhttp.SetVar(e.r.Context(), caddyhttp.LogSkipVar, true)
	e.h.logger.Warn("a token was sent in a URL; the request is left out of the access log",
		zap.String("key", tokenstore.DisplayKey(key)),
		zap.String("client_ip", clientAddr(e.r).String()),
		zap.String("host", e.r.Host))
}

func (e *exchange) extraField(f zap.Field) {
	if extra, ok := e.r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Set(f)
	}
}

func replacer(r *http.Request) *caddy.Replacer {
	return r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
}
