package integration

import (
	"net/http"
	"strings"
	"testing"
)

// The rows of this file are sent as raw bytes: an HTTP client would repair
// half of them.

func TestCredentialsThatAreAccepted(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	for name, line := range map[string]string{
		"as usual":                         "Authorization: Bearer " + tok.secret,
		"the scheme in lower case":         "Authorization: bearer " + tok.secret,
		"the scheme in upper case":         "Authorization: BEARER " + tok.secret,
		"the header name in upper case":    "AUTHORIZATION: Bearer " + tok.secret,
		"two spaces after the scheme":      "Authorization: Bearer  " + tok.secret,
		"spaces at the end of the line":    "Authorization: Bearer " + tok.secret + "  ",
		"no space after the colon":         "Authorization:Bearer " + tok.secret,
		"a header of another kind besides": "X-Authorization: Basic eDp5\r\nAuthorization: Bearer " + tok.secret,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reached := f.passes(t, get("/read", line))
			if got := reached.lines("Authorization"); got != nil {
				t.Error("the upstream got the client's Authorization")
			}
		})
	}
}

func TestCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok, other := f.holder(t, "blog.view_article"), f.holder(t, "blog.view_article")
	key, half := tok.secret[:20], tok.secret[21:]
	// Where Caddy may log what it gets, a token that does not exist stands for
	// a real one: were it taken for a credential, it would be an invalid one.
	const nobodys = "mcp_AAAAAAAAAAAAAAAA.0000000000000000000000000000000000000000000"
	auth := func(value string) []string { return []string{"Authorization: " + value} }
	for name, test := range map[string]struct {
		lines []string
		want  []refusal
	}{
		"no credential":                      {nil, []refusal{missing}},
		"another scheme":                     {auth("Basic eDp5"), []refusal{missing}},
		"the token under another scheme":     {auth("Token " + tok.secret), []refusal{missing}},
		"a scheme that begins with Bearer":   {auth("Bearers " + tok.secret), []refusal{missing}},
		"the token without a scheme":         {auth(tok.secret), []refusal{missing, malformed}},
		"an empty header":                    {auth(""), []refusal{missing, malformed}},
		"a scheme without a token":           {auth("Bearer"), []refusal{malformed, invalid}},
		"a scheme and a space":               {auth("Bearer "), []refusal{malformed, invalid}},
		"a tab for a space":                  {auth("Bearer\t" + tok.secret), []refusal{missing, malformed, invalid}},
		"no separator":                       {auth("Bearer" + tok.secret), []refusal{missing, malformed}},
		"a space inside the token":           {auth("Bearer " + key + " ." + half), []refusal{malformed, invalid}},
		"a list of tokens":                   {auth("Bearer " + tok.secret + ", Bearer " + other.secret), []refusal{malformed, invalid}},
		"a trailing comma":                   {auth("Bearer " + tok.secret + ","), []refusal{malformed, invalid}},
		"the token in quotes":                {auth(`Bearer "` + tok.secret + `"`), []refusal{malformed, invalid}},
		"a parameter after the token":        {auth("Bearer " + tok.secret + ";x=y"), []refusal{malformed, invalid}},
		"two lines":                          {[]string{"Authorization: Bearer " + tok.secret, "Authorization: Bearer " + other.secret}, []refusal{malformed}},
		"two equal lines":                    {[]string{"Authorization: Bearer " + tok.secret, "Authorization: Bearer " + tok.secret}, []refusal{malformed}},
		"two lines, the first of no use":     {[]string{"Authorization: Basic eDp5", "Authorization: Bearer " + tok.secret}, []refusal{malformed}},
		"two lines, the second in lowercase": {[]string{"Authorization: Bearer " + tok.secret, "authorization: Basic eDp5"}, []refusal{malformed}},
		"the header with an underscore name": {[]string{"Authorization_: Bearer " + nobodys}, []refusal{missing}},
		"the header of a proxy":              {[]string{"Proxy-Authorization: Bearer " + nobodys}, []refusal{missing}},
		"the token in a cookie":              {[]string{"Cookie: token=" + nobodys}, []refusal{missing}},

		"an unknown key":                    {auth("Bearer mcp_AAAAAAAAAAAAAAAA." + half), []refusal{invalid}},
		"the key of one, the half of other": {auth("Bearer " + key + "." + other.secret[21:]), []refusal{invalid}},
		"one character's case changed":      {auth("Bearer " + swapCase(tok.secret)), []refusal{invalid}},
		"the prefix in upper case":          {auth("Bearer MCP_" + tok.secret[4:]), []refusal{invalid, malformed}},
		"another prefix":                    {auth("Bearer mcq_" + tok.secret[4:]), []refusal{invalid, malformed}},
		"one character missing":             {auth("Bearer " + tok.secret[:63]), []refusal{invalid, malformed}},
		"one character too many":            {auth("Bearer " + tok.secret + "A"), []refusal{invalid, malformed}},
		"padding":                           {auth("Bearer " + tok.secret + "="), []refusal{invalid, malformed}},
		"an empty key":                      {auth("Bearer mcp_." + half), []refusal{invalid, malformed}},
		"an empty half":                     {auth("Bearer " + key + "."), []refusal{invalid, malformed}},
		"no dot":                            {auth("Bearer " + key + half), []refusal{invalid, malformed}},
		"two dots":                          {auth("Bearer " + key + ".." + half[1:]), []refusal{invalid, malformed}},
		"a no-break space after it":         {auth("Bearer " + tok.secret + "\u00a0"), []refusal{invalid, malformed}},
		"a zero-width space in it":          {auth("Bearer " + key + "\u200b." + half), []refusal{invalid, malformed}},
		"a full-width letter in it":         {auth("Bearer " + "ｍcp_" + tok.secret[4:]), []refusal{invalid, malformed}},
		"a byte that is not UTF-8":          {auth("Bearer " + tok.secret + "\xff"), []refusal{invalid, malformed}},
		"257 characters":                    {auth("Bearer " + tok.secret + strings.Repeat("A", 193)), []refusal{invalid, malformed}},
		"15 kB":                             {auth("Bearer " + strings.Repeat("A", 15_000)), []refusal{invalid, malformed}},
		"15 kB of spaces before the token":  {auth("Bearer" + strings.Repeat(" ", 15_000) + tok.secret), []refusal{invalid, malformed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.refuses(t, get("/read", test.lines...), test.want...)
		})
	}
}

