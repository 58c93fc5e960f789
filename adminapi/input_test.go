package adminapi

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// quoteJSON is s as JSON.
func quoteJSON(t *testing.T, s string) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFieldsThatTheServerKeepsAreNotTaken(t *testing.T) {
	g := start(t)
	token, _ := g.token("a")
	for _, field := range []string{"id", "key", "secret", "hash", "token_hash", "salt", "credential", "created_at", "created_by",
		"updated_at", "last_used_at", "last_used_ip", "version", "status", "source", "effective_permissions", "rotation", "Name", "NAME"} {
		body := fmt.Sprintf(`{"name": "x", %q: null}`, field)
		for _, r := range [][2]string{{"POST", "/tokens"}, {"PATCH", "/tokens/" + token.ID}, {"POST", "/groups"}} {
			p := g.refused(codeValidationFailed, r[0], r[1], body, "If-Match", `"1"`)
			if len(p.Errors) != 1 || p.Errors[0].Pointer != "/"+field {
				t.Errorf("%s %s %s: %+v", r[0], r[1], field, p)
			}
		}
	}
	g.refused(codeValidationFailed, "PATCH", "/tokens/"+token.ID, `{"disabled": true}`, "If-Match", `"1"`)
	g.refused(codeValidationFailed, "POST", "/tokens", `{"name": "x", "is_active": false}`)
}

func TestATokenIsFoundByIDOrKeyAndByNothingElse(t *testing.T) {
	g := start(t)
	token, secret := g.token("named")
	g.want(200, "GET", "/tokens/"+token.ID, "")
	g.want(200, "GET", "/tokens/"+token.Key, "")
	for _, ref := range []string{"named", secret, token.ID[:19], token.ID + "a", strings.ToUpper(token.ID), token.Key[:15],
		"mcp_" + token.Key, "..%2f" + token.ID, token.ID + "%00", token.ID + "%20", "%20" + token.ID, "tok_*", "*", "%", "null",
		strings.Repeat("a", 4000), "%ff"} {
		if ref == "%" {
			continue // not a URL: net/http answers 400 by itself
		}
		g.refused(codeNotFound, "GET", "/tokens/"+ref, "")
		g.refused(codeNotFound, "DELETE", "/tokens/"+ref, "")
	}
}

func TestHostileNamesAreRefused(t *testing.T) {
	g := start(t)
	g.token("Straße")
	g.token("café")
	for what, name := range map[string]string{
		"empty": "", "blank": "   ", "long": strings.Repeat("é", 201), "10 kB": strings.Repeat("a", 10_000), "NUL": "a\x00b",
		"line": "a\r\nb", "ANSI": "\x1b]0;x\a", "bidi": "a\u202eb", "isolate": "a\u2066b", "zero width": "a\u200bb", "BOM": "\ufeffa",
		"delete": "a\x7fb", "C1": "a\u0085b", "line separator": "a\u2028b",
	} {
		t.Run(what, func(t *testing.T) {
			g := &gateway{TB: t, url: g.url, service: g.service}
			for _, path := range []string{"/tokens", "/groups"} {
				p := g.refused(codeValidationFailed, "POST", path, `{"name": `+quoteJSON(t, name)+`}`)
				if len(p.Errors) != 1 || p.Errors[0].Pointer != "/name" {
					t.Errorf("errors are %v", p.Errors)
				}
			}
		})
	}
	for _, same := range []string{"STRASSE", "strasse", "CAFE\u0301", " café "} {
		g.refused(codeNameTaken, "POST", "/tokens", `{"name": `+quoteJSON(t, same)+`}`)
	}
	g.refused(codeMalformedJSON, "POST", "/tokens", "{\"name\": \"a\xff\"}")
	g.refused(codeMalformedJSON, "POST", "/tokens", `{"name": "a\ud800"}`)
	// Text for a page is text: it is the page that must show it as such.
	var made issued
	hostile := `<img src=x onerror=alert(1)>"'></script>`
	g.want(201, "POST", "/tokens", `{"name": `+quoteJSON(t, hostile)+`}`).into(t, &made)
	if made.Token.Name != hostile {
		t.Errorf("name is %q", made.Token.Name)
	}
}

