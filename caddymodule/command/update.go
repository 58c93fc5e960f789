package command

import (
	"context"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// editTries is how often an edit is made anew when somebody else's came in
// between.
const editTries = 3

const updateExample = `  # Another name and a longer life
  caddy mcp-token update "Ada's laptop" --name "Ada's desktop" --expires 180d

  # One permission more, one group less
  caddy mcp-token update ci --add-permission blog.add_article --remove-group readers

  # Any address again
  caddy mcp-token update ci --cidr ""`

func (c *cli) updateCommand() *cobra.Command {
	var (
		name, description, user, expires, rate string
		cidrs, audiences                       []string
		permissions, groups                    edits
	)
	cmd := &cobra.Command{
		Use:   "update <token>",
		Short: "Changes a token",
		Long: `Changes a token. Only what a flag names is changed, and it counts from the next
request on: requests that run on a right which is taken away are ended.

A token is named by its id, its key or its exact name.`,
		Example:           updateExample,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeTokens,
	}
	cmd.RunE = c.run(func(ctx context.Context, args []string) error {
		fixed := map[string]any{}
		for flag, set := range map[string]func(){
			"name":        func() { fixed["name"] = name },
			"description": func() { fixed["description"] = description },
			"user":        func() { fixed["user"] = user },
			"rate-limit":  func() { fixed["rate_limit"] = rate },
			"cidr":        func() { fixed["allowed_cidrs"] = nonEmpty(cidrs) },
			"audience":    func() { fixed["audiences"] = nonEmpty(audiences) },
		} {
			if cmd.Flags().Changed(flag) {
				set()
			}
		}
		if expires != "" {
			e, err := parseExpiry(expires)
			if err != nil {
				return err
			}
			fixed["expires_at"] = e.instant(c.now())
		}
		if len(fixed) == 0 && permissions.empty() && groups.empty() {
			return usagef("Nothing to change: name at least one field by its flag.")
		}
		return c.edit(ctx, args[0], func(t tokenstore.Record) map[string]any {
			if !permissions.empty() {
				fixed["permissions"] = permissions.apply(t.Permissions)
			}
			if !groups.empty() {
				fixed["groups"] = groups.apply(t.Groups)
			}
			return fixed
		})
	})
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "Another `name`")
	flags.StringVar(&description, "description", "", "Another `text`")
	flags.StringVar(&user, "user", "", "`Who` answers for it")
	flags.StringVar(&expires, "expires", "", "`When` it expires: 90d (from now), 12h, 2027-01-31, 2027-01-31T12:00:00Z or never")
	flags.StringSliceVar(&cidrs, "cidr", nil, "Accept it from these `addresses` only; \"\" for any")
	flags.StringSliceVar(&audiences, "audience", nil, "Accept it on routes with these `audiences` only; \"\" for any")
	flags.StringVar(&rate, "rate-limit", "", "Limit its requests to this `rate`; \"\" for the route's own limit")
	flags.StringSliceVar(&permissions.set, "permission", nil, "Have these `permissions` instead of those it has; may be repeated, \"\" for none")
	flags.StringSliceVar(&permissions.add, "add-permission", nil, "Grant this `permission`; may be repeated")
	flags.StringSliceVar(&permissions.remove, "remove-permission", nil, "Take this `permission` away; may be repeated")
	flags.StringArrayVar(&groups.set, "group", nil, "Be in these `groups` instead of those it is in; may be repeated, \"\" for none")
	flags.StringArrayVar(&groups.add, "add-group", nil, "Put it into this `group`; may be repeated")
	flags.StringArrayVar(&groups.remove, "remove-group", nil, "Take it out of this `group`; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("permission", "add-permission")
	cmd.MarkFlagsMutuallyExclusive("permission", "remove-permission")
	cmd.MarkFlagsMutuallyExclusive("group", "add-group")
	cmd.MarkFlagsMutuallyExclusive("group", "remove-group")
	for _, flag := range []string{"permission", "add-permission", "remove-permission"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, c.completePermissions)
	}
	for _, flag := range []string{"group", "add-group", "remove-group"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, c.completeGroups)
	}
	return cmd
}

// edit changes the token that ref names by what change makes of it, and shows
// the result. The edit applies to what was read: if somebody else's came in
// between, both are done, in order.
func (c *cli) edit(ctx context.Context, ref string, change func(tokenstore.Record) map[string]any) error {
	api, err := c.connect(ctx, false)
	if err != nil {
		return err
	}
	defer api.close()
	for try := 1; ; try++ {
		t, err := find(ctx, api, ref)
		if err != nil {
			return err
		}
		ans, err := api.do(ctx, patch(t.etag, change(t.Record), "tokens", t.ID))
		if isProblem(err, http.StatusPreconditionFailed) && try < editTries {
			continue
		}
		if err != nil {
			return classed(err)
		}
		var now tokenstore.Record
		if err := ans.decode(&now); err != nil {
			return err
		}
		return c.writeToken(now, ans.body)
	}
}

// edits are changes to a list of words: other words altogether, or some more
// and some less.
type edits struct{ set, add, remove []string }

func (e edits) empty() bool { return e.set == nil && e.add == nil && e.remove == nil }

func (e edits) apply(old []string) []string {
	if e.set != nil {
		return nonEmpty(e.set)
	}
	out := slices.DeleteFunc(slices.Clone(old), func(s string) bool { return slices.Contains(e.remove, s) })
	for _, s := range e.add {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return nonEmpty(out)
}

// nonEmpty drops empty words, by which a flag says "none"; never nil, which
// would be null in JSON.
func nonEmpty(words []string) []string {
	return append([]string{}, slices.DeleteFunc(slices.Clone(words), func(s string) bool { return s == "" })...)
}
