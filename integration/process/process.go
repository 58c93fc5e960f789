package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process is one running server. Everything it writes goes below Dir.
type Process struct {
	// Dir holds the log and, below home, all that the server writes itself.
	Dir string

	// Admin is the host:port of the admin endpoint.
	Admin string

	binary string
	cmd    *exec.Cmd
	done   chan struct{} // closed when the process has ended
	err    error         // why; read after done
}

// Home is the directory that stands for the user's, so that no test touches
// the real one.
func (p *Process) Home() string { return filepath.Join(p.Dir, "home") }

// DefaultStore is where the server keeps its tokens unless the configuration
// names another file.
func (p *Process) DefaultStore() string {
	return filepath.Join(p.Home(), "data", "caddy", "mcp_token", "tokens.db")
}

// Log is the file that holds what the server wrote to both outputs.
func (p *Process) Log() string { return filepath.Join(p.Dir, "server.log") }

// Pid is the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Environ is what a command of the same installation runs with.
func Environ(home string) []string {
	env := []string{
		"HOME=" + home,
		"XDG_DATA_HOME=" + filepath.Join(home, "data"),
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
	}
	for _, name := range []string{"PATH", "TMPDIR", "GOMAXPROCS"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// Run starts binary with a Caddyfile whose admin endpoint is at admin, and
// returns when that endpoint serves the configuration. The Caddyfile is kept
// in dir.
func Run(ctx context.Context, binary, dir, admin, caddyfile string) (*Process, error) {
	p := &Process{Dir: dir, Admin: admin, binary: binary, done: make(chan struct{})}
	if err := os.MkdirAll(p.Home(), 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(caddyfile), 0o600); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	p.cmd = exec.Command(binary, "run", "--config", config, "--adapter", "caddyfile")
	p.cmd.Env, p.cmd.Dir = Environ(p.Home()), dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := p.ready(ctx); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

// ready waits until the configuration is the active one: the admin endpoint
// listens before that, but knows no app yet.
func (p *Process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Admin+"/config/", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			var body [4]byte
			n, _ := resp.Body.Read(body[:])
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK && !strings.HasPrefix(string(body[:n]), "null") {
				return nil
			}
		}
		select {
		case <-p.done:
			return fmt.Errorf("the server ended: %w\n%s", p.err, tail(p.Log()))
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w\n%s", ctx.Err(), tail(p.Log()))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Stop ends the server in the orderly way.
func (p *Process) Stop() error { return p.end(syscall.SIGTERM) }

// Kill ends the server as a power cut would.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL) }

func (p *Process) end(signal syscall.Signal) error {
	select {
	case <-p.done:
		return p.exit(signal)
	default:
	}
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return p.exit(signal)
	case <-time.After(30 * time.Second):
		return errors.Join(fmt.Errorf("the server ignores %v", signal), p.cmd.Process.Kill())
	}
}

// exit tells an end by signal from a crash: a race report ends the process
// with status 66, a panic with 2.
func (p *Process) exit(signal syscall.Signal) error {
	var exit *exec.ExitError
	if errors.As(p.err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == signal {
			return nil
		}
		if exit.ExitCode() == raceStatus && !races(p.Log(), modulePath) {
			return nil
		}
		return fmt.Errorf("the server ended: %w\n%s", p.err, tail(p.Log()))
	}
	return p.err
}

const (
	raceStatus = 66 // of a process whose race detector had something to report
	modulePath = "github.com/mcptoken/caddy-mcp-token/"
)

// races reports whether the log tells of a race in which code of the module
// reads or writes. Caddy has one of its own: its access log reads how much of a
// body was read while the transport of an aborted request still reads it.
func races(path, module string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return true
	}
	for _, report := range strings.Split(string(data), "WARNING: DATA RACE")[1:] {
		lines := strings.Split(report, "\n")
		for i, line := range lines[:len(lines)-1] {
			access := strings.Contains(line, "ead at 0x") || strings.Contains(line, "rite at 0x") // "Previous read at", too
			if access && strings.Contains(lines[i+1], module) {
				return true
			}
			if strings.Contains(line, "Goroutine ") {
				break // where they were started
			}
		}
	}
	return false
}

// FreeAddr returns a loopback address on which nothing listens.
func FreeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// tail returns the end of a log, for error messages, or its crash if it tells
// of one.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	const limit = 6000
	for _, crash := range []string{"WARNING: DATA RACE", "\npanic: ", "\nfatal error: "} {
		if i := bytes.Index(data, []byte(crash)); i >= 0 {
			return string(data[i:min(len(data), i+limit)])
		}
	}
	return string(data[max(0, len(data)-limit):])
}
