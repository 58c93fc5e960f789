package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/caddymodule"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

const gatewayLong = `
Runs a gateway that asks for a token in front of an MCP server: the quick way to
put a server behind tokens, and all that a machine of one's own needs.

It listens on 127.0.0.1 unless --from names another address. With a host name it
serves HTTPS with an automatic certificate, like caddy reverse-proxy.

Tokens are managed while it runs, by "caddy mcp-token". --print-caddyfile shows
the configuration that the gateway runs, to begin one's own with.`

const gatewayExample = `  # In front of a server on this machine; clients use http://127.0.0.1:8080/mcp
  caddy mcp-gateway --to http://127.0.0.1:9000/mcp
  caddy mcp-token create "my laptop" --mcp-json http://127.0.0.1:8080/mcp

  # For everybody, with HTTPS; callers need a permission
  caddy mcp-gateway --from mcp.example.com --to http://127.0.0.1:9000 --require blog.view_article`

const demoExample = `

  # To try it: a server with a small blog comes along, and two tokens
  caddy mcp-gateway --demo`

// gateway is what the flags of mcp-gateway say.
type gateway struct {
	from, to, store, admin string
	require                []string
	demo, accessLog, debug bool
	print                  bool

	fromGiven, adminGiven bool
}

// addGateway makes cmd the command mcp-gateway.
func (c *cli) addGateway(cmd *cobra.Command) {
	var g gateway
	cmd.Use = "mcp-gateway --to <url> [--from <addr>]"
	cmd.Example = gatewayExample
	cmd.Args = cobra.NoArgs
	flags := cmd.Flags()
	flags.StringVarP(&g.from, "from", "f", "127.0.0.1:8080", "`Address` on which to serve clients; port 0 for any free one")
	flags.StringVarP(&g.to, "to", "t", "", "`URL` of the MCP server; its path, if any, is the one that clients use")
	flags.StringVar(&g.store, "store", "", "Database `file` of the tokens (default "+caddymodule.DefaultStorePath()+")")
	flags.StringSliceVar(&g.require, "require", nil, "Let tokens with this `permission` through only; may be repeated")
	flags.StringVar(&g.admin, "admin", "", "`Address` of the admin endpoint (default "+caddy.DefaultAdminListen+", or a free port if that is taken)")
	flags.BoolVar(&g.accessLog, "access-log", false, "Write an access log to standard error")
	flags.BoolVarP(&g.debug, "debug", "v", false, "Write debug logs")
	flags.BoolVar(&g.print, "print-caddyfile", false, "Print the Caddyfile of this gateway and exit")
	if Demo != nil {
		flags.BoolVar(&g.demo, "demo", false, "Serve a small blog, and make tokens to try it with")
		cmd.MarkFlagsMutuallyExclusive("demo", "to")
		cmd.MarkFlagsMutuallyExclusive("demo", "require")
		cmd.Example += demoExample
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		g.fromGiven, g.adminGiven = flags.Changed("from"), flags.Changed("admin")
		caddy.TrapSignals() // not c.run: Caddy shuts down gracefully by itself
		return c.finish(cmd, c.gateway(cmd.Context(), g))
	}
	c.strict(cmd)
}

// gateway runs g until ctx or the process ends.
func (c *cli) gateway(ctx context.Context, g gateway) error {
	site, err := c.prepare(ctx, &g)
	if err != nil {
		return err
	}
	text, err := g.caddyfile(site)
	if err != nil {
		return err
	}
	if g.print {
		_, err := fmt.Fprint(c.stdout, text)
		return err
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		return usagef("%v", err)
	}
	if err := caddy.Load(config, true); err != nil {
		return failedf("%v.", err)
	}
	defer caddy.Stop() // where ctx can end: not in a process of its own
	if err := c.welcome(ctx, g, site); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// prepare settles all that flags leave open: addresses, the database, and the
// demo's server.
func (c *cli) prepare(ctx context.Context, g *gateway) (site, error) {
	if g.to == "" && !g.demo {
		text := "--to is required: the URL of the MCP server"
		if Demo != nil {
			text += "; or --demo, to try it"
		}
		return site{}, usagef("%s", text)
	}
	s, err := parseSite(g.from)
	if err != nil {
		return s, err
	}
	for _, p := range g.require {
		if err := tokenstore.CheckPermission(p); err != nil {
			return s, usagef("--require: %v", err)
		}
	}
	if g.store == "" {
		g.store = caddymodule.DefaultStorePath()
		if g.demo {
			// A file of its own: the demo's tokens are for nothing else.
			g.store = filepath.Join(filepath.Dir(g.store), "demo.db")
		}
	}
	if g.store, err = filepath.Abs(g.store); err != nil {
		return s, usagef("--store: %v", err)
	}
	if err := c.settlePorts(g, &s); err != nil {
		return s, err
	}
	switch {
	case g.demo && g.print:
		g.to = "http://127.0.0.1:9000" // the demo's server has another port each time
	case g.demo:
		if g.to, err = Demo(ctx); err != nil {
			return s, failedf("Starting the demo: %v.", err)
		}
	}
	s.upstream, s.path, err = parseUpstream(g.to)
	return s, err
}

// settlePorts finds out whether the ports are free, and takes others where that
// is no surprise. Caddy would not notice: it shares ports with whoever does.
func (c *cli) settlePorts(g *gateway, s *site) error {
	if g.print {
		if g.admin == "" {
			g.admin = caddy.DefaultAdminListen
		}
		return nil
	}
	free, err := freePort(net.JoinHostPort(s.bind, s.port))
	if errors.Is(err, syscall.EADDRINUSE) && g.demo && !g.fromGiven {
		free, err = freePort(net.JoinHostPort(s.bind, "0"))
	}
	if err != nil {
		return failedf("Cannot listen on %s: %v. Choose another address by --from.", g.from, cause(err))
	}
	s.port = free

	if g.admin == "" {
		g.admin = caddy.DefaultAdminListen
	}
	admin, err := caddy.ParseNetworkAddress(g.admin)
	if err != nil || admin.PortRangeSize() > 1 {
		return usagef("--admin: %q is not an address", g.admin)
	}
	if admin.IsUnixNetwork() {
		return nil
	}
	free, err = freePort(admin.JoinHostPort(0))
	switch {
	case err == nil:
		g.admin = net.JoinHostPort(admin.Host, free)
	case g.adminGiven:
		return failedf("Cannot listen on %s: %v. Choose another address by --admin.", g.admin, cause(err))
	default:
		// Another Caddy runs. This gateway's own address is told below.
		if free, err = freePort("127.0.0.1:0"); err != nil {
			return failedf("Cannot listen for administration: %v.", cause(err))
		}
		g.admin = net.JoinHostPort("127.0.0.1", free)
	}
	return nil
}

// freePort returns the port of address, or one that is free for port 0. It does
// not keep it: Caddy listens itself.
func freePort(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// cause is err without the steps that led to it.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}

// program is how the user calls this binary.
func program() string {
	if strings.Contains(os.Args[0], string(filepath.Separator)+"go-build") {
		return "go run ./cmd/caddy"
	}
	return os.Args[0]
}
