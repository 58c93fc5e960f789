package caddymodule

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestAnAssertionProvesWhoCalls(t *testing.T) {
	r := newRig(t, "{\n assertion on\n audience blog\n}")
	record, secret := r.newToken(tokenstore.NewToken{Name: "n", User: "ann", Permissions: []string{"a.b"}})
	r.want(r.get("/mcp", bearer(secret), "X-Mcp-Assertion: forged"), http.StatusOK, "")
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(r.get(jwksPath).body), &keys); err != nil || len(keys.Keys) != 1 {
		t.Fatalf("%v: %+v", err, keys)
	}
	if !keys.Keys[0].IsPublic() {
		t.Fatal("the key set shows the private key")
	}
	assertion, err := jwt.ParseSigned(r.last().Header.Get(headerAssertion), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	var standard jwt.Claims
	var own struct {
		TokenID     string   `json:"token_id"`
		TokenName   string   `json:"token_name"`
		Permissions []string `json:"permissions"`
	}
	if err := assertion.Claims(keys, &standard, &own); err != nil {
		t.Fatal(err)
	}
	if err := standard.Validate(jwt.Expected{Issuer: "http://localhost", Subject: "ann", AnyAudience: jwt.Audience{"blog"}, Time: time.Now()}); err != nil {
		t.Error(err)
	}
	if err := standard.ValidateWithLeeway(jwt.Expected{Time: time.Now().Add(2 * time.Minute)}, 0); err == nil {
		t.Error("it is good for more than a minute")
	}
	if own.TokenID != record.ID || own.TokenName != "n" || len(own.Permissions) != 1 {
		t.Errorf("%+v", own)
	}
}

func TestWithoutAssertionsTheirPathIsTheUpstreams(t *testing.T) {
	r := newRig(t, "require a.b")
	r.want(r.get(jwksPath), http.StatusUnauthorized, tokenstore.ReasonMissing)
}
