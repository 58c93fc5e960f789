package command

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// permissionUse is one line of the catalogue of permissions.
type permissionUse struct {
	Permission string   `json:"permission"`
	Tokens     int      `json:"tokens"`
	Groups     int      `json:"groups"`
	Routes     []string `json:"routes"`
	Referenced bool     `json:"referenced_by_route"`
}

func (c *cli) permissionCommand() *cobra.Command {
	listing := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "Lists the permissions that are in use",
		Long: `Lists the permissions that tokens and groups hold and those that routes ask for.
One that is held and that no route asks for may be a spelling mistake. Routes are
known to a running gateway only.`,
		Args: cobra.NoArgs,
		RunE: c.withAPI(false, func(ctx context.Context, api *client, _ []string) error {
			all, err := list[permissionUse](ctx, api, "permissions", nil, unpaged)
			if err != nil {
				return err
			}
			return writeList(c, permissionColumns(), all.items, all.raw, "No permission is in use.")
		}),
	}
	cmd := c.parent("permission <command>", "Lists the permissions that are in use", listing)
	cmd.Aliases = []string{"permissions"}
	return cmd
}

func permissionColumns() []column[permissionUse] {
	columns := []column[permissionUse]{
		{name: "permission", flexible: true, exact: func(p permissionUse) string { return p.Permission }},
		{name: "tokens", exact: func(p permissionUse) string { return strconv.Itoa(p.Tokens) }},
		{name: "groups", exact: func(p permissionUse) string { return strconv.Itoa(p.Groups) }},
		{name: "routes", flexible: true, exact: func(p permissionUse) string {
			if len(p.Routes) == 0 && !p.Referenced {
				return "none asks for it"
			}
			return strings.Join(p.Routes, " ")
		}},
	}
	for i := range columns {
		columns[i].short = columns[i].exact
	}
	return columns
}