// swapCase changes the case of the last letter of the half that is secret.
func swapCase(secret string) string {
	for i := len(secret) - 2; i > 21; i-- { // the very last character may encode no bits
		c := secret[i]
		if lower := c | 0x20; lower >= 'a' && lower <= 'z' {
			return secret[:i] + string(c^0x20) + secret[i+1:]
		}
	}
	return secret
}

func TestBytesThatNoHeaderMayHoldAreRefused(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	for name, line := range map[string]string{
		"NUL in the value":          "Authorization: Bearer " + tok.secret + "\x00",
		"DEL in the value":          "Authorization: Bearer " + tok.secret + "\x7f",
		"a bell in the value":       "Authorization: Bearer \x07" + tok.secret,
		"a space before the colon":  "Authorization : Bearer " + tok.secret,
		"a bare CR in the value":    "Authorization: Bearer " + tok.secret + "\rX: y",
		"a control in another name": "X-\x01: y\r\nAuthorization: Bearer " + tok.secret,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, reached := f.send(t, get("/read", line))
			if a.status != http.StatusBadRequest || len(reached) != 0 {
				t.Errorf("status %d, %d requests upstream", a.status, len(reached))
			}
		})
	}
}

func TestAFoldedHeaderLineIsNoWayAround(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	// Go joins a folded line; what is joined is judged like any other value.
	f.passes(t, get("/read", "Authorization: Bearer\r\n "+tok.secret))
	f.refuses(t, get("/read", "Authorization: Bearer "+tok.secret+"\r\n , Bearer x"), malformed, invalid)
	f.refuses(t, get("/read", "X: y\r\n Authorization: Bearer mcp_AAAAAAAAAAAAAAAA."+strings.Repeat("0", 43)), missing)
}

func TestHeadersBeyondTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	for name, size := range map[string]int{"100 kB": 100_000, "2 MB": 2_000_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, reached := f.send(t, get("/read", "Authorization: Bearer "+tok.secret+strings.Repeat("A", size)))
			// A client that is still writing may find the connection closed.
			if a.status != http.StatusRequestHeaderFieldsTooLarge && a.status != 0 || len(reached) != 0 {
				t.Errorf("status %d, %d requests upstream", a.status, len(reached))
			}
		})
	}
}

