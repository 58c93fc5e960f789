package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/mcptoken/caddy-mcp-token/caddymodule"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// demoRules are the rules of the demo: those for django-admin-mcp's tools, and
// the same for what else its server has.
const demoRules = "" +
	"name blog\n" +
	"tool find_models allow\n" +
	"tool list_* get_* describe_* actions_* related_* history_* autocomplete_* require blog.view_{1}\n" +
	"tool create_* require blog.add_{1}\n" +
	"tool update_* require blog.change_{1}\n" +
	"tool delete_* require blog.delete_{1}\n" +
	"tool action_* where `args.action == \"delete_selected\"` require blog.delete_{1}\n" +
	"tool action_* require blog.change_{1}\n" +
	"tool bulk_* where `args.operation == \"create\"` require blog.add_{1}\n" +
	"tool bulk_* where `args.operation == \"update\"` require blog.change_{1}\n" +
	"tool bulk_* where `args.operation == \"delete\"` require blog.delete_{1}\n" +
	"resource blog://article/* require blog.view_article\n" +
	"prompt summarize_article require blog.view_article\n" +
	"method logging/setLevel allow\n"

// welcome says where the gateway is and how to get in.
func (c *cli) welcome(ctx context.Context, g gateway, s site) error {
	loaded, err := caddy.ActiveContext().AppIfConfigured("mcp_token")
	if err != nil {
		return failedf("%v.", err)
	}
	service, err := loaded.(*caddymodule.App).Service()
	if err != nil {
		return failedf("%v.", err)
	}
	w := &strings.Builder{}
	tokens := service.Stats().Total
	manage := func(command string) string {
		return program() + " mcp-token " + command + g.addressFlag()
	}
	fmt.Fprintf(w, "Gateway  %s\n", s.url())
	if !g.demo {
		fmt.Fprintf(w, "Server   %s\n", s.upstream)
	}
	fmt.Fprintf(w, "Tokens   %s\nAdmin    %s\n\n", g.store, g.admin)
	if s.exposed() {
		fmt.Fprintf(w, "Warning: this address is served without encryption; tokens can be read on the network.\n\n")
	}
	switch {
	case g.demo && tokens == 0:
		if err := demoTokens(ctx, w, service, s); err != nil {
			return err
		}
	case g.demo:
		fmt.Fprintf(w, "The demo's tokens exist and were shown when they were made; they are not shown again.\n"+
			"Another secret:  %s\nA new beginning: stop this and delete %s\n", manage(`rotate "`+demoReader+`"`), g.store)
	case tokens == 0:
		fmt.Fprintf(w, "There is no token yet. The first one:  %s\n",
			manage(`create "my laptop"`+permissionArguments(g.require)+" --mcp-json "+s.url()))
	default:
		fmt.Fprintf(w, "Tokens: %d.  %s\n", tokens, manage("list"))
	}
	if g.demo {
		fmt.Fprintf(w, "Manage tokens:   %s\n", manage("list"))
	}
	fmt.Fprintf(w, "Stop:            Ctrl-C\n")
	_, err = fmt.Fprint(c.stdout, w)
	return err
}

// addressFlag is how mcp-token finds this gateway; empty where it does by itself.
func (g gateway) addressFlag() string {
	if g.admin == caddy.DefaultAdminListen {
		return ""
	}
	return " --address " + g.admin
}

func permissionArguments(permissions []string) string {
	if len(permissions) == 0 {
		return ""
	}
	return " " + strings.Join(permissions, " ")
}

// The names of the demo's tokens.
const (
	demoReader = "demo reader"
	demoEditor = "demo editor"
)

// demoTokens makes the demo's tokens and writes how to use them, secrets and
// all: the only time that these are seen.
func demoTokens(ctx context.Context, w *strings.Builder, service *tokenstore.Service, s site) error {
	actor := tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorSystem, Name: "mcp-gateway --demo"}}
	make := func(name, permission string) (string, error) {
		_, secret, err := service.CreateToken(ctx, actor, tokenstore.NewToken{
			Name: name, Description: "made by mcp-gateway --demo", Permissions: []string{permission},
		})
		if err != nil {
			return "", failedf("Making the token %q: %v.", name, err)
		}
		return secret.Reveal(), nil
	}
	reader, err := make(demoReader, "blog.view_*")
	if err != nil {
		return err
	}
	editor, err := make(demoEditor, "blog.*")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Two tokens, valid for 90 days and shown this once:\n\n"+
		"  reader  %s  may read\n"+
		"  editor  %s  may also create, change and delete\n\n", reader, editor)
	fmt.Fprintf(w, "Refused, because a reader may not delete:\n\n%s\n", curl(s.url(), reader, "delete_article", `{"id":1}`))
	fmt.Fprintf(w, "Works:\n\n%s\n", curl(s.url(), reader, "list_article", `{}`))
	config, err := indented(mcpServers("blog", s.url(), reader))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "To connect a client, put this into its .mcp.json:\n\n%s\n", config)
	fmt.Fprintf(w, "Or run one of these, in Claude Code, Gemini CLI or Codex:\n\n")
	for _, command := range clientCommands("blog", s.url(), reader) {
		fmt.Fprintf(w, "  %s\n", command)
	}
	fmt.Fprintln(w)
	return nil
}

// curl is a command line that calls a tool.
func curl(url, secret, tool, arguments string) string {
	return fmt.Sprintf("  curl -sS -w '\\n' %s -H 'Authorization: Bearer %s' \\\n"+
		"    -H 'Content-Type: application/json' \\\n"+
		`    -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":%s}}'`+"\n",
		url, secret, tool, arguments)
}
