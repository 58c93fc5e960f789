// Command caddy is Caddy with this module: the main that xcaddy would
// generate, and a demo for mcp-gateway to run.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/mcptoken/caddy-mcp-token"
	"github.com/mcptoken/caddy-mcp-token/caddymodule/command"
	"github.com/mcptoken/caddy-mcp-token/cmd/caddy/blog"
)

func main() {
	command.Demo = blog.Start
	caddycmd.Main()
}
