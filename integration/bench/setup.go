package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/integration/process"
)

// caddyfile is what is measured: the same upstream behind three sites.
const caddyfile = `{
	admin ADMIN
	auto_https off
}
http://:PLAIN {
	bind 127.0.0.1
	reverse_proxy UPSTREAM
}
http://:TOKEN {
	bind 127.0.0.1
	mcp_token require blog.view_article
	reverse_proxy UPSTREAM
}
http://:RULES {
	bind 127.0.0.1
	mcp_token {
		tool find_models allow
		tool get_* list_* require blog.view_{1}
		tool create_* require blog.add_{1}
		tool update_* require blog.change_{1}
	}
	reverse_proxy UPSTREAM
}
`

// call is a request such as an agent makes.
const call = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_article","arguments":{"id":42,"fields":["title","body"]}}}`

// answer is what the upstream says to it.
var answer = `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"` + strings.Repeat("lorem ipsum ", 80) + `"}]}}`

// bench is a running server and the ways through it.
type bench struct {
	ways     []way
	dir      string
	upstream *httptest.Server
	process  *process.Process
}

func setUp(ctx context.Context, o options) (b *bench, err error) {
	b = &bench{}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "mcp-token-bench-"); err != nil {
		return b, err
	}
	if o.binary == "" {
		if o.binary, err = process.Build(b.dir, false); err != nil {
			return b, err
		}
	}
	b.upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))

	var addrs [4]string
	replace := []string{"UPSTREAM", b.upstream.URL}
	for i, name := range []string{"ADMIN", "PLAIN", "TOKEN", "RULES"} {
		if addrs[i], err = process.FreeAddr(); err != nil {
			return b, err
		}
		value := addrs[i]
		if i > 0 {
			_, value, _ = net.SplitHostPort(value)
		}
		replace = append(replace, name, value)
	}
	text := strings.NewReplacer(replace...).Replace(caddyfile)
	if b.process, err = process.Run(ctx, o.binary, b.dir, addrs[0], text); err != nil {
		return b, err
	}
	var secret string
	for i := range max(1, o.tokens) {
		if secret, err = newToken(ctx, addrs[0], fmt.Sprintf("bench %d", i)); err != nil {
			return b, err
		}
	}
	for i, name := range []string{"plain Caddy", "token check", "token check and rules"} {
		b.ways = append(b.ways, way{name, addrs[i+1], request(secret)})
	}
	return b, nil
}

func (b *bench) close() {
	var errs []error
	if b.process != nil {
		errs = append(errs, b.process.Stop())
	}
	if b.upstream != nil {
		b.upstream.Close()
	}
	if err := errors.Join(append(errs, os.RemoveAll(b.dir))...); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// request is the same for all ways: plain Caddy gets the token too, and
// forwards it.
func request(secret string) []byte {
	return fmt.Appendf(nil, "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: %d\r\n\r\n%s", secret, len(call), call)
}

// newToken makes a token through the admin API.
func newToken(ctx context.Context, admin, name string) (string, error) {
	body, err := json.Marshal(map[string]any{"name": name, "permissions": []string{"blog.view_article"}})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+admin+"/mcp_token/tokens", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var made struct {
		Secret string `json:"secret"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
		return "", err
	}
	if made.Secret == "" {
		return "", fmt.Errorf("no token was made: status %d", resp.StatusCode)
	}
	return made.Secret, nil
}
