package command

import (
	"context"

	"github.com/spf13/cobra"
)

const rotateExample = `  # At once: the old secret is refused from now on
  caddy mcp-token rotate "Ada's laptop"

  # With a day to bring the new secret everywhere, then the end of the old one
  TOKEN=$(caddy mcp-token rotate ci --grace 24h -q)
  caddy mcp-token rotate ci --finish`

func (c *cli) rotateCommand() *cobra.Command {
	var (
		grace, expires, mcpJSON string
		finish, quiet           bool
	)
	cmd := &cobra.Command{
		Use:   "rotate <token>",
		Short: "Gives a token a new secret and shows it, once",
		Long: `Gives a token a new secret, and with it a new key, and shows it. Its id, name,
permissions and, unless --expires is given, expiry stay.

With --grace the old secret works on for that time, at most 30 days; "show" tells
whether it is still used. --finish ends the grace early.`,
		Example:           rotateExample,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeTokens,
		RunE: c.run(func(ctx context.Context, args []string) error {
			body := map[string]any{}
			if grace != "" {
				body["grace"] = grace
			}
			if expires != "" {
				e, err := parseExpiry(expires)
				if err != nil {
					return err
				}
				e.addTo(body)
			}
			if err := checkMCPURL(mcpJSON); err != nil {
				return err
			}
			api, err := c.connect(ctx, false)
			if err != nil {
				return err
			}
			defer api.close()
			t, err := find(ctx, api, args[0])
			if err != nil {
				return err
			}
			if finish {
				ans, err := api.call(ctx, post(nil, "tokens", t.ID, "rotate", "finish"), &t.Record)
				if err != nil {
					return err
				}
				return c.writeToken(t.Record, ans.body)
			}
			var token issued
			ans, err := api.call(ctx, post(body, "tokens", t.ID, "rotate"), &token)
			if err != nil {
				return err
			}
			return c.showIssued("Rotated", token, ans.body, mcpJSON, quiet)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&grace, "grace", "", "Let the old secret work for this `time`, as 24h (default 0)")
	flags.StringVar(&expires, "expires", "", "`When` it expires: 90d (from now), 12h, 2027-01-31 or never (default: as before)")
	flags.BoolVar(&finish, "finish", false, "End the grace of the last rotation now")
	flags.StringVar(&mcpJSON, "mcp-json", "", "Print the configuration of an MCP client for this `URL` instead of the secret alone")
	flags.BoolVarP(&quiet, "quiet", "q", false, "Print nothing but the secret")
	for _, other := range []string{"grace", "expires", "mcp-json", "quiet"} {
		cmd.MarkFlagsMutuallyExclusive("finish", other)
	}
	cmd.MarkFlagsMutuallyExclusive("mcp-json", "quiet")
	return cmd
}
