package command

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

const disableExample = `  caddy mcp-token disable "Ada's laptop" --reason "laptop lost, ticket 4711"

  # What nobody has used for half a year: first look, then do it
  caddy mcp-token disable --unused-for 180d --dry-run
  caddy mcp-token disable --unused-for 180d --reason "unused" --yes`

func (c *cli) disableCommand() *cobra.Command {
	var (
		reason string
		many   many
	)
	cmd := &cobra.Command{
		Use:   "disable <token>... | <filter>...",
		Short: "Disables tokens, until they are enabled again",
		Long: `Disables tokens. It counts at once: the next request is refused, and requests that
are running, event streams too, are ended.

Tokens are named, or filtered by the flags that "list" has.`,
		Example:           disableExample,
		ValidArgsFunction: c.completeTokens,
		RunE: c.run(func(ctx context.Context, refs []string) error {
			return c.toTokens(ctx, refs, &many, tokenstore.BulkDisable, reason)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`Why`, for the audit trail")
	many.addFlags(c, cmd)
	return cmd
}

func (c *cli) enableCommand() *cobra.Command {
	var (
		reason string
		many   many
	)
	cmd := &cobra.Command{
		Use:   "enable <token>... | <filter>...",
		Short: "Enables disabled tokens",
		Long: `Enables disabled tokens. One that has expired needs a new expiry first, by update.

Tokens are named, or filtered by the flags that "list" has.`,
		Example:           `  caddy mcp-token enable "Ada's laptop"`,
		ValidArgsFunction: c.completeTokens,
		RunE: c.run(func(ctx context.Context, refs []string) error {
			return c.toTokens(ctx, refs, &many, tokenstore.BulkEnable, reason)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`Why`, for the audit trail")
	many.addFlags(c, cmd)
	return cmd
}

// toTokens enables or disables the tokens that are named or filtered.
func (c *cli) toTokens(ctx context.Context, refs []string, many *many, action tokenstore.BulkAction, reason string) error {
	filtered, err := many.wanted(refs)
	if err != nil {
		return err
	}
	api, err := c.connect(ctx, false)
	if err != nil {
		return err
	}
	defer api.close()
	if filtered {
		return many.do(ctx, c, api, action, reason)
	}
	return c.each(ctx, api, refs, func(t found) (answer, error) {
		return api.call(ctx, post(map[string]string{"reason": reason}, "tokens", t.ID, string(action)), nil)
	})
}

// each does one thing to each token that refs name and lists how they are then.
// All are looked up first: with one that does not exist, nothing is done.
func (c *cli) each(ctx context.Context, api *client, refs []string, do func(found) (answer, error)) error {
	tokens, err := findAll(ctx, api, refs)
	if err != nil {
		return err
	}
	var (
		after []tokenstore.Record
		raw   []json.RawMessage
	)
	for _, t := range tokens {
		ans, err := do(t)
		if err != nil {
			return c.afterSome(len(after), len(tokens), t, err)
		}
		var now tokenstore.Record
		if err := ans.decode(&now); err != nil {
			return err
		}
		after, raw = append(after, now), append(raw, ans.body)
	}
	return writeList(c, c.tokenColumns(), after, raw, "")
}

// afterSome says which of several tokens could not be edited, and what has been
// done before it.
func (c *cli) afterSome(done, all int, t found, err error) error {
	if all > 1 {
		c.sayf("%d of %d tokens done, then %s:", done, all, oneLine(t.Name))
	}
	return err
}

func findAll(ctx context.Context, api *client, refs []string) ([]found, error) {
	var out []found
	for _, ref := range refs {
		t, err := find(ctx, api, ref)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func (c *cli) deleteCommand() *cobra.Command {
	var many many
	cmd := &cobra.Command{
		Use:     "delete <token>... | <filter>...",
		Aliases: []string{"rm"},
		Short:   "Deletes tokens for good",
		Long: `Deletes tokens for good; the audit trail keeps that they existed. To be able to go
back, disable them instead.

Tokens are named, or filtered by the flags that "list" has. The name of each, or
the number of those that match, has to be typed to confirm, unless --yes is given.`,
		Example: `  caddy mcp-token delete "Ada's laptop"
  caddy mcp-token delete tok_0123456789abcdef --yes
  caddy mcp-token delete --status expired --unused-for 365d --dry-run`,
		ValidArgsFunction: c.completeTokens,
		RunE: c.run(func(ctx context.Context, refs []string) error {
			filtered, err := many.wanted(refs)
			if err != nil {
				return err
			}
			api, err := c.connect(ctx, false)
			if err != nil {
				return err
			}
			defer api.close()
			if filtered {
				return many.do(ctx, c, api, tokenstore.BulkDelete, "")
			}
			return c.deleteNamed(ctx, api, refs, many.yes)
		}),
	}
	many.addFlags(c, cmd)
	return cmd
}

// deleteNamed deletes the tokens that refs name, each after its name was typed.
func (c *cli) deleteNamed(ctx context.Context, api *client, refs []string, yes bool) error {
	tokens, err := findAll(ctx, api, refs)
	if err != nil {
		return err
	}
	answers := bufio.NewScanner(c.stdin)
	for i, t := range tokens {
		if !yes && !c.confirm(answers, "token", t.Name) {
			return c.afterSome(i, len(tokens), t, failedf("Not confirmed, not deleted."))
		}
		// If-Match: what is deleted is what was confirmed.
		r := remove("tokens", t.ID)
		r.match = t.etag
		if _, err := api.call(ctx, r, nil); err != nil {
			return c.afterSome(i, len(tokens), t, err)
		}
		c.sayf("Deleted token %q (%s).", oneLine(t.Name), t.ID)
	}
	return nil
}

// confirm asks for a name to be typed. Without a terminal it reads the answer
// from the pipe all the same.
func (c *cli) confirm(answers *bufio.Scanner, kind, name string) bool {
	fmt.Fprintf(c.stderr, "Deleting cannot be undone. Type the name of the %s, %s, to confirm: ", kind, oneLine(name))
	confirmed := answers.Scan() && strings.TrimSpace(answers.Text()) == name
	if !c.prompt() {
		fmt.Fprintln(c.stderr)
	}
	return confirmed
}
