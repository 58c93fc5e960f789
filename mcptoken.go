// Package mcptoken is the module's root: importing it, as xcaddy does, adds
// the token gateway for MCP servers to Caddy.
package mcptoken

import (
	// The app, the handlers, the admin API and the commands register themselves.
	_ "github.com/mcptoken/caddy-mcp-token/caddymodule"
	_ "github.com/mcptoken/caddy-mcp-token/caddymodule/command"
)
