package caddymodule

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestARefusalOfJSONRPCIsAJSONRPCErrorWithItsID(t *testing.T) {
	r := newRig(t, "require a.b c.d")
	_, secret := r.token("a.b")
	const denied = `{"jsonrpc":"2.0",%s"error":{"code":403,"message":"This server needs the permission c.d, which the token lacks.",` +
		`"data":{"reason":"permission","missing":["c.d"]}}}`
	for name, tt := range map[string]struct{ body, id string }{
		"number":       {`{"jsonrpc":"2.0","id":7,"method":"ping"}`, `"id":7,`},
		"string":       {`{"jsonrpc":"2.0","id":"a\u0062","method":"ping"}`, `"id":"a\u0062",`},
		"notification": {`{"jsonrpc":"2.0","method":"notifications/initialized"}`, ""},
		"null":         {`{"jsonrpc":"2.0","id":null,"method":"ping"}`, ""},
		"broken":       {`{"jsonrpc":"2.0","id":7`, ""},
		"batch":        {`[{"jsonrpc":"2.0","id":7,"method":"ping"}]`, ""},
	} {
		a := r.post(tt.body, bearer(secret))
		r.want(a, http.StatusForbidden, tokenstore.ReasonPermission)
		if want := fmt.Sprintf(denied, tt.id); a.body != want {
			t.Errorf("%s: body\n%s\nwant\n%s", name, a.body, want)
		}
		if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: header %v", name, a.Header)
		}
		if got := a.Header.Get("WWW-Authenticate"); got != `Bearer realm="mcp"` {
			t.Errorf("%s: challenge %q would start an OAuth detour", name, got)
		}
	}
}

func TestARefusalOfAnythingElseIsAnErrorObject(t *testing.T) {
	r := newRig(t, "require a.b")
	want := `{"error":"missing_token","error_description":"A token is needed. Send: Authorization: Bearer <token>."}`
	if a := r.get("/mcp"); a.body != want {
		t.Errorf("body %s", a.body)
	}
	a := r.raw("POST /mcp HTTP/1.1", "Host: localhost", "Content-Length: 0")
	if a.body != want {
		t.Errorf("body %s", a.body)
	}
}

func TestARefusalDoesNotWaitForABodyThatDoesNotCome(t *testing.T) {
	r := newRig(t, "require a.b")
	for name, head := range map[string]string{
		"too long":       "Content-Length: 65537\r\n",
		"of no length":   "Transfer-Encoding: chunked\r\n",
		"on request":     "Content-Length: 50\r\nExpect: 100-continue\r\n",
		"never complete": "Content-Length: 50\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(3 * maxIDWait))
			fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s\r\n{", head)
			from := bufio.NewReader(conn)
			a := r.read(from)
			r.want(a, http.StatusUnauthorized, tokenstore.ReasonMissing)
			if strings.Contains(a.body, `"id"`) || !strings.HasPrefix(a.body, `{"jsonrpc":"2.0","error":`) {
				t.Errorf("body %s", a.body)
			}
			if _, err := from.ReadByte(); err != io.EOF {
				t.Errorf("the connection stays open (%v)", err)
			}
		})
	}
}

func TestManyRefusalsFitOnOneConnection(t *testing.T) {
	r := newRig(t, "require a.b")
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	from := bufio.NewReader(conn)
	for i := range 3 {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i)
		fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if a := r.read(from); !strings.Contains(a.body, fmt.Sprintf(`"id":%d`, i)) {
			t.Errorf("body %s", a.body)
		}
	}
}

func TestAManagementTokenIsForRoutesThatRequireOne(t *testing.T) {
	r := newRig(t, "require a.b")
	_, manager := r.token("a.b", tokenstore.RightViewToken)
	r.want(r.get("/mcp", bearer(manager)), http.StatusForbidden, tokenstore.ReasonPermission)

	r = newRig(t, "require "+tokenstore.RightViewToken)
	_, manager = r.token("a.b", tokenstore.RightViewToken)
	r.want(r.get("/mcp", bearer(manager)), http.StatusOK, "")
}

func TestThePlaceholdersNameTheTokenAndWhetherItPassed(t *testing.T) {
	r := newRig(t, "require a.b")
	record, secret := r.newToken(tokenstore.NewToken{Name: "n", User: "ann", Permissions: []string{"a.b"}})
	r.get("/mcp", bearer(secret))
	for name, want := range map[string]string{
		"http.auth.user.id": "ann", "http.auth.user.token_id": record.ID, "http.auth.user.token_name": "n", "http.auth.candidate.id": "",
	} {
		if got := r.placeholder(name); got != want {
			t.Errorf("{%s} is %q, want %q", name, got, want)
		}
	}
	if _, err := r.service.SetActive(t.Context(), admin, record.ID, 0, false, ""); err != nil {
		t.Fatal(err)
	}
	r.get("/mcp", bearer(secret))
	for name, want := range map[string]string{
		"http.auth.user.id": "", "http.auth.user.token_id": "", "http.auth.candidate.token_id": record.ID, "http.auth.candidate.token_name": "n",
	} {
		if got := r.placeholder(name); got != want {
			t.Errorf("of a refused token {%s} is %q, want %q", name, got, want)
		}
	}
}

func TestWhileTheStoreIsClosedNobodyPasses(t *testing.T) {
	r := newRig(t, "require a.b")
	_, secret := r.token("a.b")
	if err := r.service.Close(); err != nil {
		t.Fatal(err)
	}
	a := r.get("/mcp", bearer(secret))
	r.want(a, http.StatusServiceUnavailable, tokenstore.ReasonStore)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
