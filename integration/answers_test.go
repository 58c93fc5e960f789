package integration

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPermissionsDecide(t *testing.T) {
	t.Parallel()
	f := shared(t)
	const view, change, add = "blog.view_article", "blog.change_article", "blog.add_article"
	editors := f.newGroup(t, view, change)
	for name, test := range map[string]struct {
		token   object
		allowed []string // of /read, /both, /either; the others are refused
	}{
		"none":                            {object{}, nil},
		"the one":                         {object{"permissions": []string{view}}, []string{"/read"}},
		"one of two":                      {object{"permissions": []string{change}}, []string{"/either"}},
		"both":                            {object{"permissions": []string{view, change}}, []string{"/read", "/both", "/either"}},
		"through a group":                 {object{"groups": []string{editors}}, []string{"/read", "/both", "/either"}},
		"half direct, half by group":      {object{"groups": []string{f.newGroup(t, change)}, "permissions": []string{view}}, []string{"/read", "/both", "/either"}},
		"a group of no permissions":       {object{"groups": []string{f.newGroup(t)}}, nil},
		"a wildcard for the codename":     {object{"permissions": []string{"blog.*"}}, []string{"/read", "/both", "/either"}},
		"a wildcard inside the codename":  {object{"permissions": []string{"*.view_*"}}, []string{"/read"}},
		"a wildcard for all":              {object{"permissions": []string{"*"}}, []string{"/read", "/both", "/either"}},
		"a wildcard through a group":      {object{"groups": []string{f.newGroup(t, "*.add_*")}}, []string{"/either"}},
		"another app":                     {object{"permissions": []string{"news.view_article", "news.*"}}, nil},
		"letters of another case":         {object{"permissions": []string{"Blog.View_Article"}}, nil},
		"a longer codename":               {object{"permissions": []string{view + "s"}}, nil},
		"the user of somebody who may":    {object{"user": "root"}, nil},
		"a wildcard that ends too early":  {object{"permissions": []string{"blog.view_"}}, nil},
		"a wildcard of the wrong verb":    {object{"permissions": []string{"blog.delete_*"}}, nil},
		"no more than what was asked for": {object{"permissions": []string{add}}, []string{"/either"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			auth := "Authorization: " + f.newToken(t, test.token).bearer()
			for _, path := range []string{"/read", "/both", "/either"} {
				if slices.Contains(test.allowed, path) {
					f.passes(t, get(path, auth))
				} else {
					f.refuses(t, get(path, auth), forbidden)
				}
			}
		})
	}
}

func TestADenialNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	a := f.refuses(t, post("/both", callOK, "Authorization: "+tok.bearer()), forbidden)
	_, code, message := a.rpcError(t)
	if code != http.StatusForbidden || !strings.Contains(message, "blog.change_article") || strings.Contains(message, "blog.view_article") {
		t.Errorf("code %d, message %q", code, message)
	}
}

func TestWildcardsDoNotReachManagementRights(t *testing.T) {
	t.Parallel()
	f := shared(t)
	for _, grant := range []string{"*", "*.*", "*.view_*", "*.view_token", "mcp_*.view_token", "mcp_token*.*", "*mcp_token.*"} {
		auth := "Authorization: " + f.holder(t, grant, "blog.view_article").bearer()
		f.refuses(t, get("/manage", auth), forbidden)
		f.passes(t, get("/read", auth))
	}
	for _, grant := range []string{"mcp_token.view_*", "mcp_token.*_token", "mcp_token.view*"} {
		a, err := f.adminCall(t.Context(), http.MethodPost, "/mcp_token/tokens", object{"name": unique(t), "permissions": []string{grant}})
		if err != nil || a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d, %v", grant, a.status, err)
		}
	}
}

func TestAManagementTokenIsOfNoUseElsewhere(t *testing.T) {
	t.Parallel()
	f := shared(t)
	for _, right := range []string{"mcp_token.view_token", "mcp_token.*"} {
		auth := "Authorization: " + f.holder(t, right, "blog.view_article").bearer()
		f.passes(t, get("/manage", auth))
		f.refuses(t, get("/read", auth), forbidden, invalid)
	}
}

func TestABadCredentialTellsNothing(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok, disabled, deleted := f.holder(t, "blog.view_article"), f.holder(t, "blog.view_article"), f.holder(t, "blog.view_article")
	rotated := f.holder(t, "blog.view_article")
	f.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+disabled.ID+"/disable", object{"reason": "lost"})
	f.admin(t, http.StatusNoContent, http.MethodDelete, "/tokens/"+deleted.ID, nil)
	created(t, f.admin(t, http.StatusOK, http.MethodPost, "/tokens/"+rotated.ID+"/rotate", object{}))
	soon := time.Now().Add(2 * time.Second).Truncate(time.Second)
	expired := f.newToken(t, object{"permissions": []string{"blog.view_article"}, "expires_at": soon.UTC().Format(time.RFC3339)})
	time.Sleep(time.Until(soon)) // expiry is what the clock says: nothing to poll

	zeroes := strings.Repeat("0", 43)
	answers := map[string]answer{}
	for name, secret := range map[string]string{
		"unknown":                        "mcp_AAAAAAAAAAAAAAAA." + zeroes,
		"wrong half":                     tok.secret[:21] + zeroes,
		"wrong half of a disabled":       disabled.secret[:21] + zeroes,
		"wrong half of an expired":       expired.secret[:21] + zeroes,
		"disabled":                       disabled.secret,
		"deleted":                        deleted.secret,
		"rotated":                        rotated.secret,
		"expired":                        expired.secret,
		"disabled, on a route of no use": disabled.secret,
	} {
		path := "/read"
		if strings.HasSuffix(name, "no use") {
			path = "/manage"
		}
		answers[name] = f.refuses(t, post(path, `{"jsonrpc":"2.0","id":"a","method":"ping"}`, "Authorization: Bearer "+secret), invalid)
	}
	want := answers["unknown"]
	want.header.Del("Date")
	for name, got := range answers {
		got.header.Del("Date")
		if string(got.body) != string(want.body) || !equalHeaders(got.header, want.header) {
			t.Errorf("%s is told from unknown:\n%v %s\n%v %s", name, got.header, got.body, want.header, want.body)
		}
	}
}

