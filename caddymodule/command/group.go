package command

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

const groupExample = `  caddy mcp-token group create readers blog.view_* --description "may read all"
  caddy mcp-token group update readers --add-permission shop.view_order
  caddy mcp-token create ci --group readers`

func (c *cli) groupCommand() *cobra.Command {
	cmd := c.parent("group <command>", "Manages groups, which are named sets of permissions",
		c.groupListCommand(),
		c.groupShowCommand(),
		c.groupCreateCommand(),
		c.groupUpdateCommand(),
		c.groupDeleteCommand(),
	)
	cmd.Aliases = []string{"groups"}
	cmd.Long = `Manages groups. A token holds the permissions of the groups it is in besides its
own; what changes in a group counts for its tokens at once.`
	cmd.Example = groupExample
	return cmd
}

func (c *cli) groupColumns() []column[tokenstore.GroupRecord] {
	type record = tokenstore.GroupRecord
	now := c.now()
	name := column[record]{name: "name", flexible: true, exact: func(g record) string { return g.Name }}
	name.short = name.exact
	tokens := column[record]{name: "tokens", exact: func(g record) string { return strconv.Itoa(g.Tokens) }}
	tokens.short = tokens.exact
	permissions := column[record]{name: "permissions", flexible: true, exact: func(g record) string { return strings.Join(g.Permissions, " ") }}
	permissions.short = permissions.exact
	return []column[record]{
		name, tokens, permissions,
		{name: "updated_at", heading: "UPDATED", exact: func(g record) string { return exactTime(&g.UpdatedAt) },
			short: func(g record) string { return relative(&g.UpdatedAt, now) }},
		{name: "created_at", exact: func(g record) string { return exactTime(&g.CreatedAt) }},
		{name: "description", exact: func(g record) string { return g.Description }},
	}
}

func (c *cli) groupListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "Lists groups",
		Args:    cobra.NoArgs,
		RunE: c.withAPI(false, func(ctx context.Context, api *client, _ []string) error {
			groups, err := list[tokenstore.GroupRecord](ctx, api, "groups", nil, unpaged)
			if err != nil {
				return err
			}
			return writeList(c, c.groupColumns(), groups.items, groups.raw, "There are no groups.")
		}),
	}
}

func (c *cli) groupShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show <group>",
		Short:             "Shows a group",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeGroups,
		RunE: c.withAPI(false, func(ctx context.Context, api *client, args []string) error {
			g, ans, err := fetchGroup(ctx, api, args[0])
			if err != nil {
				return err
			}
			return c.writeGroup(g, ans.body)
		}),
	}
}

func fetchGroup(ctx context.Context, api *client, name string) (tokenstore.GroupRecord, answer, error) {
	var g tokenstore.GroupRecord
	ans, err := api.do(ctx, get("groups", name))
	if isProblem(err, http.StatusNotFound) {
		return g, ans, failedf("There is no group named %q.", name)
	}
	if err != nil {
		return g, ans, classed(err)
	}
	return g, ans, ans.decode(&g)
}

func (c *cli) writeGroup(g tokenstore.GroupRecord, raw []byte) error {
	switch c.output {
	case asJSON:
		return c.writeJSON(raw)
	case asCSV:
		return writeCSV(c.stdout, c.groupColumns(), []tokenstore.GroupRecord{g})
	}
	now := c.now()
	return c.writeFacts([]fact{
		{"name", g.Name},
		{"description", g.Description},
		{"permissions", strings.Join(g.Permissions, " ")},
		{"tokens", strconv.Itoa(g.Tokens)},
		{"created", both(&g.CreatedAt, now)},
		{"updated", both(&g.UpdatedAt, now)},
	})
}

