package command

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func (c *cli) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify [<file>]",
		Short: "Says which token a secret belongs to",
		Long: `Reads a secret from a file or from standard input, and says which token it
belongs to, if it is one. It is not taken as an argument: command lines can be
read by others and are kept in the shell's history.

Exits with 0 if the secret would be accepted, with 1 if not.`,
		Example: `  caddy mcp-token verify              # asks for it
  caddy mcp-token verify secret.txt
  pass show mcp/ci | caddy mcp-token verify --output json`,
		Args: cobra.MaximumNArgs(1),
		RunE: c.run(func(ctx context.Context, args []string) error {
			secret, err := c.readSecret(args)
			if err != nil {
				return err
			}
			api, err := c.connect(ctx, false)
			if err != nil {
				return err
			}
			defer api.close()
			var t tokenstore.Record
			ans, err := api.do(ctx, post(map[string]string{"secret": secret}, "verify"))
			if isProblem(err, http.StatusNotFound) {
				return failedf("This secret belongs to no token.")
			}
			if err != nil {
				return classed(err)
			}
			if err := ans.decode(&t); err != nil {
				return err
			}
			if err := c.writeToken(t, ans.body); err != nil {
				return err
			}
			if t.Status == tokenstore.StatusExpired || t.Status == tokenstore.StatusDisabled {
				return failedf("The token is %s.", t.Status)
			}
			return nil
		}),
	}
}

// readSecret reads a secret from a file, a pipe or the terminal.
func (c *cli) readSecret(args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		if _, err := tokenstore.ParseSecret(args[0]); err == nil {
			return "", usagef("The secret must not be an argument: command lines can be read by others. Rotate the token, and give verify a file or a pipe.")
		}
		text, err := os.ReadFile(args[0])
		if err != nil {
			return "", usagef("%v", err)
		}
		return checkSecret(string(text))
	}
	if c.prompt() {
		fmt.Fprint(c.stderr, "Secret: ")
		text, err := c.secret()
		fmt.Fprintln(c.stderr)
		if err != nil {
			return "", usagef("%v", err)
		}
		return checkSecret(string(text))
	}
	text, err := bufio.NewReader(io.LimitReader(c.stdin, 4096)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", usagef("%v", err)
	}
	return checkSecret(text)
}

// checkSecret takes what surrounds a secret away, as a header's "Bearer ".
func checkSecret(text string) (string, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "Bearer ")
	if _, err := tokenstore.ParseSecret(text); err != nil {
		return "", failedf("This is not a secret: one is mcp_, 16 characters, a dot and 43 characters.")
	}
	return text, nil
}