func TestATokenInTheURLIsNoCredential(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	encoded := "%6d" + tok.secret[1:]
	for name, query := range map[string]string{
		"access_token": "access_token=" + tok.secret,
		"token":        "token=" + tok.secret,
		"any name":     "a=1&cursor=" + tok.secret + "&b=2",
		"encoded":      "token=" + encoded,
		"as a name":    tok.secret,
	} {
		t.Run("in the query as "+name, func(t *testing.T) {
			t.Parallel()
			f.refuses(t, get("/read?"+query), malformed)
			f.refuses(t, get("/read?"+query, "Authorization: "+tok.bearer()), malformed)
		})
	}
	t.Run("in the path", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/read/" + tok.secret, "/read/" + tok.secret + "/mcp", "/" + encoded + "/"} {
			a, reached := f.send(t, get(path))
			if a.status != http.StatusUnauthorized && a.status != http.StatusNotFound && a.status != http.StatusBadRequest || len(reached) != 0 {
				t.Errorf("status %d, %d requests upstream", a.status, len(reached))
			}
		}
	})
	t.Run("another query is left alone", func(t *testing.T) {
		t.Parallel()
		reached := f.passes(t, get("/read?token=abc&access_token=&x=%zz;y", "Authorization: "+tok.bearer()))
		if want := "/read?token=abc&access_token=&x=%zz;y"; reached.target != want {
			t.Errorf("the upstream got %q, want %q", reached.target, want)
		}
	})
}

func TestFramingTricksSmuggleNothing(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	auth := "Authorization: " + tok.bearer()

	t.Run("what is not HTTP is refused", func(t *testing.T) {
		for name, test := range map[string]struct {
			request string
			status  int
		}{
			"an unknown transfer coding": {get("/read", auth, "Transfer-Encoding: xchunked"), http.StatusNotImplemented},
			"two lengths":                {get("/read", auth, "Content-Length: 0", "Content-Length: 5"), http.StatusBadRequest},
			"two hosts":                  {get("/read", auth, "Host: other.test"), http.StatusBadRequest},
			"no host":                    {crlf("GET /read HTTP/1.1\n" + auth + "\n\n"), http.StatusBadRequest},
			"a negative length":          {get("/read", auth, "Content-Length: -1"), http.StatusBadRequest},
		} {
			if a, reached := f.send(t, test.request); a.status != test.status || len(reached) != 0 {
				t.Errorf("%s: status %d, want %d; %d requests upstream", name, a.status, test.status, len(reached))
			}
		}
	})
	t.Run("bare line feeds hide no second request", func(t *testing.T) {
		if _, reached := f.send(t, "GET /read HTTP/1.1\nHost: gateway.test\n"+auth+"\n\n"); len(reached) > 1 {
			t.Errorf("%d requests upstream", len(reached))
		}
		f.refuses(t, "GET /read HTTP/1.1\nHost: gateway.test\n\n", missing)
	})
	t.Run("a length beside chunks counts for nothing", func(t *testing.T) {
		hidden := get("/read/hidden")
		a, reached := f.send(t, get("/read", auth, "Transfer-Encoding: chunked", "Content-Length: 5")+"0\r\n\r\n"+hidden)
		if a.status == http.StatusBadRequest && len(reached) == 0 {
			return // refusing both is right too
		}
		if a.status != http.StatusOK || len(reached) != 1 || len(reached[0].body) != 0 {
			t.Fatalf("status %d, upstream %q", a.status, reached)
		}
		if n := len(reached[0].lines("Content-Length")) + len(reached[0].lines("Transfer-Encoding")); n > 1 {
			t.Errorf("the upstream got both lengths: %q", reached[0].head)
		}
	})
}

func TestUpgradesDoNotTunnelPastTheGateway(t *testing.T) {
	t.Parallel()
	f := shared(t)
	tok := f.holder(t, "blog.view_article")
	for name, lines := range map[string][]string{
		"h2c":       {"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"},
		"websocket": {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, reached := f.send(t, get("/read", append(lines, "Authorization: "+tok.bearer())...))
			if a.status == http.StatusSwitchingProtocols || a.status == 0 {
				t.Errorf("status %d", a.status)
			}
			for _, r := range reached {
				if got := r.lines("Upgrade"); got != nil {
					t.Errorf("the upstream was asked to upgrade: %q", got)
				}
			}
		})
	}
}