func equalHeaders(a, b http.Header) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

func TestATokenExpiresToTheSecond(t *testing.T) {
	t.Parallel()
	f := shared(t)
	expiry := time.Now().Add(2 * time.Second).Truncate(time.Second)
	tok := f.newToken(t, object{"permissions": []string{"blog.view_article"}, "expires_at": expiry.UTC().Format(time.RFC3339)})
	var accepted int
	for deadline := expiry.Add(5 * time.Second); time.Now().Before(deadline); {
		before := time.Now()
		a, _ := f.send(t, get("/read", "Authorization: "+tok.bearer()))
		after := time.Now()
		switch {
		case a.status == http.StatusOK && before.Before(expiry):
			accepted++
		case a.status == http.StatusUnauthorized && !after.Before(expiry):
			if accepted == 0 {
				t.Error("never accepted")
			}
			if got := f.token(t, tok).Status; got != "expired" {
				t.Errorf("status %q", got)
			}
			return
		default:
			t.Fatalf("status %d between %v and %v of the expiry", a.status, before.Sub(expiry), after.Sub(expiry))
		}
	}
	t.Error("still accepted")
}

func TestExpiryDefaultsToNinetyDaysAndNeverMustBeSaid(t *testing.T) {
	t.Parallel()
	f := shared(t)
	if tok := f.holder(t); tok.ExpiresAt == nil || time.Until(*tok.ExpiresAt).Round(time.Hour) != 90*24*time.Hour {
		t.Errorf("default: %v", tok.ExpiresAt)
	}
	for _, fields := range []object{{"expires_in": "never"}, {"expires_at": nil}} {
		fields["permissions"] = []string{"blog.view_article"}
		tok := f.newToken(t, fields)
		if tok.ExpiresAt != nil || tok.Status != "active" {
			t.Errorf("%v: %v, %s", fields, tok.ExpiresAt, tok.Status)
		}
		f.passes(t, get("/read", "Authorization: "+tok.bearer()))
	}
}

func TestARefusalCarriesTheRequestsID(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t)
	for name, test := range map[string]struct{ body, id string }{
		"a number":                {`{"jsonrpc":"2.0","id":7,"method":"ping"}`, `7`},
		"a string":                {`{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"},"id":"a-\u0062"}`, `"a-\u0062"`},
		"a large number":          {`{"jsonrpc":"2.0","id":9007199254740991,"method":"ping"}`, `9007199254740991`},
		"none":                    {`{"jsonrpc":"2.0","method":"notifications/initialized"}`, ``},
		"null":                    {`{"jsonrpc":"2.0","id":null,"method":"ping"}`, ``},
		"an object":               {`{"jsonrpc":"2.0","id":{},"method":"ping"}`, ``},
		"no JSON":                 {`{"jsonrpc":"2.0","id":7,`, ``},
		"nothing":                 {``, ``},
		"a body beyond 64 KiB":    {`{"jsonrpc":"2.0","id":7,"method":"` + strings.Repeat("x", 70_000) + `"}`, ``},
		"an id beyond all reason": {`{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 60_000) + `","method":"ping"}`, `?`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, lines := range map[string][]string{"missing": nil, "forbidden": {"Authorization: " + tok.bearer()}} {
				a, reached := f.send(t, post("/read", test.body, lines...))
				if a.status != http.StatusUnauthorized && a.status != http.StatusForbidden || len(reached) != 0 {
					t.Fatalf("%s: status %d, %d requests upstream", kind, a.status, len(reached))
				}
				if id, _, _ := a.rpcError(t); test.id != "?" && string(id) != test.id {
					t.Errorf("%s: id %s, want %s", kind, id, test.id)
				}
			}
		})
	}
}

func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	f := shared(t)
	began := time.Now()
	// The rest of the body never comes.
	f.refuses(t, crlf("POST /read HTTP/1.1\nHost: gateway.test\nContent-Type: application/json\nContent-Length: 500\n\n{"), missing)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("answered after %v", took)
	}
}

func TestOAuthProbesAreAnsweredHere(t *testing.T) {
	t.Parallel()
	f := shared(t)
	for _, request := range []string{
		get("/.well-known/oauth-protected-resource"),
		get("/.well-known/oauth-protected-resource/read"),
		get("/.well-known/oauth-authorization-server"),
		get("/.well-known/oauth-authorization-server/read"),
		get("/.well-known/openid-configuration"),
		get("/.well-known/openid-configuration/read"),
		get("/read/.well-known/openid-configuration"),
		post("/register", `{"redirect_uris":["http://localhost/"]}`),
	} {
		a, reached := f.send(t, request)
		if a.status != http.StatusNotFound || len(reached) != 0 || a.header.Get("Content-Type") != "application/json" || !json.Valid(a.body) {
			t.Errorf("%.80q: status %d, %s, %d requests upstream, %.200q", request, a.status, a.header.Get("Content-Type"), len(reached), a.body)
		}
		if a.header.Get("Www-Authenticate") != "" {
			t.Errorf("%.80q: challenged", request)
		}
	}
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	a, _ := f.send(t, post("/register", `{}`))
	a.into(t, &body)
	if body.Error == "" || body.Description == "" {
		t.Errorf("/register: %s", a.body)
	}
}
