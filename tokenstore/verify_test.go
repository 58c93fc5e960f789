package tokenstore_test

import (
	"net/netip"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestATokenIsAcceptedWithItsGrants(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	b.group("readers", "blog.view_article")
	record, secret := b.create(tokenstore.NewToken{Name: "ci", Groups: []string{"readers"}, Permissions: []string{"shop.*"}})

	session := b.open(secret)
	defer session.End()
	if session.Token().ID != record.ID || session.Key() != record.Key {
		t.Errorf("session of %s/%s, want %s/%s", session.Token().ID, session.Key(), record.ID, record.Key)
	}
	for permission, want := range map[string]bool{
		"blog.view_article": true, "shop.add_order": true, "blog.add_article": false, "mcp_token.view_token": false,
	} {
		if session.Grants().Has(permission) != want {
			t.Errorf("Has(%s) = %t", permission, !want)
		}
	}
}

func TestEveryRefusalHasItsReason(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	_, ok := b.create(tokenstore.NewToken{Name: "ok"})
	_, other := b.create(tokenstore.NewToken{Name: "other"})
	_, disabled := b.create(tokenstore.NewToken{Name: "disabled", Disabled: true})
	_, local := b.create(tokenstore.NewToken{Name: "local", AllowedCIDRs: []string{"10.0.0.0/8", "::1"}})
	_, bound := b.create(tokenstore.NewToken{Name: "bound", Audiences: []string{"blog"}})

	mixed, err := tokenstore.ParseSecret(ok.Reveal()[:21] + other.Reveal()[21:])
	if err != nil {
		t.Fatal(err)
	}
	from := func(addr string) tokenstore.Caller { return tokenstore.Caller{Addr: netip.MustParseAddr(addr)} }
	for _, c := range []struct {
		name   string
		secret tokenstore.Secret
		caller tokenstore.Caller
		want   tokenstore.Reason
	}{
		{"right", ok, here, ""},
		{"no secret", tokenstore.Secret{}, here, tokenstore.ReasonMalformed},
		{"nobody's", tokenstore.NewSecret(), here, tokenstore.ReasonUnknown},
		{"key of one, secret of another", mixed, here, tokenstore.ReasonBadSecret},
		{"disabled", disabled, here, tokenstore.ReasonInactive},
		{"allowed address", local, from("10.1.2.3"), ""},
		{"allowed address in IPv6 form", local, from("::ffff:10.1.2.3"), ""},
		{"allowed single address", local, from("::1"), ""},
		{"other address", local, from("11.0.0.1"), tokenstore.ReasonAddress},
		{"no address", local, tokenstore.Caller{}, tokenstore.ReasonAddress},
		{"its audience", bound, tokenstore.Caller{Audience: "blog"}, ""},
		{"other audience", bound, tokenstore.Caller{Audience: "shop"}, tokenstore.ReasonAudience},
		{"no audience", bound, tokenstore.Caller{}, tokenstore.ReasonAudience},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := b.reason(c.secret, c.caller); got != c.want {
				t.Errorf("refused with %q, want %q", got, c.want)
			}
			if i := b.Inspect(c.secret, c.caller); (i.Refusal == nil) != (c.want == "") {
				t.Errorf("Inspect says %v", i.Refusal)
			}
		})
	}
}
