package command

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/spf13/cobra"
)

// apiPrefix is where Caddy's admin endpoint has the API.
const apiPrefix = "/mcp_token"

func (c *cli) addConnectionFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&c.address, "address", "", "Admin `address` of the running gateway (default: CADDY_ADMIN or "+caddy.DefaultAdminListen+")")
	flags.StringVarP(&c.config, "config", "c", "", "Configuration `file` that tells the admin address and the token store")
	flags.StringVarP(&c.adapter, "adapter", "a", "", "`Name` of the config adapter for --config")
	flags.StringVar(&c.store, "store", "", "Open this database `file` directly, without a running gateway")
	cmd.MarkFlagsMutuallyExclusive("address", "store")
}

// connect returns a client of the running gateway or, where none answers, of
// the API in this process over the database. A database that does not exist is
// made if create is set.
func (c *cli) connect(ctx context.Context, create bool) (*client, error) {
	config, err := c.loadConfig()
	if err != nil {
		return nil, err
	}
	if c.store != "" {
		return c.openStore(storeAt(c.store), "", create)
	}
	if config.Admin.Disabled {
		return c.openStore(config.Apps.MCPToken, c.config+" turns the admin endpoint off", create)
	}
	address := c.adminAddress(config)
	api, err := dial(address)
	if err != nil {
		return nil, err
	}
	err = c.waitUntilReady(ctx, api)
	switch {
	case err == nil:
		return api, nil
	case !isNobodyThere(err):
		return nil, classed(err)
	case c.address != "":
		// Who names a server means that one, not some database.
		return nil, serverf("No server answers at %s.", address)
	}
	return c.openStore(config.Apps.MCPToken, "no server answers at "+address, create)
}

// config is what the CLI needs of Caddy's configuration.
type config struct {
	Admin struct {
		Disabled bool   `json:"disabled"`
		Listen   string `json:"listen"`
	} `json:"admin"`
	Apps struct {
		MCPToken json.RawMessage `json:"mcp_token"`
	} `json:"apps"`
}

// loadConfig reads --config. Caddy's own function would do, but for its log
// lines between the output.
func (c *cli) loadConfig() (config, error) {
	var out config
	if c.config == "" {
		if c.adapter != "" {
			return out, usagef("--adapter needs --config")
		}
		return out, nil
	}
	text, err := os.ReadFile(c.config)
	if err != nil {
		return out, usagef("%v", err)
	}
	name := c.adapter
	if name == "" && isCaddyfile(c.config) {
		name = "caddyfile"
	}
	if name != "" {
		adapter := caddyconfig.GetAdapter(name)
		if adapter == nil {
			return out, usagef("--adapter: there is no config adapter named %q", name)
		}
		if text, _, err = adapter.Adapt(text, map[string]any{"filename": c.config}); err != nil {
			return out, usagef("%v", err)
		}
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, usagef("%s: %v", c.config, err)
	}
	return out, nil
}

// isCaddyfile reports whether Caddy takes a file of that name for a Caddyfile.
func isCaddyfile(path string) bool {
	name := strings.ToLower(filepath.Base(path))
	return filepath.Ext(name) != ".json" && (strings.HasPrefix(name, "caddyfile") || strings.HasSuffix(name, ".caddyfile"))
}

func (c *cli) adminAddress(config config) string {
	switch {
	case c.address != "":
		return c.address
	case config.Admin.Listen != "":
		return config.Admin.Listen
	}
	return caddy.DefaultAdminListen // CADDY_ADMIN, if set
}

// dial returns a client of the admin endpoint at address, which is written as
// in a configuration. It does not connect yet.
func dial(address string) (*client, error) {
	parsed, err := caddy.ParseNetworkAddress(strings.TrimPrefix(address, "http://"))
	if err != nil || parsed.PortRangeSize() > 1 {
		return nil, usagef("%q is not an admin address; expected host:port, or unix//path", address)
	}
	host, origin := parsed.JoinHostPort(0), ""
	network, target := parsed.Network, host
	if parsed.IsUnixNetwork() {
		target, _, _ = strings.Cut(parsed.Host, "|") // without the file's mode
		host = "127.0.0.1"                           // what Caddy's check of the Host wants
	} else {
		origin = "http://" + host
	}
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, target)
		},
		ResponseHeaderTimeout: 30 * time.Second,
	}
	return &client{
		http:   &http.Client{Transport: transport, CheckRedirect: noRedirects},
		base:   "http://" + host + apiPrefix,
		origin: origin,
		where:  "The server at " + address,
		close:  transport.CloseIdleConnections,
	}, nil
}

// noRedirects keeps request bodies from being sent anywhere else.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// waitUntilReady asks the API whether it is there. Right after its start a
// server answers 503 until its configuration is active.
func (c *cli) waitUntilReady(ctx context.Context, api *client) error {
	deadline := time.NewTimer(startupWait)
	defer deadline.Stop()
	for {
		_, err := api.do(ctx, get("health"))
		if err == nil || !isProblem(err, http.StatusServiceUnavailable) {
			return explain(api, err)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-deadline.C:
			return serverf("%s is not ready: %v\nEither its configuration is without mcp_token, or its log says why.", api.where, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// explain turns an error of the connection, other than that nobody is there,
// into a sentence.
func explain(api *client, err error) error {
	_, isAPI := errors.AsType[*apiError](err)
	_, isFailure := errors.AsType[*failure](err)
	if err == nil || isAPI || isFailure || isNobodyThere(err) {
		return err
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return serverf("%s does not answer: %v.", api.where, err)
}

// isNobodyThere reports whether nothing listens at the address.
func isNobodyThere(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}
