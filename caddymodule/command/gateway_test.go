package command

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/cmd/caddy/blog"
)

// running is a gateway in this process. There can be one at a time: Caddy runs
// one configuration.
type running struct {
	stdout, stderr string
	err            error
	stop           func()
}

// startGateway runs mcp-gateway until it has said its welcome, or failed.
func startGateway(t *testing.T, args ...string) *running {
	t.Helper()
	Demo = blog.Start
	ctx, cancel := context.WithCancel(t.Context())
	welcome, stderr := newWatched(), &bytes.Buffer{}
	c := &cli{stdout: welcome, stderr: stderr, exit: func(_ *cobra.Command, code int) error {
		return &failure{code: code}
	}}
	cmd := &cobra.Command{Use: "mcp-gateway", SilenceUsage: true}
	c.addGateway(cmd)
	cmd.SetArgs(append([]string{"--from", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...))
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	r := &running{}
	select {
	case r.stdout = <-welcome.said:
	case r.err = <-ended:
		ended <- r.err
	}
	r.stderr = stderr.String()
	r.stop = func() {
		cancel()
		<-ended
		ended <- nil
	}
	t.Cleanup(r.stop)
	return r
}

// watched is a writer that hands over the first thing written.
type watched struct{ said chan string }

func newWatched() *watched { return &watched{make(chan string, 10)} }

func (w *watched) Write(b []byte) (int, error) {
	w.said <- string(b)
	return len(b), nil
}

// find returns the first match of a pattern's group in the welcome.
func (r *running) find(t *testing.T, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(r.stdout)
	if m == nil {
		t.Fatalf("%s is not in\n%s%s", pattern, r.stdout, r.stderr)
	}
	return m[1]
}

func TestTheDemoShowsTwoTokensOnce(t *testing.T) {
	store := filepath.Join(t.TempDir(), "demo.db")
	first := startGateway(t, "--demo", "--store", store)
	url := first.find(t, `(?m)^Gateway  (\S+)$`)
	reader, editor := first.find(t, `reader  (mcp_\S+)`), first.find(t, `editor  (mcp_\S+)`)
	for _, want := range []string{store, "claude mcp add --transport http blog " + url, "gemini mcp add", "codex mcp add", `"mcpServers"`} {
		if !strings.Contains(first.stdout, want) {
			t.Errorf("%q is not in\n%s", want, first.stdout)
		}
	}
	if strings.Contains(first.stderr, "mcp_") {
		t.Errorf("stderr has a secret:\n%s", first.stderr)
	}

	for _, tt := range []struct {
		token, tool string
		status      int
	}{
		{"", "list_article", http.StatusUnauthorized},
		{reader, "delete_article", http.StatusForbidden},
		{reader, "list_article", http.StatusOK},
		{editor, "delete_article", http.StatusOK},
	} {
		if status, body := callTool(t, url, tt.token, tt.tool); status != tt.status {
			t.Errorf("%s: status %d, want %d: %s", tt.tool, status, tt.status, body)
		}
	}
	if tools := toolsOf(t, url, reader); !strings.Contains(tools, "list_article") || strings.Contains(tools, "delete_article") {
		t.Errorf("a reader is shown %s", tools)
	}

	admin := first.find(t, `(?m)^Admin    (\S+)$`)
	if out := (invocation{}).run(t, "--address", admin, "list"); !strings.Contains(out.stdout, demoReader) || out.code != 0 {
		t.Errorf("mcp-token list says %s%s", out.stdout, out.stderr)
	}
	first.stop()

	second := startGateway(t, "--demo", "--store", store)
	if strings.Contains(second.stdout, "mcp_") && regexp.MustCompile(`mcp_[\w-]{16}\.`).MatchString(second.stdout) {
		t.Error("a secret is shown again")
	}
	second.find(t, "(not shown again)")
	if status, _ := callTool(t, second.find(t, `(?m)^Gateway  (\S+)$`), reader, "list_article"); status != http.StatusOK {
		t.Errorf("after a restart the token gives %d", status)
	}
}

// callTool calls a tool as the demo's curl lines do.
func callTool(t *testing.T, url, token, tool string) (int, string) {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":{}}}`
	if tool == "delete_article" {
		body = strings.Replace(body, "{}", `{"id":1}`, 1)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "*/*")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// bearer adds a token to every request, as a client that is configured with a
// header does.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// toolsOf lists the names of the tools that an MCP client sees.
func toolsOf(t *testing.T, url, token string) string {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: url, HTTPClient: &http.Client{Transport: bearer(token)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	tools, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
	}
	return strings.Join(names, " ")
}

func TestAGatewayInFrontOfAServerTellsHowToMakeTheFirstToken(t *testing.T) {
	upstream, err := blog.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(t.TempDir(), "tokens.db")
	first := startGateway(t, "--to", upstream+"/mcp", "--store", store, "--require", "blog.view_article")
	url, admin := first.find(t, `(?m)^Gateway  (\S+)$`), first.find(t, `(?m)^Admin    (\S+)$`)
	first.find(t, `(mcp-token create "my laptop" blog.view_article --mcp-json `+regexp.QuoteMeta(url+" --address "+admin)+`)`)
	if info, err := os.Stat(store); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	token := func(args ...string) string {
		r := invocation{}.run(t, append([]string{"--address", admin, "create", "-q"}, args...)...)
		wantCode(t, r, 0)
		return strings.TrimSpace(r.stdout)
	}
	if status, body := callTool(t, url, token("x", "blog.view_article"), "list_article"); status != http.StatusOK {
		t.Errorf("status %d: %s", status, body)
	}
	if status, body := callTool(t, url, token("y"), "list_article"); status != http.StatusForbidden {
		t.Errorf("without the permission: status %d: %s", status, body)
	}
	first.stop()
	startGateway(t, "--to", upstream, "--store", store).find(t, `(Tokens: 2\.)`)
}

func TestAGatewayThatCannotStartSaysWhy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "--to is required"},
		{[]string{"--demo", "--to", "http://127.0.0.1:1"}, exitUsage, "[demo to]"},
		{[]string{"--to", "ftp://x"}, exitUsage, "--to: expected the URL"},
		{[]string{"--to", "http://127.0.0.1:1", "--require", "blog.*"}, exitUsage, "--require"},
		{[]string{"--to", "http://127.0.0.1:1", "--from", taken}, exitFailed, "address already in use. Choose another address by --from"},
		{[]string{"--to", "http://127.0.0.1:1", "--admin", taken}, exitFailed, "Choose another address by --admin"},
		{[]string{"--to", "http://127.0.0.1:1", "--store", "/dev/null/x.db"}, exitFailed, "/dev/null"},
		{[]string{"extra"}, exitUsage, "extra"},
	} {
		r := startGateway(t, tt.args...)
		f, ok := errors.AsType[*failure](r.err)
		if !ok || f.code != tt.code || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("%v: %v, %s", tt.args, r.err, r.stderr)
		}
	}
}

func TestABinaryWithoutADemoHasNoFlagForIt(t *testing.T) {
	before := Demo
	Demo = nil
	t.Cleanup(func() { Demo = before })
	var stderr bytes.Buffer
	c := &cli{stdout: io.Discard, stderr: &stderr, exit: func(_ *cobra.Command, code int) error { return &failure{code: code} }}
	cmd := &cobra.Command{Use: "mcp-gateway", SilenceUsage: true}
	c.addGateway(cmd)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--demo"}, "unknown flag: --demo"},
		{[]string{}, "--to is required: the URL of the MCP server\n"},
	} {
		stderr.Reset()
		cmd.SetArgs(tt.args)
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(stderr.String(), tt.want) || strings.Contains(cmd.Example, "demo") {
			t.Errorf("%v: %v, %s", tt.args, err, stderr.String())
		}
	}
}
