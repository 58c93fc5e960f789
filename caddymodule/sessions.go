package caddymodule

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// sessionHeader is the session id of MCP before 2026-07-28.
const sessionHeader = "Mcp-Session-Id"

// sessionKeyName is the name of the store's key for session ids. Gateways that
// share a store agree on it, and a restart loses no session.
const sessionKeyName = "session"

// checkSession takes a session id back from the token that opened the session:
// knowing an id must not be enough to use it. The upstream gets its own id.
func (e *exchange) checkSession() *refusal {
	if !on(e.h.BindSessions) {
		return nil
	}
	lines := e.r.Header[sessionHeader]
	if len(lines) == 0 {
		return nil
	}
	key, err := e.gateway.Key(e.r.Context(), sessionKeyName)
	if err != nil {
		e.h.logger.Error("the key of session ids is not available", zap.Error(err))
		return errStore
	}
	if len(lines) == 1 {
		if id, ok := unbindSession(key, e.session.Token().ID, lines[0]); ok {
			e.r.Header[sessionHeader] = []string{id}
			return nil
		}
	}
	// One answer for all: whether the session exists is its owner's business.
	// Clients take 404 as the request to initialize again.
	return &refusal{
		status: http.StatusNotFound, reason: tokenstore.ReasonSession,
		code: "session_not_found", text: "There is no such session. Start one with initialize.",
	}
}

// bindSession makes the session id in an upstream's answer the token's own.
func (e *exchange) bindSession(h http.Header) {
	lines := h[sessionHeader]
	if len(lines) == 0 || !on(e.h.BindSessions) {
		return
	}
	key, err := e.gateway.Key(e.r.Context(), sessionKeyName)
	if err != nil {
		e.h.logger.Error("the key of session ids is not available", zap.Error(err))
		delete(h, sessionHeader) // better no session than one that anybody can use
		return
	}
	h[sessionHeader] = []string{bindSession(key, e.session.Token().ID, lines[0])}
}

// bindSession returns "<id>.<mac>". The token's id is the same after a rotation,
// and so is the session.
func bindSession(key []byte, tokenID, id string) string {
	return id + "." + sessionMAC(key, tokenID, id)
}

// unbindSession undoes bindSession for the same token.
func unbindSession(key []byte, tokenID, bound string) (id string, ok bool) {
	dot := strings.LastIndexByte(bound, '.')
	if dot < 0 {
		return "", false
	}
	id = bound[:dot]
	return id, hmac.Equal([]byte(bound[dot+1:]), []byte(sessionMAC(key, tokenID, id)))
}

// sessionMAC is 128 bits of HMAC-SHA256 over both, as text. Neither part can
// hold the NUL between them.
func sessionMAC(key []byte, tokenID, id string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(tokenID + "\x00" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
