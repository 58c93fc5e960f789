package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"
)

// The exit codes of mcp-token.
const (
	exitFailed  = 1 // denied, not found, in conflict
	exitUsage   = 2 // the command line or a value in it is wrong
	exitMatched = 3 // --fail-if-any, and there are some
	exitServer  = 4 // no server, or a database that cannot be opened
)

// cli is what the commands share: the streams and the flags of all commands.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	prompt func() bool            // whether stdin is a terminal
	secret func() ([]byte, error) // reads a line from the terminal without echo
	colour bool                   // whether stdout takes colours
	now    func() time.Time

	// exit returns the error that ends the process with a code.
	exit func(cmd *cobra.Command, code int) error

	address, config, adapter, store string
	output                          format
}

// failure is an error with an exit code of its own.
type failure struct {
	code int
	text string // one or more sentences; empty when all has been said
}

func (f *failure) Error() string { return f.text }

func usagef(format string, args ...any) error {
	return &failure{exitUsage, fmt.Sprintf(format, args...)}
}

func failedf(format string, args ...any) error {
	return &failure{exitFailed, fmt.Sprintf(format, args...)}
}

func serverf(format string, args ...any) error {
	return &failure{exitServer, fmt.Sprintf(format, args...)}
}

// run makes f a command's RunE: f ends on Ctrl-C, and its error is told once,
// in plain words, with the exit code that belongs to it.
func (c *cli) run(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
		defer stop()
		return c.finish(cmd, f(ctx, args))
	}
}

// finish tells err and turns it into what Caddy's main exits with.
func (c *cli) finish(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	code := exitServer
	if f, ok := errors.AsType[*failure](err); ok {
		code = f.code
	}
	if err.Error() != "" {
		fmt.Fprintf(c.stderr, "Error: %s\n", printable(err.Error()))
	}
	if code == exitUsage {
		fmt.Fprintf(c.stderr, "Run '%s --help' for usage.\n", cmd.CommandPath())
	}
	cmd.SilenceErrors = true
	return c.exit(cmd, code)
}

// sayf tells a person something that is not the data asked for.
func (c *cli) sayf(format string, args ...any) {
	fmt.Fprintln(c.stderr, printable(fmt.Sprintf(format, args...)))
}

// strict makes wrong flags and arguments of cmd usage errors, told like all
// others: cobra's own go to Caddy's main, which knows one exit code only.
func (c *cli) strict(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return c.finish(cmd, usagef("%v", err))
	})
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return c.finish(cmd, usagef("%v", err))
			}
			return nil
		}
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := cmd.ValidateFlagGroups(); err != nil {
			return c.finish(cmd, usagef("%v", err))
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		c.strict(sub)
	}
}
