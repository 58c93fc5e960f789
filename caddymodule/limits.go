package caddymodule

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// checkRate holds a token to its own limit, or else to the route's.
func (e *exchange) checkRate() *refusal {
	text, key := e.session.Token().RateLimit, e.session.Token().ID
	if text == "" {
		if e.h.RateLimit == "" {
			return nil
		}
		text = e.h.RateLimit
		key += "\x00" + e.h.app.routes.name(e.h) // routes count apart
	}
	wait := e.gateway.rates.take(key, text, time.Now())
	if wait == 0 {
		return nil
	}
	return tooMany(wait, "The token has used up its rate of "+text+".")
}

// checkFailures answers an address that keeps guessing. Only credentials that
// exist nowhere count: a client whose token has expired guesses nothing, and a
// valid token passes whatever its address did before.
func (e *exchange) checkFailures(reason tokenstore.Reason, addr netip.Addr) *refusal {
	if e.h.AuthFailureLimit == "" || reason != tokenstore.ReasonUnknown && reason != tokenstore.ReasonBadSecret {
		return nil
	}
	wait := e.gateway.failures.take(network(addr), e.h.AuthFailureLimit, time.Now())
	if wait == 0 {
		return nil
	}
	return tooMany(wait, "Too many requests with tokens that do not exist came from this address.")
}

// network is what counts as one client: an IPv6 client has a /64 to itself.
func network(addr netip.Addr) string {
	if addr.Is6() {
		prefix, err := addr.WithZone("").Prefix(64)
		if err == nil {
			return prefix.String()
		}
	}
	return addr.String()
}

// checkStreams bounds how many answers a token has under way at once.
func (e *exchange) checkStreams() *refusal {
	if e.h.MaxStreams == 0 {
		return nil
	}
	id := e.session.Token().ID
	if !e.gateway.streams.enter(id, e.h.MaxStreams) {
		return tooMany(time.Second, "The token has "+strconv.Itoa(e.h.MaxStreams)+" requests running, which is all it may have. End one.")
	}
	e.leaveStreams = func() { e.gateway.streams.leave(id) }
	return nil
}

// tooMany tells an agent when to come back.
func tooMany(wait time.Duration, text string) *refusal {
	seconds := int64((wait + time.Second - 1) / time.Second)
	return &refusal{
		status: http.StatusTooManyRequests, reason: tokenstore.ReasonRateLimited, retryAfter: wait,
		code: "rate_limited",
		text: text + fmt.Sprintf(" Try again in %d s.", seconds),
		data: tooManyData{tokenstore.ReasonRateLimited, seconds},
	}
}

// tooManyData is the data of the JSON-RPC error.
type tooManyData struct {
	Reason     tokenstore.Reason `json:"reason"`
	RetryAfter int64             `json:"retry_after"` // seconds
}