func (c *cli) groupCreateCommand() *cobra.Command {
	var (
		description string
		permissions []string
	)
	cmd := &cobra.Command{
		Use:     "create <group> [<permission>...]",
		Short:   "Makes a group",
		Example: `  caddy mcp-token group create readers blog.view_* --description "may read all"`,
		Args:    cobra.MinimumNArgs(1),
		RunE: c.withAPI(true, func(ctx context.Context, api *client, args []string) error {
			body := map[string]any{
				"name": args[0], "description": description,
				"permissions": nonEmpty(append(permissions, args[1:]...)),
			}
			var g tokenstore.GroupRecord
			ans, err := api.call(ctx, post(body, "groups"), &g)
			if err != nil {
				return err
			}
			return c.writeGroup(g, ans.body)
		}),
	}
	cmd.Flags().StringSliceVarP(&permissions, "permission", "p", nil, "Grant this `permission`; may be repeated")
	cmd.Flags().StringVar(&description, "description", "", "What the group is for")
	_ = cmd.RegisterFlagCompletionFunc("permission", c.completePermissions)
	return cmd
}

func (c *cli) groupUpdateCommand() *cobra.Command {
	var (
		name, description string
		permissions       edits
	)
	cmd := &cobra.Command{
		Use:   "update <group>",
		Short: "Changes a group",
		Long: `Changes a group. Its tokens hold what it holds from the next request on, and a new
name reaches all of them.`,
		Example: `  caddy mcp-token group update readers --name viewers --add-permission shop.view_order`,
		Args:    cobra.ExactArgs(1), ValidArgsFunction: c.completeGroups,
	}
	cmd.RunE = c.run(func(ctx context.Context, args []string) error {
		body := map[string]any{}
		if cmd.Flags().Changed("name") {
			body["name"] = name
		}
		if cmd.Flags().Changed("description") {
			body["description"] = description
		}
		if len(body) == 0 && permissions.empty() {
			return usagef("Nothing to change: name at least one field by its flag.")
		}
		api, err := c.connect(ctx, false)
		if err != nil {
			return err
		}
		defer api.close()
		for try := 1; ; try++ {
			g, ans, err := fetchGroup(ctx, api, args[0])
			if err != nil {
				return err
			}
			if !permissions.empty() {
				body["permissions"] = permissions.apply(g.Permissions)
			}
			ans, err = api.do(ctx, patch(ans.etag, body, "groups", g.Name))
			if isProblem(err, http.StatusPreconditionFailed) && try < editTries {
				continue
			}
			if err != nil {
				return classed(err)
			}
			if err := ans.decode(&g); err != nil {
				return err
			}
			return c.writeGroup(g, ans.body)
		}
	})
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "Another `name`")
	flags.StringVar(&description, "description", "", "Another description")
	flags.StringSliceVar(&permissions.set, "permission", nil, "Have these `permissions` instead; may be repeated, \"\" for none")
	flags.StringSliceVar(&permissions.add, "add-permission", nil, "Grant this `permission`; may be repeated")
	flags.StringSliceVar(&permissions.remove, "remove-permission", nil, "Take this `permission` away; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("permission", "add-permission")
	cmd.MarkFlagsMutuallyExclusive("permission", "remove-permission")
	for _, flag := range []string{"permission", "add-permission", "remove-permission"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, c.completePermissions)
	}
	return cmd
}

func (c *cli) groupDeleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "delete <group>",
		Aliases: []string{"rm"},
		Short:   "Deletes a group; its tokens lose what it granted",
		Long: `Deletes a group for good. The tokens in it stay, and lose at once what the group
granted them. The name has to be typed to confirm, unless --yes is given.`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: c.completeGroups,
		RunE: c.withAPI(false, func(ctx context.Context, api *client, args []string) error {
			g, ans, err := fetchGroup(ctx, api, args[0])
			if err != nil {
				return err
			}
			if g.Tokens > 0 {
				c.sayf("Tokens in this group: %d.", g.Tokens)
			}
			if !yes && !c.confirm(bufio.NewScanner(c.stdin), "group", g.Name) {
				return failedf("Not confirmed, not deleted.")
			}
			r := remove("groups", g.Name)
			r.match = ans.etag
			if _, err := api.call(ctx, r, nil); err != nil {
				return err
			}
			c.sayf("Deleted group %q.", oneLine(g.Name))
			return nil
		}),
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "Do not ask")
	return cmd
}
