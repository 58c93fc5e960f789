package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

const tokenLong = `
Manages the tokens, groups and permissions that guard MCP servers.

The commands ask the running gateway, through Caddy's admin endpoint. Where no
server answers they open the token database themselves, and say so.

Exit codes: 0 done; 1 denied, not found or in conflict; 2 wrong usage; 3 a list
with --fail-if-any was not empty; 4 no server, or a database that cannot be
opened.`

const tokenExample = `  caddy mcp-token create "Ada's laptop" blog.view_article
  caddy mcp-token list
  caddy mcp-token disable "Ada's laptop" --reason "laptop lost"`

// addTokenCommands makes cmd the command mcp-token.
func (c *cli) addTokenCommands(cmd *cobra.Command) {
	cmd.Use = "mcp-token <command>"
	cmd.Example = tokenExample
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		text := "unknown command " + args[0]
		if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
			text += "; did you mean " + strings.Join(similar, " or ") + "?"
		}
		return c.finish(cmd, usagef("%s", text))
	}
	cmd.SuggestionsMinimumDistance = 2
	c.addConnectionFlags(cmd)
	c.addOutputFlag(cmd)
	cmd.AddCommand(
		c.createCommand(),
		c.listCommand(),
		c.showCommand(),
		c.updateCommand(),
		c.rotateCommand(),
		c.disableCommand(),
		c.enableCommand(),
		c.deleteCommand(),
		c.groupCommand(),
		c.permissionCommand(),
		c.routeCommand(),
		c.verifyCommand(),
		c.checkCommand(),
		c.auditCommand(),
		c.backupCommand(),
	)
	c.strict(cmd)
}

// parent is a command that only has sub-commands.
func (c *cli) parent(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return c.finish(cmd, usagef("unknown command %s", args[0]))
	}
	cmd.AddCommand(subs...)
	return cmd
}

// withAPI makes a command's RunE of f, which needs the API.
func (c *cli) withAPI(create bool, f func(ctx context.Context, api *client, args []string) error) func(*cobra.Command, []string) error {
	return c.run(func(ctx context.Context, args []string) error {
		api, err := c.connect(ctx, create)
		if err != nil {
			return err
		}
		defer api.close()
		return f(ctx, api, args)
	})
}
