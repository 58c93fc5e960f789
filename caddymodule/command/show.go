package command

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func (c *cli) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show <token>",
		Short: "Shows everything about a token but its secret",
		Long: `Shows everything about a token but its secret, which nobody can see again.

A token is named by its id, its key (as in mcp_Ab3dEfGh..., up to the dot) or its
exact name.`,
		Example: `  caddy mcp-token show "Ada's laptop"
  caddy mcp-token show tok_0123456789abcdef --output json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeTokens,
		RunE: c.run(func(ctx context.Context, args []string) error {
			api, err := c.connect(ctx, false)
			if err != nil {
				return err
			}
			defer api.close()
			t, err := find(ctx, api, args[0])
			if err != nil {
				return err
			}
			return c.writeToken(t.Record, t.raw)
		}),
	}
}

// writeToken writes one token in the chosen format.
func (c *cli) writeToken(t tokenstore.Record, raw []byte) error {
	switch c.output {
	case asJSON:
		return c.writeJSON(raw)
	case asCSV:
		return writeCSV(c.stdout, c.tokenColumns(), []tokenstore.Record{t})
	}
	now := c.now()
	lastUsed := both(t.LastUsedAt, now)
	if t.LastUsedIP != nil {
		lastUsed += " from " + *t.LastUsedIP
	}
	facts := []fact{
		{"name", t.Name},
		{"id", t.ID},
		{"key", t.Key},
		{"status", string(t.Status)},
		{"description", t.Description},
		{"user", t.User},
		{"created", both(&t.CreatedAt, now) + " by " + orDash(t.CreatedBy)},
		{"updated", both(&t.UpdatedAt, now)},
		{"expires", both(t.ExpiresAt, now)},
		{"last used", lastUsed},
		{"groups", strings.Join(t.Groups, ", ")},
		{"permissions", strings.Join(t.Permissions, " ")},
		{"may in all", strings.Join(t.EffectivePermissions, " ")},
		{"addresses", joinPrefixes(t.AllowedCIDRs)},
		{"audiences", strings.Join(t.Audiences, " ")},
		{"rate limit", deref(t.RateLimit)},
		{"source", t.Source},
	}
	if r := t.Rotation; r != nil {
		facts = append(facts,
			fact{"old key", fmt.Sprintf("%s, works until %s", r.PreviousKey, both(&r.ValidUntil, now))},
			fact{"old key used", both(r.LastUsedAt, now)})
	}
	return c.writeFacts(facts)
}

func joinPrefixes(prefixes []netip.Prefix) string {
	words := make([]string, len(prefixes))
	for i, p := range prefixes {
		words[i] = p.String()
	}
	return strings.Join(words, " ")
}

// A fact is one line of what there is to say about one thing.
type fact struct{ name, value string }

// writeFacts writes facts in two columns, leaving out those without a value and
// wrapping the others at the table's width.
func (c *cli) writeFacts(facts []fact) error {
	indent := 0
	for _, f := range facts {
		indent = max(indent, len(f.name)+gap)
	}
	for _, f := range facts {
		if f.value == "" {
			continue
		}
		name := f.name
		for _, text := range wrap(oneLine(f.value), tableWidth-indent) {
			if c.colour {
				text = coloured(text)
			}
			if _, err := fmt.Fprintf(c.stdout, "%-*s%s\n", indent, name, text); err != nil {
				return err
			}
			name = ""
		}
	}
	return nil
}

// wrap breaks s at spaces into lines of at most n cells; a longer word has a
// line of its own.
func wrap(s string, n int) (lines []string) {
	var line string
	for word := range strings.SplitSeq(s, " ") {
		switch {
		case line == "":
			line = word
		case cells(line)+1+cells(word) > n:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
