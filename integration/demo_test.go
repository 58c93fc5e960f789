package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mcptoken/caddy-mcp-token/integration/process"
)

// buffer is a bytes.Buffer that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// demo runs the one-line gateway until it has said all, and returns what it
// said. Its secrets go to the test; all else stays to be searched for them.
func demo(t *testing.T, dir string) string {
	t.Helper()
	admin, err := process.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := os.Create(filepath.Join(dir, fmt.Sprintf("stderr-%d", instances.Add(1))))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	var stdout buffer
	cmd := exec.Command(suite.binary, "mcp-gateway", "--demo", "--debug", "--access-log", "--from", "127.0.0.1:0", "--admin", admin, "--store", filepath.Join(dir, "demo.db"))
	cmd.Env, cmd.Dir = process.Environ(dir), dir
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, 30*time.Second, func() error {
		if !strings.Contains(stdout.String(), "Ctrl-C") {
			return errors.New("it has not said all yet")
		}
		return nil
	})
	return stdout.String()
}

func TestTheDemoWorksAsItSays(t *testing.T) {
	dir, err := os.MkdirTemp(suite.dir, "demo")
	if err != nil {
		t.Fatal(err)
	}
	var said, url string
	t.Run("a first time", func(t *testing.T) {
		said = demo(t, dir)
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+/mcp`).FindString(said)
		var secrets []string
		for _, secret := range regexp.MustCompile(`mcp_[\w-]{16}\.[\w-]{43}`).FindAllString(said, -1) {
			if len(secrets) == 0 || secret != secrets[len(secrets)-1] {
				secrets = append(secrets, remember(secret))
			}
		}
		if url == "" || len(secrets) < 2 || !strings.Contains(said, "mcpServers") {
			t.Fatalf("it says:\n%s", said)
		}
		reader, editor := secrets[0], secrets[1]
		for name, era := range eras {
			session := mustConnect(t, url, reader, era, nil)
			if tools, err := session.ListTools(t.Context(), nil); err != nil || len(tools.Tools) == 0 {
				t.Fatalf("%s: %v, %v", name, tools, err)
			}
			if result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "list_article", Arguments: object{}}); err != nil || result.IsError {
				t.Errorf("%s: %v, %v", name, result, err)
			}
			remove := &mcp.CallToolParams{Name: "delete_article", Arguments: object{"id": 1}}
			if result, err := session.CallTool(t.Context(), remove); err == nil && !result.IsError {
				t.Errorf("%s: a reader deleted: %v", name, result)
			}
		}
		session := mustConnect(t, url, editor, modernEra, nil)
		if result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "delete_article", Arguments: object{"id": 1}}); err != nil || result.IsError {
			t.Errorf("the editor: %v, %v", result, err)
		}

		// The two curl lines, run as they are where there is a curl.
		if _, err := exec.LookPath("curl"); err != nil {
			return
		}
		var answers []string
		for _, command := range regexp.MustCompile(`(?m)^ *curl (?:.*\\\n)*.*$`).FindAllString(said, -1) {
			out, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output()
			if err != nil {
				t.Errorf("%v", err)
			}
			answers = append(answers, string(out))
		}
		if len(answers) != 2 || !strings.Contains(answers[0], `"error"`) || !strings.Contains(answers[1], `"result"`) {
			t.Errorf("the curl lines answer %q", answers)
		}
	})
	t.Run("a second time", func(t *testing.T) {
		again := demo(t, dir)
		if regexp.MustCompile(`mcp_[\w-]{16}\.`).MatchString(again) {
			t.Error("it shows tokens again")
		}
	})
}

func TestTheCommandLineManagesTokens(t *testing.T) {
	t.Parallel()
	g := start(t, guarded(newUpstream(t), 0))
	run := func(args ...string) output {
		t.Helper()
		out := command(t, g.Home(), append([]string{"mcp-token"}, append(args, "--address", g.Admin)...)...)
		if out.code != 0 {
			t.Fatalf("%q: code %d: %s", args, out.code, out.stderr)
		}
		return out
	}
	secret := func(args ...string) string {
		t.Helper()
		out := quietly(t, g.Home(), append([]string{"mcp-token"}, append(args, "-q", "--address", g.Admin)...)...)
		if out.code != 0 || len(out.stdout) != 65 || out.stderr != "" {
			t.Fatalf("%q: code %d, %d characters: %s", args, out.code, len(out.stdout), out.stderr)
		}
		return remember(strings.TrimSuffix(out.stdout, "\n"))
	}
	run("group", "create", "readers", "blog.view_article")
	first := secret("create", "made by hand", "--group", "readers", "--expires", "12h")
	status(t, g, "/", first, http.StatusOK)
	for _, format := range []string{"table", "json", "csv"} {
		if out := run("list", "--output", format); !strings.Contains(out.stdout, "made by hand") {
			t.Errorf("%s: %s", format, out.stdout)
		}
	}
	for line := range strings.Lines(run("list").stdout) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 100 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	run("disable", "made by hand")
	status(t, g, "/", first, http.StatusUnauthorized)
	run("enable", "made by hand")
	status(t, g, "/", first, http.StatusOK)
	second := secret("rotate", "made by hand")
	status(t, g, "/", first, http.StatusUnauthorized)
	status(t, g, "/", second, http.StatusOK)
	run("delete", "made by hand", "--yes")
	status(t, g, "/", second, http.StatusUnauthorized)

	// With the database in use and the server not found, it says what to do.
	addr, err := process.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	nowhere := "CADDY_ADMIN=" + addr
	out := command(t, g.Home(), nowhere, "mcp-token", "list")
	if out.code == 0 || !strings.Contains(out.stderr, g.DefaultStore()) || !strings.Contains(out.stderr, "--address") {
		t.Errorf("code %d: %q", out.code, out.stderr)
	}

	// And with nobody there it does the work itself, and says so.
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	offline := quietly(t, g.Home(), nowhere, "mcp-token", "create", "made offline", "blog.view_article")
	made := remember(strings.TrimSpace(offline.stdout))
	if offline.code != 0 || len(made) != 64 || !strings.Contains(offline.stderr, g.DefaultStore()) {
		t.Fatalf("code %d: %q", offline.code, offline.stderr)
	}
	g.restart(t)
	status(t, g, "/", made, http.StatusOK)
}