func TestGroupNamesMayHoldAnythingThatAURLCanCarry(t *testing.T) {
	g := start(t)
	for _, name := range []string{"a/b", "100%", "a?b", "a#b", "ü ö", "a;b", "a+b", "bulk", "...", `q"uo'te`} {
		a := g.want(201, "POST", "/groups", `{"name": `+quoteJSON(t, name)+`}`)
		base, err := url.Parse(g.url + "/groups")
		if err != nil {
			t.Fatal(err)
		}
		at, err := base.Parse(a.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		var group tokenstore.GroupRecord
		g.want(200, "GET", strings.TrimPrefix(at.String(), g.url), "").into(t, &group)
		if group.Name != name {
			t.Errorf("%q became %q", name, group.Name)
		}
		g.want(204, "DELETE", "/groups/"+url.PathEscape(name), "")
		g.refused(codeNotFound, "DELETE", "/groups/"+url.PathEscape(name), "")
	}
}

func TestAbsurdExpiriesAreRefused(t *testing.T) {
	g := start(t)
	token, _ := g.token("a")
	for _, expiry := range []string{
		`"expires_in": "-1d"`, `"expires_in": "99999999d"`, `"expires_in": "99999999999999999999d"`, `"expires_in": "1e9"`,
		`"expires_in": "1e9s"`, `"expires_in": "90"`, `"expires_in": "0d"`, `"expires_in": "d"`, `"expires_in": "90 d"`,
		`"expires_in": "1.5d"`, `"expires_in": "NEVER"`, `"expires_in": 90`, `"expires_in": "٣d"`,
		`"expires_at": "2001-01-01T00:00:00Z"`, `"expires_at": "0001-01-01T00:00:00Z"`, `"expires_at": "10000-01-01T00:00:00Z"`,
		`"expires_at": "2099-01-01T00:00:00"`, `"expires_at": "2099-01-01"`, `"expires_at": ""`, `"expires_at": "never"`,
		`"expires_at": 4070908800`, `"expires_at": "2099-02-30T00:00:00Z"`, `"expires_at": "9999-12-31T23:59:59-23:59"`,
		`"expires_in": "1d", "expires_at": null`, `"expires_in": "1d", "expires_at": "2099-01-01T00:00:00Z"`,
	} {
		p := g.refused(codeValidationFailed, "POST", "/tokens", `{"name": "x", `+expiry+`}`)
		if len(p.Errors) != 1 || !strings.HasPrefix(p.Errors[0].Pointer, "/expires_") {
			t.Errorf("%s: %+v", expiry, p)
		}
		g.refused(codeValidationFailed, "PATCH", "/tokens/"+token.ID, `{`+expiry+`}`, "If-Match", `"1"`)
		g.refused(codeValidationFailed, "POST", "/tokens/"+token.ID+"/rotate", `{`+expiry+`}`)
		g.refused(codeValidationFailed, "POST", "/tokens/bulk", `{"action": "set_expiry", "filter": {}, `+expiry+`}`)
	}
	for _, grace := range []string{"-1h", "31d", "1", "forever", "1e3s"} {
		g.refused(codeValidationFailed, "POST", "/tokens/"+token.ID+"/rotate", `{"grace": "`+grace+`"}`)
	}
	for expiry, never := range map[string]bool{
		`"expires_in": "never"`: true, `"expires_at": null`: true, `"expires_in": "12h"`: false,
		`"expires_at": "2099-01-01T00:00:00+02:00"`: false, `"description": "default"`: false,
	} {
		var made issued
		g.want(201, "POST", "/tokens", `{"name": `+quoteJSON(t, expiry)+`, `+expiry+`}`).into(t, &made)
		if (made.Token.ExpiresAt == nil) != never {
			t.Errorf("%s: expires at %v", expiry, made.Token.ExpiresAt)
		}
	}
}

func TestAddressRangesAreNormalised(t *testing.T) {
	g := start(t)
	for _, cidr := range []string{"10.0.0.1/33", "10.0.0.256", "", "host", "10.0.0.0/-1", "10.0.0.0/8/8", "fe80::1%eth0", "fe80::/10%eth0",
		"010.0.0.1", "10.0.0/8", "::1/129", "10.0.0.0/08"} {
		p := g.refused(codeValidationFailed, "POST", "/tokens", `{"name": "x", "allowed_cidrs": [`+quoteJSON(t, cidr)+`]}`)
		if len(p.Errors) != 1 || !strings.HasPrefix(p.Errors[0].Pointer, "/allowed_cidrs") {
			t.Errorf("%q: %+v", cidr, p)
		}
	}
	for given, kept := range map[string]string{
		"0.0.0.0/0": "0.0.0.0/0", "::ffff:10.0.0.1": "10.0.0.1/32", "10.1.2.3": "10.1.2.3/32", "2001:db8::1": "2001:db8::1/128",
	} {
		var made issued
		g.want(201, "POST", "/tokens", `{"name": `+quoteJSON(t, given)+`, "allowed_cidrs": ["`+given+`"]}`).into(t, &made)
		if got := fmt.Sprint(made.Token.AllowedCIDRs); got != "["+kept+"]" {
			t.Errorf("%s became %s, want %s", given, got, kept)
		}
	}
}

func TestBodiesMustBeOneStrictJSONObject(t *testing.T) {
	g := start(t)
	for body, code := range map[string]string{
		`{`: codeMalformedJSON, `{"name": "a"} {}`: codeMalformedJSON, `{"name": "a"}x`: codeMalformedJSON, `'a'`: codeMalformedJSON,
		`{"name": "a",}`: codeMalformedJSON, `{name: "a"}`: codeMalformedJSON, "\ufeff{}": codeMalformedJSON,
		`{"name": "a", "name": "b"}`: codeMalformedJSON, `{"name": "a", "n\u0061me": "b"}`: codeMalformedJSON,
		strings.Repeat("[", 20_000): codeMalformedJSON, `{"name": "` + "\t" + `"}`: codeMalformedJSON,
		`[]`: codeValidationFailed, `"a"`: codeValidationFailed, `1`: codeValidationFailed, `null`: codeValidationFailed,
		`{"name": 1}`: codeValidationFailed, `{"name": ["a"]}`: codeValidationFailed, `{"name": "a", "groups": "b"}`: codeValidationFailed,
		`{"name": "a", "groups": [1]}`: codeValidationFailed, `{"name": "a", "disabled": "yes"}`: codeValidationFailed,
		`{"name": "a", "permissions": [null]}`: codeValidationFailed, `{"name": "a", "rate_limit": "9/y"}`: codeValidationFailed,
		`{"name": "a", "groups": ["nobody"]}`: codeValidationFailed, `{"name": "a", "permissions": ["mcp_token.view_*"]}`: codeValidationFailed,
		`{"name": "a", "permissions": ` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`: codeValidationFailed,
	} {
		g.refused(code, "POST", "/tokens", body)
	}
	p := g.refused(codeMalformedJSON, "POST", "/tokens", `{"name": "a", "description": tru}`)
	if !strings.Contains(p.Detail, "byte") {
		t.Errorf("no position: %+v", p)
	}
	if p := g.refused(codeValidationFailed, "POST", "/tokens", `{"name": "a", "groups": ["x", 7]}`); p.Errors[0].Pointer != "/groups/1" {
		t.Errorf("pointer is %q", p.Errors[0].Pointer)
	}
	if p := g.refused(codeValidationFailed, "POST", "/tokens/bulk", `{"action": "disable", "filter": {"unused_for": "1y"}}`); p.Errors[0].Pointer != "/filter/unused_for" {
		t.Errorf("pointer is %q", p.Errors[0].Pointer)
	}
}

func TestOnlyJSONIsTaken(t *testing.T) {
	g := start(t)
	token, _ := g.token("a")
	for _, mediaType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
		"application/json, text/plain", "application/json; charset=utf-16", "text/json", "application/jsonx", "application/merge-patch+json"} {
		g.refused(codeUnsupportedMediaType, "POST", "/tokens", `{"name": "x"}`, "Content-Type", mediaType)
		g.refused(codeUnsupportedMediaType, "POST", "/tokens/"+token.ID+"/disable", `{}`, "Content-Type", mediaType)
	}
	g.refused(codeUnsupportedMediaType, "POST", "/tokens/"+token.ID+"/disable", "", "Content-Type", "text/plain")
	g.refused(codeUnsupportedMediaType, "POST", "/tokens", `{"name": "x"}`, "Content-Encoding", "gzip")
	g.want(201, "POST", "/tokens", `{"name": "x"}`, "Content-Type", `Application/JSON; charset="UTF-8"`)
	for _, mediaType := range []string{"application/json", "application/merge-patch+json"} {
		g.want(200, "PATCH", "/tokens/"+token.ID, `{}`, "Content-Type", mediaType, "If-Match", "*")
	}
}

// endless is a body of 100 MB.
type endless struct{ sent atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	if e.sent.Add(int64(len(p))) > 100<<20 {
		return 0, io.EOF
	}
	return len(p), nil
}

func TestAHugeBodyIsNotReadToItsEnd(t *testing.T) {
	g := start(t)
	body := &endless{}
	r, err := http.NewRequestWithContext(t.Context(), "POST", g.url+"/tokens", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s", resp.Status)
		}
	}
	if n := body.sent.Load(); n > 50<<20 {
		t.Errorf("%d bytes were read", n)
	}
}

func TestTheQueryIsStrict(t *testing.T) {
	g := start(t)
	for range 3 {
		g.token(fmt.Sprint(len(g.service.Groups()), g.service.Stats().Total))
	}
	var page list[tokenstore.Record]
	g.want(200, "GET", "/tokens?limit=1", "").into(t, &page)
	cursor := *page.NextCursor
	for _, query := range []string{
		"limit=1000000000", "limit=0", "limit=-1", "limit=1e2", "limit=", "limit=201", "limit=9999999999999999999999",
		"sort=token_hash", "sort=hash", "sort=-", "sort=name,user", "sort=Name", "sort=",
		"status=ACTIVE", "status=active&status=expired", "status=", "never_used=1", "never_used=yes", "never_used",
		"unused_for=-1d", "unused_for=1e9", "unused_for=99999999999d", "unused_for=1y", "expiring_within=soon",
		"last_used_before=2020-01-01", "last_used_before=0", "token_hash=a", "hash__startswith=a", "Q=a", "q=a&q=b", "q=%zz", "a;b",
		"cursor=x", "cursor=" + cursor + "x", "cursor=" + spoil(cursor), "cursor=" + strings.Repeat("A", 5000),
		"limit=1&status=active&cursor=" + url.QueryEscape(cursor), "limit=1&sort=name&cursor=" + url.QueryEscape(cursor),
	} {
		p := g.refused(codeInvalidParameter, "GET", "/tokens?"+query, "")
		if len(p.Errors) == 0 && !strings.ContainsAny(query, "%;") {
			t.Errorf("%s: %+v", query, p)
		}
	}
	for _, q := range []string{".*", "(", "[a-z]", "%25", "' OR 1=1", `\`} {
		g.want(200, "GET", "/tokens?q="+url.QueryEscape(q), "").into(t, &page)
		if page.Total != 0 {
			t.Errorf("q=%s finds %d tokens", q, page.Total)
		}
	}
	for _, query := range []string{"action=x&actor=x&action=y", "since=yesterday", "result=maybe", "limit=1000", "cursor=x", "offset=1"} {
		g.refused(codeInvalidParameter, "GET", "/audit?"+query, "")
	}
}

func TestEmptyListsAreListsAndNotNull(t *testing.T) {
	g := start(t)
	for _, path := range []string{"/tokens", "/groups", "/permissions", "/routes", "/audit"} {
		if text := string(g.want(200, "GET", path, "").text); !strings.HasPrefix(text, `{"items":[],"next_cursor":null`) {
			t.Errorf("%s: %s", path, text)
		}
	}
	token, _ := g.token("a")
	text := string(g.want(200, "GET", "/tokens/"+token.ID, "").text)
	for _, field := range []string{"groups", "permissions", "effective_permissions", "allowed_cidrs", "audiences"} {
		if !strings.Contains(text, `"`+field+`":[]`) {
			t.Errorf("%s is not []: %s", field, text)
		}
	}
	g.want(200, "GET", "/tokens/"+token.ID+"/requests", "")
}

func TestACursorWalksTheListWhileItGrows(t *testing.T) {
	g := start(t)
	var want []string
	for i := range 25 {
		name := fmt.Sprintf("n%02d", i)
		g.token(name)
		want = append(want, name)
	}
	for _, sort := range []string{"name", "-name"} {
		var got []string
		next := "?sort=" + sort + "&limit=4"
		for n := 0; next != "" && n < 20; n++ {
			a := g.want(200, "GET", "/tokens"+next, "")
			var page list[tokenstore.Record]
			a.into(t, &page)
			for _, r := range page.Items {
				if strings.HasPrefix(r.Name, "n") {
					got = append(got, r.Name)
				}
			}
			g.token(fmt.Sprintf("a%s%d", sort, n))
			next = ""
			if page.NextCursor != nil {
				next, _, _ = strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), ">")
			}
		}
		if sort == "-name" {
			slices.Reverse(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("sort=%s: %v", sort, got)
		}
	}
}
