package command

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// followEvery is how often --follow asks for news.
const followEvery = time.Second

const auditExample = `  # Who changed what since yesterday
  caddy mcp-token audit --since 24h

  # Everything that was ever done to one token
  caddy mcp-token audit --target tok_0123456789abcdef --all

  # What was refused, as it happens, one JSON object a line
  caddy mcp-token audit --result denied --follow --output json`

func (c *cli) auditCommand() *cobra.Command {
	var (
		actor, action, target, result, since, until string
		limit                                       int
		all, follow                                 bool
	)
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Shows who did what to tokens and groups",
		Long: `Shows the audit trail, the newest first. With --follow it goes on with what
happens, in order, until Ctrl-C.`,
		Example: auditExample,
		Args:    cobra.NoArgs,
		RunE: c.run(func(ctx context.Context, _ []string) error {
			if limit < 1 {
				return usagef("--limit must be at least 1")
			}
			if all {
				limit = everything
			}
			filters := url.Values{}
			for name, value := range map[string]string{"actor": actor, "action": action, "target": target, "result": result} {
				if value != "" {
					filters.Set(name, value)
				}
			}
			for name, value := range map[string]string{"since": since, "until": until} {
				if value == "" {
					continue
				}
				t, err := parseSince(name, value, c.now())
				if err != nil {
					return err
				}
				filters.Set(name, t.UTC().Format(time.RFC3339Nano))
			}
			api, err := c.connect(ctx, false)
			if err != nil {
				return err
			}
			defer api.close()
			if follow {
				return c.follow(ctx, api, filters, limit)
			}
			entries, err := list[tokenstore.AuditEntry](ctx, api, "audit", filters, limit)
			if err != nil {
				return err
			}
			return writeList(c, c.auditColumns(), entries.items, entries.raw, "Nothing in the audit trail matches.")
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&actor, "actor", "", "Only what this `actor` did: id or name")
	flags.StringVar(&action, "action", "", "Only this `action`, as token.create")
	flags.StringVar(&target, "target", "", "Only what was done to this `token or group`: id, key or name")
	flags.StringVar(&result, "result", "", "Only with this `result`: ok or denied")
	flags.StringVar(&since, "since", "", "Only from this `time` on: 24h (ago), 2027-01-31, 2027-01-31T12:00:00Z")
	flags.StringVar(&until, "until", "", "Only before this `time`")
	flags.IntVar(&limit, "limit", 50, "Show at most this many `entries`")
	flags.BoolVar(&all, "all", false, "Show all that match")
	flags.BoolVarP(&follow, "follow", "f", false, "Go on with what happens from now on")
	cmd.MarkFlagsMutuallyExclusive("all", "limit")
	cmd.MarkFlagsMutuallyExclusive("follow", "until")
	_ = cmd.RegisterFlagCompletionFunc("result", choices("ok", "denied"))
	_ = cmd.RegisterFlagCompletionFunc("target", c.completeTokens)
	return cmd
}

func (c *cli) auditColumns() []column[tokenstore.AuditEntry] {
	type entry = tokenstore.AuditEntry
	now := c.now()
	columns := []column[entry]{
		{name: "time", exact: func(e entry) string { return exactTime(&e.Time) },
			short: func(e entry) string { return relative(&e.Time, now) }},
		{name: "actor", flexible: true, exact: actorName},
		{name: "action", exact: func(e entry) string { return string(e.Action) }},
		{name: "target", flexible: true, exact: targetName},
		{name: "result", exact: func(e entry) string { return e.Result }},
		{name: "what", flexible: true, exact: func(e entry) string { return e.Reason },
			short: func(e entry) string { return orDash(summary(e)) }},
	}
	for i := range columns {
		if columns[i].short == nil {
			columns[i].short = columns[i].exact
		}
	}
	return append(columns,
		column[entry]{name: "id", exact: func(e entry) string { return e.ID }},
		column[entry]{name: "actor_type", exact: func(e entry) string { return string(e.Actor.Type) }},
		column[entry]{name: "actor_ip", exact: func(e entry) string { return e.Actor.IP }},
		column[entry]{name: "target_id", exact: func(e entry) string { return e.Target.ID }},
		column[entry]{name: "changes", exact: changes},
		column[entry]{name: "request_id", exact: func(e entry) string { return e.RequestID }},
	)
}

func actorName(e tokenstore.AuditEntry) string {
	for _, s := range []string{e.Actor.Name, e.Actor.ID, string(e.Actor.Type)} {
		if s != "" {
			return s
		}
	}
	return "-"
}

func targetName(e tokenstore.AuditEntry) string {
	for _, s := range []string{e.Target.Name, e.Target.ID, e.Target.Key} {
		if s != "" {
			return s
		}
	}
	return "-"
}

// summary is the reason, or else the fields that were changed: of what is made
// or deleted, that is all of them and says nothing.
func summary(e tokenstore.AuditEntry) string {
	if e.Reason != "" {
		return e.Reason
	}
	if a := string(e.Action); strings.HasSuffix(a, ".create") || strings.HasSuffix(a, ".delete") {
		return ""
	}
	return strings.Join(slices.Sorted(maps.Keys(e.Changes)), " ")
}

// changes is all that was changed, as JSON.
func changes(e tokenstore.AuditEntry) string {
	if len(e.Changes) == 0 {
		return ""
	}
	text, _ := json.Marshal(e.Changes) // it came as JSON
	return string(text)
}

// follow shows the latest entries, the oldest first, and then what is new. It
// writes lines that stand for themselves: columns cannot be aligned to what is
// not known yet, and a JSON array would never end.
func (c *cli) follow(ctx context.Context, api *client, filters url.Values, limit int) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	entries, err := list[tokenstore.AuditEntry](ctx, api, "audit", filters, limit)
	seen := ""
	for {
		if ctx.Err() != nil {
			return nil // Ctrl-C is how this ends
		}
		if err != nil {
			return err
		}
		for i, e := range slices.Backward(entries.items) {
			// Ids sort as they were written.
			if e.ID <= seen {
				continue
			}
			if err := c.writeEntry(e, entries.raw[i]); err != nil {
				return err
			}
			seen = e.ID
			// Entries of the same instant are asked for again and known by
			// their ids: a time alone could miss one.
			filters.Set("since", e.Time.UTC().Format(time.RFC3339Nano))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		entries, err = list[tokenstore.AuditEntry](ctx, api, "audit", filters, everything)
	}
}

func (c *cli) writeEntry(e tokenstore.AuditEntry, raw json.RawMessage) error {
	switch c.output {
	case asJSON:
		return c.line(string(printableJSON(raw)))
	case asCSV:
		return writeCSVRecord(c.stdout, c.auditColumns(), e)
	}
	line := fmt.Sprintf("%s  %s  %s  %s  %s  %s", e.Time.Local().Format(time.DateTime),
		actorName(e), e.Action, targetName(e), e.Result, summary(e))
	return c.line(strings.TrimRight(oneLine(line), " "))
}
