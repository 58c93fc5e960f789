package caddymodule

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddytest"

	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

var update = flag.Bool("update", false, "write what the adapter says into the golden files")

func TestACaddyfileAdaptsToTheGoldenConfig(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source, want, found := strings.Cut(string(content), "----------\n")
			if !found {
				t.Fatal("no line of dashes")
			}
			if *update {
				updateGolden(t, file, source)
				return
			}
			if !caddytest.CompareAdapt(t, file, source, "caddyfile", strings.TrimSuffix(want, "\n")) {
				t.Error("adapts to another config; run with -update and look at the difference")
			}
		})
	}
}

func updateGolden(t *testing.T, file, source string) {
	t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), nil)
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, config, "", "\t"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(source+"----------\n"+pretty.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrongInACaddyfileIsSaidWithItsLine(t *testing.T) {
	tests := []struct{ name, directive, want string }{
		{"unknown word on the line", "mcp_token requires a.b", "unrecognized subdirective 'requires': expected " + handlerWords + ", at Caddyfile:2"},
		{"unknown word in the block", "mcp_token {\n requier a.b\n}", "unrecognized subdirective 'requier': expected " + handlerWords + ", at Caddyfile:3"},
		{"require without permission", "mcp_token require", "wrong argument count or unexpected line ending after 'require', at Caddyfile:2"},
		{"wildcard in a requirement", "mcp_token require blog.*", "at Caddyfile:2"},
		{"not a permission", "mcp_token require view", "at Caddyfile:2"},
		{"second value", "mcp_token {\n realm a b\n}", "wrong argument count or unexpected line ending after 'b', at Caddyfile:3"},
		{"set twice", "mcp_token {\n realm a\n realm b\n}", "realm is set twice, at Caddyfile:4"},
		{"set on the line and in the block", "mcp_token realm a {\n realm b\n}", "realm is set twice, at Caddyfile:3"},
		{"empty text", "mcp_token {\n audience \"\"\n}", "expected a text that is not empty, at Caddyfile:3"},
		{"switch", "mcp_token {\n identity_headers yes\n}", "unexpected 'yes': expected identity_headers on or identity_headers off, at Caddyfile:3"},
		{"rule without effect", "mcp_token {\n tool a_*\n}", "unexpected end of the tool rule: expected require <permission...>, allow or deny, at Caddyfile:3"},
		{"rule without glob", "mcp_token {\n tool require a.b\n}", "the tool rule names nothing: expected a glob before 'require', at Caddyfile:3"},
		{"rule that requires nothing", "mcp_token {\n tool x require\n}", "wrong argument count or unexpected line ending after 'require', at Caddyfile:3"},
		{"rule that goes on", "mcp_token {\n prompt x allow deny\n}", "unexpected 'deny' after allow, at Caddyfile:3"},
		{"two conditions", "mcp_token {\n tool x where a where b allow\n}", "a tool rule has one where, at Caddyfile:3"},
		{"condition without quotes", "mcp_token {\n tool x where args.a == 1 allow\n}", "unexpected '==' after where: expected require <permission...>, allow or deny, at Caddyfile:3"},
		{"form of denials", "mcp_token {\n deny_as text\n}", "unexpected 'text': expected deny_as http, jsonrpc or tool_result, at Caddyfile:3"},
		{"flag with a value", "mcp_token {\n hide_denied on\n}", "wrong argument count or unexpected line ending after 'on', at Caddyfile:3"},
		{"size", "mcp_token {\n max_body big\n}", "unexpected 'big': expected max_body and a size of at most 1GiB, as 4MiB, at Caddyfile:3"},
		{"size beyond memory", "mcp_token {\n max_body 2GiB\n}", "expected max_body and a size of at most 1GiB, as 4MiB, at Caddyfile:3"},
		{"origin with a path", "mcp_token {\n allowed_origins https://a.example.com/\n}", "\"https://a.example.com/\" is not an origin: expected a scheme and a host, as https://app.example.com, or *, at Caddyfile:3"},
		{"issuer in the clear", "mcp_token {\n authorization_servers http://a.example.com\n}", "\"http://a.example.com\" is not an issuer: expected an https URL without query and fragment, at Caddyfile:3"},
		{"rate", "mcp_token {\n rate_limit 60\n}", "at Caddyfile:3"},
		{"rate with a burst of what", "mcp_token {\n rate_limit 60/m burst\n}", "at Caddyfile:3"},
		{"no rate", "mcp_token {\n auth_failure_limit\n}", "wrong argument count or unexpected line ending after 'auth_failure_limit', at Caddyfile:3"},
		{"number of streams", "mcp_token {\n max_streams 0\n}", "unexpected '0': expected max_streams and a number from 1, at Caddyfile:3"},
		{"condition missing", "mcp_token {\n tool x where\n}", "expected an expression, in backquotes, after where, at Caddyfile:3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantAdaptError(t, "http://127.0.0.1:8080 {\n"+tt.directive+"\n}\n", tt.want)
		})
	}
}

func TestWhatIsWrongInTheGlobalOptionIsSaidWithItsLine(t *testing.T) {
	tests := []struct{ name, option, want string }{
		{"argument", "mcp_token x", "wrong argument count or unexpected line ending after 'x', at Caddyfile:2"},
		{"unknown word", "mcp_token {\n stoer bbolt\n}", "unrecognized option 'stoer': expected store, default_expiry, max_expiry, last_used_flush or audit_retention, at Caddyfile:3"},
		{"unknown store", "mcp_token {\n store sqlite x\n}", "unknown store 'sqlite': expected bbolt"},
		{"two paths", "mcp_token {\n store bbolt a b\n}", "wrong argument count or unexpected line ending after 'b', at Caddyfile:3"},
		{"block of bbolt", "mcp_token {\n store bbolt a {\n  size 3\n }\n}", "unrecognized subdirective 'size': store bbolt takes a path and no block, at Caddyfile:4"},
		{"no store", "mcp_token {\n store\n}", "wrong argument count or unexpected line ending after 'store', at Caddyfile:3"},
		{"not a duration", "mcp_token {\n default_expiry ninety\n}", "at Caddyfile:3"},
		{"no duration", "mcp_token {\n max_expiry 0\n}", "max_expiry must be longer than zero, at Caddyfile:3"},
		{"set twice", "mcp_token {\n max_expiry 1d\n max_expiry 2d\n}", "max_expiry is set twice, at Caddyfile:4"},
		{"option twice", "mcp_token {\n}\nmcp_token {\n}", "the global option mcp_token is set twice, at Caddyfile:4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantAdaptError(t, "{\n"+tt.option+"\n}\n", tt.want)
		})
	}
}

func wantAdaptError(t *testing.T, source, want string) {
	t.Helper()
	_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), map[string]any{"filename": "Caddyfile"})
	if err == nil {
		t.Fatal("is accepted")
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error is\n%v\nwant in it\n%s", err, want)
	}
}
