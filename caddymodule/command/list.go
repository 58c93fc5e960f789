package command

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// tokenFilter holds the flags that select tokens.
type tokenFilter struct {
	status, unusedFor, expiringWithin   string
	group, permission, user, searchText string
	neverUsed                           bool
}

func (f *tokenFilter) addFlags(c *cli, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.status, "status", "", "Only tokens with this `status`: active, expiring, expired or disabled")
	flags.StringVar(&f.unusedFor, "unused-for", "", "Only tokens not used for this long, as `30d`; those never used count from their creation")
	flags.BoolVar(&f.neverUsed, "never-used", false, "Only tokens never used")
	flags.StringVar(&f.expiringWithin, "expiring-within", "", "Only active tokens that expire within this time, as `7d`")
	flags.StringVar(&f.group, "group", "", "Only tokens in this `group`")
	flags.StringVar(&f.permission, "permission", "", "Only tokens that hold this `permission`, directly or by a group")
	flags.StringVar(&f.user, "user", "", "Only tokens of this `user`")
	flags.StringVar(&f.searchText, "search", "", "Only tokens with this `text` in name, description, user or key")
	_ = cmd.RegisterFlagCompletionFunc("status", choices("active", "expiring", "expired", "disabled"))
	_ = cmd.RegisterFlagCompletionFunc("group", c.completeGroups)
	_ = cmd.RegisterFlagCompletionFunc("permission", c.completePermissions)
}

// body is f as the API takes it in a body.
func (f *tokenFilter) body() map[string]any {
	body := map[string]any{
		"status": f.status, "unused_for": f.unusedFor, "expiring_within": f.expiringWithin, "never_used": f.neverUsed,
		"group": f.group, "permission": f.permission, "user": f.user, "q": f.searchText,
	}
	maps.DeleteFunc(body, func(_ string, value any) bool { return isEmpty(value) })
	return body
}

// query is f as the API's parameters.
func (f *tokenFilter) query() url.Values {
	q := url.Values{}
	for name, value := range f.body() {
		q.Set(name, fmt.Sprint(value))
	}
	return q
}

const listExample = `  # All tokens, the newest first
  caddy mcp-token list

  # What nobody has used for three months, for a spreadsheet
  caddy mcp-token list --unused-for 90d --all --output csv > unused.csv

  # For cron: exit with 3 if a token is about to expire
  caddy mcp-token list --expiring-within 7d --fail-if-any

  # The ids of all disabled tokens
  caddy mcp-token list --status disabled --all -q`

func (c *cli) listCommand() *cobra.Command {
	var (
		filter              tokenFilter
		sort                string
		limit               int
		all, failIfAny, ids bool
	)
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "Lists tokens",
		Long: `Lists tokens, the newest first. Filters add up: a token is listed if it matches
all of them.`,
		Example: listExample,
		Args:    cobra.NoArgs,
		RunE: c.run(func(ctx context.Context, _ []string) error {
			if limit < 1 {
				return usagef("--limit must be at least 1")
			}
			if all {
				limit = everything
			}
			query := filter.query()
			if sort != "" {
				query.Set("sort", sort)
			}
			api, err := c.connect(ctx, false)
			if err != nil {
				return err
			}
			defer api.close()
			tokens, err := list[tokenstore.Record](ctx, api, "tokens", query, limit)
			if err != nil {
				return err
			}
			if ids {
				for _, t := range tokens.items {
					if err := c.line(t.ID); err != nil {
						return err
					}
				}
			} else if err := writeList(c, c.tokenColumns(), tokens.items, tokens.raw, "No tokens match."); err != nil {
				return err
			}
			if missing := tokens.total - len(tokens.items); missing > 0 {
				c.sayf("%d of %d tokens; --all lists the rest.", len(tokens.items), tokens.total)
			}
			if failIfAny && len(tokens.items) > 0 {
				return &failure{code: exitMatched}
			}
			return nil
		}),
	}
	filter.addFlags(c, cmd)
	flags := cmd.Flags()
	flags.StringVar(&sort, "sort", "", "Sort by this `field`, descending with - in front: name, user, created_at, updated_at, expires_at, last_used_at")
	flags.IntVar(&limit, "limit", 50, "List at most this many `tokens`")
	flags.BoolVar(&all, "all", false, "List all that match")
	flags.BoolVar(&failIfAny, "fail-if-any", false, "Exit with 3 if any token is listed")
	flags.BoolVarP(&ids, "quiet", "q", false, "List ids alone")
	cmd.MarkFlagsMutuallyExclusive("all", "limit")
	_ = cmd.RegisterFlagCompletionFunc("sort", choices("name", "user", "created_at", "updated_at", "expires_at", "last_used_at",
		"-name", "-user", "-created_at", "-updated_at", "-expires_at", "-last_used_at"))
	return cmd
}

// tokenColumns are the columns of a list of tokens.
func (c *cli) tokenColumns() []column[tokenstore.Record] {
	type record = tokenstore.Record
	now := c.now()
	words := func(f func(record) []string) func(record) string {
		return func(t record) string { return strings.Join(f(t), " ") }
	}
	moment := func(name string, f func(record) *time.Time) column[record] {
		return column[record]{name: name, exact: func(t record) string { return exactTime(f(t)) },
			short: func(t record) string { return relative(f(t), now) }}
	}
	text := func(name string, f func(record) string) column[record] { return column[record]{name: name, exact: f} }

	name := column[record]{name: "name", flexible: true, exact: func(t record) string { return t.Name }}
	name.short = name.exact
	status := column[record]{name: "status", exact: func(t record) string { return string(t.Status) }}
	status.short = status.exact
	lastUsed := moment("last_used_at", func(t record) *time.Time { return t.LastUsedAt })
	expires := moment("expires_at", func(t record) *time.Time { return t.ExpiresAt })
	created := moment("created_at", func(t record) *time.Time { return &t.CreatedAt })
	created.heading, lastUsed.heading, expires.heading = "CREATED", "LAST USED", "EXPIRES"

	return []column[record]{
		{name: "key", exact: func(t record) string { return t.Key }, short: func(t record) string { return tokenstore.DisplayKey(t.Key) }},
		name,
		status,
		{name: "groups", flexible: true, exact: func(t record) string { return strings.Join(t.Groups, ", ") },
			short: func(t record) string { return orDash(strings.Join(t.Groups, ", ")) }},
		created,
		lastUsed,
		expires,
		text("id", func(t record) string { return t.ID }),
		text("user", func(t record) string { return t.User }),
		text("description", func(t record) string { return t.Description }),
		text("permissions", words(func(t record) []string { return t.Permissions })),
		text("effective_permissions", words(func(t record) []string { return t.EffectivePermissions })),
		text("last_used_ip", func(t record) string { return deref(t.LastUsedIP) }),
		text("created_by", func(t record) string { return t.CreatedBy }),
		text("rate_limit", func(t record) string { return deref(t.RateLimit) }),
		text("source", func(t record) string { return t.Source }),
	}
}

// line writes one line of data.
func (c *cli) line(s string) error {
	_, err := c.stdout.Write([]byte(s + "\n"))
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
