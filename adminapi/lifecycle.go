package adminapi

import (
	"net/http"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// lifecycleEndpoints are the actions on one token.
func lifecycleEndpoints() []endpoint {
	return []endpoint{
		takes(endpoint{
			method: "POST", path: "/tokens/{id}/rotate", id: "rotateToken",
			summary: "Give a token a new secret",
			description: "The token keeps its id and all else. The old secret stays valid for `grace`, which is 0 unless " +
				"it is given. The response is the only place where the new secret is ever seen.",
			right:        tokenstore.RightChangeToken,
			action:       tokenstore.ActionTokenRotate,
			match:        ifMatchHonoured,
			bodyOptional: true,
			status:       http.StatusOK,
			codes:        []string{codeConflict, tokenstore.StateExpired},
		}, (*call).rotateToken),
		replies(endpoint{
			method: "POST", path: "/tokens/{id}/rotate/finish", id: "finishRotation",
			summary: "End the grace of the old secret now",
			right:   tokenstore.RightChangeToken,
			action:  tokenstore.ActionTokenRotateFinish,
			match:   ifMatchHonoured,
			status:  http.StatusOK,
			codes:   []string{codeConflict, tokenstore.StateNoRotation},
		}, (*call).finishRotation),
		takes(endpoint{
			method: "POST", path: "/tokens/{id}/disable", id: "disableToken",
			summary:      "Disable a token",
			description:  "Its live requests end. A token that is disabled already stays so: 200.",
			right:        tokenstore.RightChangeToken,
			action:       tokenstore.ActionTokenDisable,
			match:        ifMatchHonoured,
			bodyOptional: true,
			status:       http.StatusOK,
			codes:        []string{codeConflict, tokenstore.StateLastManager},
		}, (*call).disableToken),
		takes(endpoint{
			method: "POST", path: "/tokens/{id}/enable", id: "enableToken",
			summary:      "Enable a token",
			description:  "An expired token is not enabled: give it a new expiry first.",
			right:        tokenstore.RightChangeToken,
			action:       tokenstore.ActionTokenEnable,
			match:        ifMatchHonoured,
			bodyOptional: true,
			status:       http.StatusOK,
			codes:        []string{codeConflict, tokenstore.StateExpired},
		}, (*call).enableToken),
	}
}

// rotateOptions is the body of a rotation.
type rotateOptions struct {
	Grace     string              `json:"grace"`
	ExpiresIn string              `json:"expires_in"`
	ExpiresAt optional[time.Time] `json:"expires_at"`
}

// reasonGiven is why somebody does something, for the audit trail.
type reasonGiven struct {
	Reason string `json:"reason"`
}

func (c *call) rotateToken(in rotateOptions) (issued, error) {
	options := tokenstore.RotateOptions{
		ExpiresIn: in.ExpiresIn, ExpiresAt: in.ExpiresAt.value(), NeverExpires: in.ExpiresAt.Null,
	}
	if in.Grace != "" {
		grace, err := tokenstore.ParseDuration(in.Grace)
		if err != nil {
			return issued{}, invalidField("/grace", "must be a duration, as 12h, 30d or 4w")
		}
		options.Grace = grace
	}
	record, secret, err := c.service.RotateToken(c.r.Context(), c.actor, c.r.PathValue("id"), c.ifVersion, options)
	if err != nil {
		return issued{}, err
	}
	return c.issued(record, secret), nil
}

func (c *call) finishRotation() (tokenstore.Record, error) {
	return c.tagged(c.service.FinishRotation(c.r.Context(), c.actor, c.r.PathValue("id"), c.ifVersion))
}

func (c *call) disableToken(in reasonGiven) (tokenstore.Record, error) { return c.setActive(false, in) }

func (c *call) enableToken(in reasonGiven) (tokenstore.Record, error) { return c.setActive(true, in) }

func (c *call) setActive(active bool, in reasonGiven) (tokenstore.Record, error) {
	return c.tagged(c.service.SetActive(c.r.Context(), c.actor, c.r.PathValue("id"), c.ifVersion, active, in.Reason))
}
