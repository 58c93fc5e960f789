package adminapi

import (
	"net/http"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func tokenEndpoints() []endpoint {
	return []endpoint{
		replies(endpoint{
			method: "GET", path: "/tokens", id: "listTokens",
			summary: "List tokens",
			right:   tokenstore.RightViewToken,
			params:  append(filterParameters(), append([]parameter{sortParameter}, limitParameters...)...),
			status:  http.StatusOK,
		}, (*call).listTokens),
		takes(endpoint{
			method: "POST", path: "/tokens", id: "createToken",
			summary:     "Create a token",
			description: "The response is the only place where the secret is ever seen.",
			right:       tokenstore.RightAddToken,
			action:      tokenstore.ActionTokenCreate,
			status:      http.StatusCreated,
			codes:       []string{codeNameTaken, codeConflict},
		}, (*call).createToken),
		replies(endpoint{
			method: "GET", path: "/tokens/{id}", id: "getToken",
			summary: "Read a token",
			right:   tokenstore.RightViewToken,
			status:  http.StatusOK,
		}, (*call).getToken),
		takes(endpoint{
			method: "PATCH", path: "/tokens/{id}", id: "updateToken",
			summary: "Change a token",
			description: "A merge patch (RFC 7396): members that are absent stay as they are, `null` empties a field; " +
				"for `expires_at` it means never.",
			right:  tokenstore.RightChangeToken,
			action: tokenstore.ActionTokenUpdate,
			match:  ifMatchRequired,
			status: http.StatusOK,
			codes:  []string{codeNameTaken, codeConflict, tokenstore.StateExpired, tokenstore.StateLastManager},
		}, (*call).updateToken),
		replies(endpoint{
			method: "DELETE", path: "/tokens/{id}", id: "deleteToken",
			summary: "Delete a token",
			right:   tokenstore.RightDeleteToken,
			action:  tokenstore.ActionTokenDelete,
			match:   ifMatchHonoured,
			status:  http.StatusNoContent,
			codes:   []string{codeConflict, tokenstore.StateLastManager},
		}, (*call).deleteToken),
	}
}

func (c *call) listTokens() (list[tokenstore.Record], error) {
	page, err := c.service.Tokens(c.tokenQuery())
	if err != nil {
		return list[tokenstore.Record]{}, parameterProblem(err)
	}
	return list[tokenstore.Record]{Items: page.Items, NextCursor: c.next(page.NextCursor), Total: page.Total}, nil
}

// newToken is the body of a creation.
type newToken struct {
	Name         string              `json:"name"`
	Description  string              `json:"description"`
	User         string              `json:"user"`
	ExpiresIn    string              `json:"expires_in"`
	ExpiresAt    optional[time.Time] `json:"expires_at"`
	Groups       []string            `json:"groups"`
	Permissions  []string            `json:"permissions"`
	AllowedCIDRs []string            `json:"allowed_cidrs"`
	Audiences    []string            `json:"audiences"`
	RateLimit    string              `json:"rate_limit"`
	Disabled     bool                `json:"disabled"`
}

// issued is a token together with its secret, which is seen only here.
type issued struct {
	Token  tokenstore.Record `json:"token"`
	Secret string            `json:"secret"`
}

func (c *call) createToken(in newToken) (issued, error) {
	n := tokenstore.NewToken{
		Name: in.Name, Description: in.Description, User: in.User,
		ExpiresIn: in.ExpiresIn, ExpiresAt: in.ExpiresAt.value(), NeverExpires: in.ExpiresAt.Null,
		Groups: in.Groups, Permissions: in.Permissions,
		AllowedCIDRs: in.AllowedCIDRs, Audiences: in.Audiences,
		RateLimit: in.RateLimit, Disabled: in.Disabled,
	}
	record, secret, err := c.service.CreateToken(c.r.Context(), c.actor, n)
	if err != nil {
		return issued{}, err
	}
	// Relative to the request's own URL, whatever prefix its door has.
	c.w.Header().Set("Location", "tokens/"+record.ID)
	return c.issued(record, secret), nil
}

// issued tells a secret, once.
func (c *call) issued(record tokenstore.Record, secret tokenstore.Secret) issued {
	c.w.Header().Set("ETag", etag(record.Version))
	return issued{Token: record, Secret: secret.Reveal()}
}

func (c *call) getToken() (tokenstore.Record, error) {
	return c.tagged(c.service.Token(c.r.PathValue("id")))
}

// tagged adds the ETag to an answer that is a token.
func (c *call) tagged(record tokenstore.Record, err error) (tokenstore.Record, error) {
	if err == nil {
		c.w.Header().Set("ETag", etag(record.Version))
	}
	return record, err
}

// tokenPatch is the body of a change.
type tokenPatch struct {
	Name         optional[string]    `json:"name"`
	Description  optional[string]    `json:"description"`
	User         optional[string]    `json:"user"`
	IsActive     optional[bool]      `json:"is_active"`
	ExpiresIn    string              `json:"expires_in"`
	ExpiresAt    optional[time.Time] `json:"expires_at"`
	Groups       optional[[]string]  `json:"groups"`
	Permissions  optional[[]string]  `json:"permissions"`
	AllowedCIDRs optional[[]string]  `json:"allowed_cidrs"`
	Audiences    optional[[]string]  `json:"audiences"`
	RateLimit    optional[string]    `json:"rate_limit"`
}

func (c *call) updateToken(in tokenPatch) (tokenstore.Record, error) {
	if in.IsActive.Null {
		return tokenstore.Record{}, invalidField("/is_active", "must be true or false")
	}
	return c.tagged(c.service.UpdateToken(c.r.Context(), c.actor, c.r.PathValue("id"), c.ifVersion, tokenstore.TokenPatch{
		Name: in.Name.pointer(), Description: in.Description.pointer(), User: in.User.pointer(),
		IsActive:  in.IsActive.pointer(),
		ExpiresIn: in.ExpiresIn, ExpiresAt: in.ExpiresAt.value(), NeverExpires: in.ExpiresAt.Null,
		Groups: in.Groups.pointer(), Permissions: in.Permissions.pointer(),
		AllowedCIDRs: in.AllowedCIDRs.pointer(), Audiences: in.Audiences.pointer(),
		RateLimit: in.RateLimit.pointer(),
	}))
}

func (c *call) deleteToken() (nothing, error) {
	return nothing{}, c.service.DeleteToken(c.r.Context(), c.actor, c.r.PathValue("id"), c.ifVersion)
}
