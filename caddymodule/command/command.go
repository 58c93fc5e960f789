// Package command adds two commands to Caddy: mcp-token, which manages tokens,
// and mcp-gateway, the gateway in one line.
package command

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Demo starts an MCP server to try the gateway on and returns its base URL; the
// server ends with ctx. It is nil, and mcp-gateway has no flag --demo, unless
// the program that imports this package sets it before Caddy's main runs: the
// demo brings dependencies that a gateway does not need.
var Demo func(ctx context.Context) (url string, err error)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "mcp-token",
		Usage: "<command>",
		Short: "Manages the tokens that guard MCP servers",
		Long:  tokenLong,
		CobraFunc: func(cmd *cobra.Command) {
			newCLI().addTokenCommands(cmd)
		},
	})
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "mcp-gateway",
		Usage: "--to <url> [--from <addr>]",
		Short: "Runs a token gateway in front of an MCP server",
		Long:  gatewayLong,
		CobraFunc: func(cmd *cobra.Command) {
			newCLI().addGateway(cmd)
		},
	})
}

// newCLI returns the CLI of this process.
func newCLI() *cli {
	return &cli{
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		prompt: func() bool { return term.IsTerminal(int(os.Stdin.Fd())) },
		colour: term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		secret: func() ([]byte, error) { return term.ReadPassword(int(os.Stdin.Fd())) },
		now:    time.Now,
		exit:   caddyExit,
	}
}

// caddyExit returns the error that makes Caddy's main exit with code. Its type
// is Caddy's own and not exported, so Caddy has to make it.
func caddyExit(cmd *cobra.Command, code int) error {
	if code == caddy.ExitCodeFailedStartup {
		return errors.New("failed")
	}
	f := caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return code, nil })
	return f(cmd, nil)
}
