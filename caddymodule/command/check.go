package command

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

const checkExample = `  # May this token call that tool?
  caddy mcp-token check "Ada's laptop" --tool delete_article --arguments '{"id": 1}'

  # May it reach that path of that route at all?
  caddy mcp-token check ci --route blog --method GET --path /mcp

  # A whole message, as a client sends it
  caddy mcp-token check ci --message call.json`

// verdict is what the gateway would decide.
type verdict struct {
	Decision string   `json:"decision"`
	Reason   string   `json:"reason"`
	Rule     string   `json:"rule"`
	Required []string `json:"required"`
	Missing  []string `json:"missing"`
	Any      bool     `json:"any"`
	Route    string   `json:"route"`
}

func (c *cli) checkCommand() *cobra.Command {
	var (
		route, method, path, from string
		message                   messageFlags
	)
	cmd := &cobra.Command{
		Use:   "check <token>",
		Short: "Says what the gateway would decide, and why",
		Long: `Says what the running gateway would decide about a request of a token, by which
rule, and which permission is missing. Nothing is sent anywhere, and no use of the
token is recorded.

Exits with 0 if the request would be allowed, with 1 if not.`,
		Example:           checkExample,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeTokens,
		RunE: c.run(func(ctx context.Context, args []string) error {
			text, err := message.text(c.stdin)
			if err != nil {
				return err
			}
			api, err := c.connect(ctx, false)
			if err != nil {
				return err
			}
			defer api.close()
			t, err := find(ctx, api, args[0])
			if err != nil {
				return err
			}
			body := map[string]any{"id": t.ID, "method": method, "path": path, "route": route, "address": from}
			maps.DeleteFunc(body, func(_ string, value any) bool { return isEmpty(value) })
			if text != nil {
				body["message"] = text
			}
			var v verdict
			ans, err := api.call(ctx, post(body, "check"), &v)
			if err != nil {
				return err
			}
			if err := c.writeVerdict(v, ans.body); err != nil {
				return err
			}
			if v.Decision != "allow" {
				return &failure{code: exitFailed}
			}
			return nil
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&route, "route", "", "`Name` of the route, as \"route list\" shows it; not needed if there is only one")
	flags.StringVar(&method, "method", "", "HTTP `method` (default POST)")
	flags.StringVar(&path, "path", "", "`Path` of the request")
	flags.StringVar(&from, "from", "", "IP `address` that the request comes from")
	message.addFlags(cmd)
	return cmd
}

func (c *cli) writeVerdict(v verdict, raw []byte) error {
	switch c.output {
	case asJSON:
		return c.writeJSON(raw)
	case asCSV:
		text := func(name string, value string) column[verdict] {
			return column[verdict]{name: name, exact: func(verdict) string { return value }}
		}
		return writeCSV(c.stdout, []column[verdict]{
			text("decision", v.Decision), text("reason", v.Reason), text("rule", v.Rule), text("route", v.Route),
			text("required", strings.Join(v.Required, " ")), text("missing", strings.Join(v.Missing, " ")),
		}, []verdict{v})
	}
	required := "required"
	if v.Any {
		required = "one of"
	}
	return c.writeFacts([]fact{
		{"decision", v.Decision},
		{"reason", v.Reason},
		{"route", v.Route},
		{"rule", v.Rule},
		{required, strings.Join(v.Required, " ")},
		{"missing", strings.Join(v.Missing, " ")},
	})
}

// messageFlags make an MCP message: from one of the forms in which a person
// names a call, or from a file.
type messageFlags struct {
	tool, prompt, resource, mcpMethod string
	arguments, file                   string
}

func (m *messageFlags) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&m.tool, "tool", "", "Call this `tool`")
	flags.StringVar(&m.arguments, "arguments", "", "`JSON` object of the tool's arguments")
	flags.StringVar(&m.prompt, "prompt", "", "Get this `prompt`")
	flags.StringVar(&m.resource, "resource", "", "Read the resource with this `URI`")
	flags.StringVar(&m.mcpMethod, "mcp-method", "", "Call this MCP `method`, as tools/list")
	flags.StringVar(&m.file, "message", "", "`File` with a whole MCP message; - for standard input")
	cmd.MarkFlagsMutuallyExclusive("tool", "prompt", "resource", "mcp-method", "message")
}

// text is the message, nil if none is asked for.
func (m *messageFlags) text(stdin io.Reader) (json.RawMessage, error) {
	if m.arguments != "" && m.tool == "" {
		return nil, usagef("--arguments needs --tool")
	}
	switch {
	case m.tool != "":
		params := map[string]any{"name": m.tool, "arguments": json.RawMessage("{}")}
		if m.arguments != "" {
			var object map[string]any
			if err := json.Unmarshal([]byte(m.arguments), &object); err != nil {
				return nil, usagef("--arguments must be a JSON object: %v", err)
			}
			params["arguments"] = json.RawMessage(m.arguments)
		}
		return call("tools/call", params), nil
	case m.prompt != "":
		return call("prompts/get", map[string]any{"name": m.prompt}), nil
	case m.resource != "":
		return call("resources/read", map[string]any{"uri": m.resource}), nil
	case m.mcpMethod != "":
		return call(m.mcpMethod, map[string]any{}), nil
	case m.file != "":
		return readMessage(m.file, stdin)
	}
	return nil, nil
}

func call(method string, params map[string]any) json.RawMessage {
	text, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	return text
}

func readMessage(file string, stdin io.Reader) (json.RawMessage, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(stdin, 1<<20))
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, usagef("%v", err)
	}
	if !json.Valid(text) {
		return nil, usagef("--message: %s is not JSON", file)
	}
	return text, nil
}
