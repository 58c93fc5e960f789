package policy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/mcp"
	"github.com/mcptoken/caddy-mcp-token/policy"
)

// example is the block of docs/mcp-rules.md under heading, imported for blog.
func example(t *testing.T, heading string) *policy.Policy {
	t.Helper()
	page, err := os.ReadFile("../docs/mcp-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), heading+"\n")
	if !ok {
		t.Fatalf("no heading %q", heading)
	}
	_, block, _ := strings.Cut(section, "```caddyfile\n")
	block, _, _ = strings.Cut(block, "```")
	var lines []string
	for line := range strings.SplitSeq(block, "\n") {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "tool", "prompt", "resource", "method":
			lines = append(lines, strings.ReplaceAll(line, "{args[0]}", "blog"))
		case "", "#", "}", "mcp_token", "(django_admin_mcp)":
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	return compile(t, strings.Join(lines, "\n"))
}

func TestTheExamplesOfTheDocumentationSayWhatTheyMean(t *testing.T) {
	p := example(t, "# MCP rules")
	expect(t, p, holding(), call("list_article", ""), "blog.view_article")
	expect(t, p, holding(), call("publish", `{"draft":false}`), "blog.publish")
	expect(t, p, holding(), read("file:///srv/docs/../x"), "deny")

	p = example(t, "### django-admin-mcp")
	expect(t, p, holding(), call("bulk_article", `{"operation":"delete"}`), "blog.delete_article")
	expect(t, p, holding(), call("action_article", `{"action":"delete_selected"}`), "blog.delete_article")

	p = example(t, "### server-everything")
	const long = "trigger-long-running-operation"
	expect(t, p, holding("*"), call("get-env", "{}"), "deny")
	expect(t, p, holding(), call(long, "{}"), "demo.run")
	expect(t, p, holding(), call(long, `{"duration":31}`), "demo.interact")
	expect(t, p, holding(), call("gzip-file-as-resource", `{"data":"https://internal/"}`), "deny")
	expect(t, p, holding(), read("demo://resource/dynamic/blob/1"), "demo.blob")
	for tool, want := range map[string]bool{
		"echo": true, "get-annotated-message": true, "get-env": false, "get-resource-links": false, "get-resource-reference": false,
		"get-structured-content": true, "get-sum": true, "get-tiny-image": true, "gzip-file-as-resource": true,
		"toggle-simulated-logging": false, "toggle-subscriber-updates": false, long: true, "get-roots-list": false,
		"trigger-elicitation-request": false, "trigger-sampling-request": false, "simulate-research-query": false,
	} {
		if got := p.Lists(holding("demo.read", "demo.run"), mcp.Tools, tool); got != want {
			t.Errorf("%s: listed %v", tool, got)
		}
	}
	for template, want := range map[string]bool{"demo://resource/dynamic/text/{resourceId}": true, "demo://resource/dynamic/blob/{resourceId}": false} {
		if got := p.Lists(holding("demo.text"), mcp.ResourceTemplates, template); got != want {
			t.Errorf("%s: listed %v", template, got)
		}
	}
	if !p.Lists(holding(), mcp.Resources, "demo://resource/static/document/architecture.md") {
		t.Error("a static document is not listed")
	}

	p = example(t, "### server-filesystem")
	drop := holding("files.drop")
	expect(t, p, drop, call("write_file", `{"path":"/srv/files/inbox/a.txt","content":""}`), "allow")
	expect(t, p, drop, call("write_file", `{"path":"/srv/files/inbox/../a.txt","content":""}`), "files.write")
	expect(t, p, drop, call("write_file", `{"content":""}`), "deny")
	expect(t, p, drop, call("edit_file", `{"path":"/srv/files/inbox/a.txt"}`), "files.write")
	for _, tool := range []string{
		"read_file", "read_text_file", "read_media_file", "read_multiple_files", "write_file", "edit_file", "create_directory",
		"list_directory", "list_directory_with_sizes", "directory_tree", "move_file", "search_files", "get_file_info", "list_allowed_directories",
	} {
		if !p.Lists(holding("files.*"), mcp.Tools, tool) {
			t.Errorf("%s: not listed to a token that may do everything", tool)
		}
	}
}
