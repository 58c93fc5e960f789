package command

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// site is where the gateway serves clients, and what is behind it.
type site struct {
	scheme, host, port string

	// bind is the address to listen on; empty for all.
	bind string

	upstream string // scheme://host:port
	path     string // of the MCP endpoint
}

// url is the MCP endpoint as clients reach it.
func (s site) url() string {
	port := ":" + s.port
	if (s.scheme == "https" && s.port == "443") || (s.scheme == "http" && s.port == "80") {
		port = ""
	}
	host := s.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return s.scheme + "://" + host + port + s.path
}

// exposed reports whether tokens pass a network unencrypted.
func (s site) exposed() bool { return s.scheme == "http" && !isLoopback(s.host) }

// parseSite reads --from: a loopback address is served as HTTP, any other as
// HTTPS unless http:// is written out.
func parseSite(from string) (site, error) {
	address, err := httpcaddyfile.ParseAddress(from)
	if err != nil {
		return site{}, usagef("--from: %v", err)
	}
	if address.Path != "" && address.Path != "/" {
		return site{}, usagef("--from %s: an address, without a path", from)
	}
	s := site{scheme: address.Scheme, host: address.Host, port: address.Port}
	if s.host == "" || s.host == "localhost" {
		s.host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(s.host)
	isIP := err == nil
	if isIP {
		s.bind = s.host
	}
	if s.scheme == "" {
		s.scheme = "https"
		if isLoopback(s.host) {
			s.scheme = "http"
		}
	}
	if s.scheme != "http" && s.scheme != "https" {
		return site{}, usagef("--from %s: expected http or https", from)
	}
	if isIP && ip.IsUnspecified() && s.scheme == "https" {
		return site{}, usagef("--from %s: HTTPS needs a host name; http://%s serves everybody without encryption", from, from)
	}
	if s.port == "" {
		s.port = map[string]string{"http": "80", "https": "443"}[s.scheme]
	}
	return s, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// parseUpstream reads --to into what to proxy to and the path of the MCP
// endpoint, /mcp unless the URL has another.
func parseUpstream(to string) (upstream, path string, err error) {
	if !strings.Contains(to, "://") {
		to = "http://" + to
	}
	u, err := url.Parse(to)
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https", strings.ContainsAny(u.Host, "{}\"` "):
		return "", "", usagef("--to: expected the URL of an MCP server, as http://127.0.0.1:9000/mcp")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return "", "", usagef("--to: expected a URL without user, query and fragment")
	}
	path = u.EscapedPath()
	if path == "" || path == "/" {
		path = "/mcp"
	}
	return u.Scheme + "://" + u.Host, path, nil
}

// caddyfile is the configuration that g runs.
func (g gateway) caddyfile(s site) (string, error) {
	store, err := quoted(g.store)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	line := func(depth int, format string, args ...any) {
		b.WriteString(strings.Repeat("\t", depth))
		fmt.Fprintf(&b, format, args...)
		b.WriteByte('\n')
	}
	line(0, "{")
	line(1, "admin %s", g.admin)
	line(1, "persist_config off")
	line(1, "grace_period 2s")
	level := "WARN"
	if g.debug {
		level = "DEBUG"
	}
	line(1, "log {")
	line(2, "level %s", level)
	line(1, "}")
	if s.scheme == "https" {
		line(1, "skip_install_trust") // of the internal authority, which would ask for a password
	} else {
		line(1, "servers {")
		line(2, "protocols h1")
		line(1, "}")
	}
	line(1, "mcp_token {")
	line(2, "store bbolt %s", store)
	line(1, "}")
	line(0, "}")
	line(0, "")
	if s.scheme == "http" {
		line(0, "http://:%s {", s.port)
	} else {
		line(0, "%s {", strings.TrimSuffix(site{scheme: s.scheme, host: s.host, port: s.port}.url(), "/"))
	}
	if s.bind != "" {
		line(1, "bind %s", s.bind)
	}
	if g.accessLog {
		line(1, "log {")
		line(2, "output stderr")
		line(1, "}")
	}
	g.writeRules(line)
	line(1, "reverse_proxy %s {", s.upstream)
	line(2, "header_up Host {upstream_hostport}")
	line(1, "}")
	line(0, "}")
	return b.String(), nil
}

// writeRules writes the directive mcp_token.
func (g gateway) writeRules(line func(depth int, format string, args ...any)) {
	if g.demo {
		line(1, "mcp_token {")
		for rule := range strings.Lines(strings.TrimSpace(demoRules)) {
			line(2, "%s", strings.TrimSpace(rule))
		}
		line(1, "}")
		return
	}
	if len(g.require) > 0 {
		line(1, "mcp_token require %s", strings.Join(g.require, " "))
		return
	}
	line(1, "mcp_token")
}

// quoted makes a Caddyfile token of a path.
func quoted(path string) (string, error) {
	// A brace begins a placeholder or a variable, even between quotes.
	if strings.ContainsAny(path, "{}\n\r") {
		return "", usagef("--store: a path with braces or line breaks can only be written in a configuration file")
	}
	return `"` + strings.ReplaceAll(path, `"`, `\"`) + `"`, nil
}
