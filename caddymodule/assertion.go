package caddymodule

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// jwksPath is where upstreams find the key that signs assertions.
const jwksPath = "/.well-known/mcp-token-jwks.json"

// assertionKeyName is the name of the store's key that signs assertions.
const assertionKeyName = "assertion"

// assertionLife is how long an assertion can be used: long enough for a queue
// at the upstream and for clocks that differ a little.
const assertionLife = time.Minute

// assertor signs who calls. It belongs to a gateway, whose key does not change.
type assertor struct {
	signer jose.Signer
	jwks   []byte
}

func newAssertor(ctx context.Context, s *tokenstore.Service) (*assertor, error) {
	seed, err := s.Key(ctx, assertionKeyName)
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the store's key %s has %d bytes", assertionKeyName, len(seed))
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: string(jose.EdDSA), Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: public.KeyID}},
		new(jose.SignerOptions).WithType("JWT"))
	if err != nil {
		return nil, err
	}
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	return &assertor{signer, jwks}, err
}

// sign returns a JWT that says, for a minute, who calls.
func (a *assertor) sign(issuer, audience string, token *tokenstore.Token, grants *tokenstore.Grants, now time.Time) (string, error) {
	claims := struct {
		jwt.Claims
		TokenID     string   `json:"token_id"`
		TokenName   string   `json:"token_name"`
		Permissions []string `json:"permissions"`
	}{
		Claims: jwt.Claims{
			Issuer:   issuer,
			Subject:  userID(token),
			IssuedAt: jwt.NewNumericDate(now),
			Expiry:   jwt.NewNumericDate(now.Add(assertionLife)),
		},
		TokenID: token.ID, TokenName: token.Name, Permissions: grants.List(),
	}
	if audience != "" {
		claims.Audience = jwt.Audience{audience}
	}
	return jwt.Signed(a.signer).Claims(claims).Serialize()
}

// assert adds the assertion for the upstream.
func (e *exchange) assert() *refusal {
	if !e.h.Assertion {
		return nil
	}
	signer, err := e.gateway.assertor(e.r.Context())
	if err == nil {
		e.assertion, err = signer.sign(e.baseURL(), e.h.Audience, e.session.Token(), e.session.Grants(), time.Now())
	}
	if err != nil {
		e.h.logger.Error("signing an assertion", zap.Error(err))
		return errStore
	}
	return nil
}

// serveJWKS answers an upstream that wants to check assertions.
func (e *exchange) serveJWKS() bool {
	if !e.h.Assertion || e.r.URL.Path != jwksPath {
		return false
	}
	g, err := e.h.app.gateway()
	if err == nil {
		var signer *assertor
		if signer, err = g.assertor(e.r.Context()); err == nil {
			writeJSON(e.w, http.StatusOK, signer.jwks)
			return true
		}
	}
	e.h.logger.Error("the key of assertions is not available", zap.Error(err))
	errStore.write(e)
	return true
}
