// Command caddy is Caddy with this module: the main that xcaddy would
// generate.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/mcptoken/caddy-mcp-token"
)

func main() {
	caddycmd.Main()
}
