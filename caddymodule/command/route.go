package command

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// route is one place in the gateway's configuration that asks for a token.
type route struct {
	Name        string   `json:"name"`
	Audience    string   `json:"audience"`
	Rules       []string `json:"rules"`
	Permissions []string `json:"permissions"`
}

func (c *cli) routeCommand() *cobra.Command {
	listing := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "Lists the routes that ask for a token",
		Args:    cobra.NoArgs,
		RunE: c.withAPI(false, func(ctx context.Context, api *client, _ []string) error {
			routes, err := list[route](ctx, api, "routes", nil, unpaged)
			if err != nil {
				return err
			}
			return writeList(c, routeColumns(), routes.items, routes.raw, "No route asks for a token.")
		}),
	}
	show := &cobra.Command{
		Use:   "show <route>",
		Short: "Shows the rules of a route, in the order in which they are tried",
		Args:  cobra.ExactArgs(1),
		RunE: c.withAPI(false, func(ctx context.Context, api *client, args []string) error {
			routes, err := list[route](ctx, api, "routes", nil, unpaged)
			if err != nil {
				return err
			}
			for i, r := range routes.items {
				if r.Name == args[0] {
					return c.writeRoute(r, routes.raw[i])
				}
			}
			return failedf("There is no route named %q.", args[0])
		}),
	}
	cmd := c.parent("route <command>", "Shows the routes that ask for a token, and their rules", listing, show)
	cmd.Aliases = []string{"routes"}
	cmd.Long = `Shows the routes that ask for a token. They are in the configuration of the
running gateway: without one, there are none to show.`
	return cmd
}

func routeColumns() []column[route] {
	columns := []column[route]{
		{name: "name", flexible: true, exact: func(r route) string { return r.Name }},
		{name: "rules", exact: func(r route) string { return strings.Join(r.Rules, "\n") },
			short: func(r route) string { return strconv.Itoa(len(r.Rules)) }},
		{name: "permissions", flexible: true, exact: func(r route) string { return strings.Join(r.Permissions, " ") }},
		{name: "audience", flexible: true, exact: func(r route) string { return r.Audience }},
	}
	for i := range columns {
		if columns[i].short == nil {
			columns[i].short = columns[i].exact
		}
	}
	return columns
}

func (c *cli) writeRoute(r route, raw json.RawMessage) error {
	switch c.output {
	case asJSON:
		return c.writeJSON(raw)
	case asCSV:
		return writeCSV(c.stdout, routeColumns(), []route{r})
	}
	facts := []fact{{"name", r.Name}, {"audience", r.Audience}}
	name := "rules"
	for _, rule := range r.Rules {
		facts = append(facts, fact{name, rule})
		name = ""
	}
	return c.writeFacts(facts)
}
