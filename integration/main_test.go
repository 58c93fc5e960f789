// Package integration tests the built binary from outside: what clients,
// operators and upstreams see. It needs nothing but Go.
package integration

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/integration/process"
)

// suite is what all tests share.
var suite struct {
	binary string // the built binary
	dir    string // everything that the suite's processes write is below
}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "mcp-token-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	suite.dir = dir
	if suite.binary, err = process.Build(dir, raceBinary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	code = m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL: the shared gateway:", err)
		code = 1
	}
	// Only now has the suite written all it writes, so only now can it be
	// searched. It counts like a test.
	for _, leak := range leaks(dir) {
		fmt.Fprintln(os.Stderr, "FAIL: a secret was written down:", leak)
		code = 1
	}
	return code
}

// tb is what the helpers need of a test: rapid's T has it too.
type tb interface {
	Helper()
	Name() string
	Context() context.Context
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}
