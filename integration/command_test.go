package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mcptoken/caddy-mcp-token/integration/process"
)

// output is what a command said.
type output struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

// commands numbers the files that keep what commands said.
var commands atomic.Int64

// command runs the binary with a home of its choice, and keeps what it said to
// be searched for secrets. A command that is not done in a minute is ended.
func command(t tb, home string, args ...string) output {
	t.Helper()
	out := quietly(t, home, args...)
	name := filepath.Join(suite.dir, fmt.Sprintf("command-%03d.txt", commands.Add(1)))
	if err := os.WriteFile(name, []byte(out.stdout+out.stderr), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// quietly is command for those that are asked for a secret. As in a shell,
// words of the form NAME=value before the command go to its environment.
func quietly(t tb, home string, args ...string) output {
	t.Helper()
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	env := process.Environ(home)
	for strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	cmd := exec.CommandContext(t.Context(), suite.binary, args...)
	cmd.Env, cmd.Dir = env, home
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), time.Since(began)}
}
