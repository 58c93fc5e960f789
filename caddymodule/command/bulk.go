package command

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// many are the flags by which a command is done to all tokens that match a
// filter.
type many struct {
	filter      tokenFilter
	dryRun, yes bool
}

func (m *many) addFlags(c *cli, cmd *cobra.Command) {
	m.filter.addFlags(c, cmd)
	cmd.Flags().BoolVar(&m.dryRun, "dry-run", false, "Say which tokens match, and change nothing")
	cmd.Flags().BoolVarP(&m.yes, "yes", "y", false, "Do not ask")
}

// wanted reports whether tokens are named by a filter and not by arguments;
// they have to be named one way.
func (m *many) wanted(refs []string) (bool, error) {
	filtered := len(m.filter.query()) > 0
	switch {
	case filtered && len(refs) > 0:
		return false, usagef("Name tokens or filter them, not both.")
	case !filtered && len(refs) == 0:
		return false, usagef("Name at least one token, or filter them by a flag.")
	case !filtered && m.dryRun:
		return false, usagef("--dry-run is for filters.")
	}
	return filtered, nil
}

// do does action to all tokens that match: what is shown and confirmed is what
// is done, or nothing is.
func (m *many) do(ctx context.Context, c *cli, api *client, action tokenstore.BulkAction, reason string) error {
	tokens, err := list[tokenstore.Record](ctx, api, "tokens", m.filter.query(), everything)
	if err != nil {
		return err
	}
	if err := writeList(c, c.tokenColumns(), tokens.items, tokens.raw, "No tokens match."); err != nil {
		return err
	}
	n := len(tokens.items)
	if m.dryRun || n == 0 {
		return nil
	}
	if !m.yes && !c.confirmCount(action, n) {
		return failedf("Not confirmed, nothing done.")
	}
	body := map[string]any{"action": action, "filter": m.filter.body(), "expect_count": n, "reason": reason}
	var done tokenstore.BulkResult
	if _, err := api.call(ctx, post(body, "tokens", "bulk"), &done); err != nil {
		return err
	}
	refused := 0
	for _, item := range done.Items {
		if item.Result == "refused" {
			refused++
			c.sayf("%s: %s", oneLine(item.Name), item.Detail)
		}
	}
	c.sayf("%s: %d of %d tokens changed.", action, done.Changed, n)
	if refused > 0 {
		return &failure{code: exitFailed}
	}
	return nil
}

// confirmCount asks for the number of tokens to be typed.
func (c *cli) confirmCount(action tokenstore.BulkAction, n int) bool {
	number := fmt.Sprint(n)
	fmt.Fprintf(c.stderr, "To %s these %s tokens, type their number to confirm: ", action, number)
	answers := bufio.NewScanner(c.stdin)
	confirmed := answers.Scan() && strings.TrimSpace(answers.Text()) == number
	if !c.prompt() {
		fmt.Fprintln(c.stderr)
	}
	return confirmed
}
