package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// issued is a token with its secret: what creating and rotating answer.
type issued struct {
	Token  tokenstore.Record `json:"token"`
	Secret string            `json:"secret"`
}

const createExample = `  # A token that may list and read articles, for 90 days
  caddy mcp-token create "Ada's laptop" blog.view_article

  # By a group, never expiring, from one network only
  caddy mcp-token create ci --group readers --expires never --cidr 10.0.0.0/8

  # The secret alone, for a script
  TOKEN=$(caddy mcp-token create nightly --group readers --expires 30d -q)

  # The configuration of an MCP client, to be put into .mcp.json
  caddy mcp-token create "Ada's laptop" blog.view_article --mcp-json http://127.0.0.1:8080/mcp`

func (c *cli) createCommand() *cobra.Command {
	var (
		expires, description, user, rate, mcpJSON string
		permissions, groups, cidrs, audiences     []string
		disabled, quiet                           bool
	)
	cmd := &cobra.Command{
		Use:   "create <name> [<permission>...]",
		Short: "Makes a token and shows its secret, once",
		Long: `Makes a token and shows its secret. This is the only time that the secret is
seen: the gateway keeps a salted hash of it.

The secret is all that goes to standard output; what there is to say about the
token goes to standard error.

A permission is written app_label.codename, as blog.view_article; * stands for
any text, as in blog.* or *.view_*. A token without permissions and groups passes
only where a route asks for none. Rights to manage tokens (mcp_token.*) have to
be spelled out.`,
		Example: createExample,
		Args:    cobra.MinimumNArgs(1),
		RunE: c.run(func(ctx context.Context, args []string) error {
			body := map[string]any{
				"name": args[0], "description": description, "user": cmp.Or(user, username()),
				"permissions": append(permissions, args[1:]...), "groups": groups,
				"allowed_cidrs": cidrs, "audiences": audiences,
				"rate_limit": rate, "disabled": disabled,
			}
			maps.DeleteFunc(body, func(_ string, value any) bool { return isEmpty(value) })
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
			api, err := c.connect(ctx, true)
			if err != nil {
				return err
			}
			defer api.close()
			var token issued
			ans, err := api.call(ctx, post(body, "tokens"), &token)
			if err != nil {
				return err
			}
			return c.showIssued("Created", token, ans.body, mcpJSON, quiet)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&expires, "expires", "", "`When` it expires: 90d, 12h, 2027-01-31, 2027-01-31T12:00:00Z or never (default 90d, unless the gateway's configuration says otherwise)")
	flags.StringSliceVarP(&permissions, "permission", "p", nil, "Grant this `permission`; may be repeated")
	flags.StringArrayVarP(&groups, "group", "g", nil, "Put the token into this `group`; may be repeated")
	flags.StringVar(&description, "description", "", "`What` the token is for")
	flags.StringVar(&user, "user", "", "`Who` answers for it (default: you, as this system knows you)")
	flags.StringSliceVar(&cidrs, "cidr", nil, "Accept it from these `addresses` only, as 10.0.0.0/8; may be repeated")
	flags.StringSliceVar(&audiences, "audience", nil, "Accept it on routes with this `audience` only; may be repeated")
	flags.StringVar(&rate, "rate-limit", "", "Limit its requests to this `rate`, as 60/m or \"60/m burst 20\"")
	flags.BoolVar(&disabled, "disabled", false, "Make it disabled; enable it later")
	flags.StringVar(&mcpJSON, "mcp-json", "", "Print the configuration of an MCP client for this `URL` instead of the secret alone")
	flags.BoolVarP(&quiet, "quiet", "q", false, "Print nothing but the secret")
	cmd.MarkFlagsMutuallyExclusive("mcp-json", "quiet")
	_ = cmd.RegisterFlagCompletionFunc("permission", c.completePermissions)
	_ = cmd.RegisterFlagCompletionFunc("group", c.completeGroups)
	return cmd
}

// isEmpty reports whether a flag was left at its zero value.
func isEmpty(value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case []string:
		return len(v) == 0
	case bool:
		return !v
	}
	return false
}

// showIssued prints a new secret on stdout, alone or in the form asked for, and
// tells of its token on stderr.
func (c *cli) showIssued(done string, token issued, raw []byte, mcpJSON string, quiet bool) error {
	switch {
	case quiet:
		return c.line(token.Secret)
	case mcpJSON != "":
		c.describeIssued(done, token.Token)
		return c.writeJSON(mcpServers(serverName(token.Token.Name), mcpJSON, token.Secret))
	case c.output == asJSON:
		return c.writeJSON(raw)
	case c.output == asCSV:
		return writeCSV(c.stdout, append(c.tokenColumns(), column[tokenstore.Record]{
			name: "secret", exact: func(tokenstore.Record) string { return token.Secret },
		}), []tokenstore.Record{token.Token})
	}
	c.describeIssued(done, token.Token)
	c.sayf("Its secret follows, this once:")
	return c.line(token.Secret)
}

func (c *cli) describeIssued(done string, t tokenstore.Record) {
	c.sayf("%s token %q (%s), status %s, expires %s.", done, oneLine(t.Name), t.ID, t.Status, both(t.ExpiresAt, c.now()))
	if len(t.EffectivePermissions) == 0 {
		c.sayf("It holds no permission yet: caddy mcp-token update %s --add-permission ...", t.ID)
	} else {
		c.sayf("It may: %s", strings.Join(t.EffectivePermissions, " "))
	}
	if r := t.Rotation; r != nil {
		c.sayf("The old secret works until %s.", both(&r.ValidUntil, c.now()))
	}
}

// checkMCPURL refuses what no client could connect to.
func checkMCPURL(s string) error {
	if s == "" {
		return nil
	}
	if u, err := url.Parse(s); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return usagef("--mcp-json needs the URL of the MCP server as clients reach it, as http://127.0.0.1:8080/mcp")
	}
	return nil
}

// mcpServers is the client configuration that .mcp.json, Claude Code, Cursor
// and many others share.
func mcpServers(name, url, secret string) []byte {
	type server struct {
		Type    string            `json:"type"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	}
	text, _ := json.Marshal(map[string]any{"mcpServers": map[string]server{
		name: {"http", url, map[string]string{"Authorization": "Bearer " + secret}},
	}})
	return text
}

var notInServerName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// serverName makes a name that clients accept for a server out of any text.
func serverName(s string) string {
	name := strings.Trim(notInServerName.ReplaceAllString(strings.ToLower(s), "-"), "-")
	if name == "" {
		return "mcp"
	}
	return name
}

// clientCommands are the command lines that add a server to well-known clients.
func clientCommands(name, url, secret string) []string {
	header := fmt.Sprintf(`--header "Authorization: Bearer %s"`, secret)
	return []string{
		fmt.Sprintf("claude mcp add --transport http %s %s %s", name, url, header),
		fmt.Sprintf("gemini mcp add --transport http %s %s %s", header, name, url),
		fmt.Sprintf("export MCP_TOKEN=%s; codex mcp add %s --url %s --bearer-token-env-var MCP_TOKEN", secret, name, url),
	}
}
