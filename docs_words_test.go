package mcptoken_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/caddymodule"
	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

var fenced = regexp.MustCompile("(?ms)^```.*?^```$")

// mentions reports whether page has the word in code font in its text, perhaps
// with more before or behind it. What stands in blocks is not explained.
func mentions(page, word string) bool {
	for i, part := range strings.Split(fenced.ReplaceAllString(page, ""), "`") {
		if i%2 == 1 && slices.Contains(strings.FieldsFunc(part, func(c rune) bool { return strings.ContainsRune(" |\\", c) }), word) {
			return true
		}
	}
	return false
}

func TestThePageOfTheCaddyfileHasEveryWord(t *testing.T) {
	page := read(t, "docs/caddyfile.md")
	words := slices.Concat(
		members(reflect.TypeFor[caddymodule.App]()),
		members(reflect.TypeFor[caddymodule.Handler]()),
		members(reflect.TypeFor[caddymodule.AdminPage]()),
		[]string{string(policy.KindTool), string(policy.KindPrompt), string(policy.KindResource), string(policy.KindMethod)},
	)
	for _, word := range words {
		if word != "rules" && !mentions(page, word) {
			t.Errorf("%s is not there", word)
		}
	}
	for _, module := range caddy.Modules() {
		if strings.Contains(module, "mcp_token") && !mentions(page, module) {
			t.Errorf("the module %s is not there", module)
		}
		if strings.Contains(module, "mcp_token") && !strings.Contains(read(t, "xcaddy.md"), "\n"+module+"\n") {
			t.Errorf("xcaddy.md does not list %s", module)
		}
	}
}

var (
	logged = regexp.MustCompile(`(?m)^\| (?:debug|info|warn|error) \| (.*) \| .* \|$`)
	quoted = regexp.MustCompile("`([^`]+)`")
	fqName = regexp.MustCompile(`fqName: "(caddy_mcp_token_\w+)"`)
)

func TestThePageOfTheCaddyfileHasTheLogMessagesOfTheCode(t *testing.T) {
	files, err := filepath.Glob("caddymodule/*.go")
	if err != nil {
		t.Fatal(err)
	}
	code := ""
	for _, file := range files {
		code += read(t, file)
	}
	rows := logged.FindAllStringSubmatch(read(t, "docs/caddyfile.md"), -1)
	if len(rows) == 0 {
		t.Fatal("the table is gone")
	}
	for _, row := range rows {
		for _, message := range quoted.FindAllStringSubmatch(row[1], -1) {
			if !strings.Contains(code, strconv.Quote(message[1])) {
				t.Errorf("nothing logs %q", message[1])
			}
		}
	}
}

func TestThePageOfTheCaddyfileHasEveryMetric(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	if err := new(caddymodule.App).Provision(ctx); err != nil {
		t.Fatal(err)
	}
	descriptions := make(chan *prometheus.Desc, 100)
	ctx.GetMetricsRegistry().Describe(descriptions)
	close(descriptions)
	metrics := map[string]bool{}
	for d := range descriptions {
		if name := fqName.FindStringSubmatch(d.String()); name != nil {
			metrics[name[1]] = true
		}
	}
	page := read(t, "docs/caddyfile.md")
	for name := range metrics {
		if !mentions(page, name) {
			t.Errorf("%s is not there", name)
		}
	}
	for _, word := range regexp.MustCompile(`caddy_mcp_token_\w+`).FindAllString(page, -1) {
		if !metrics[word] {
			t.Errorf("there is no %s", word)
		}
	}
}

// members are the names of the JSON members of a struct, which are the words of
// the Caddyfile too.
func members(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous:
			names = append(names, members(field.Type)...)
		case field.IsExported() && name != "":
			names = append(names, name)
		}
	}
	return names
}

func TestThePageOfTokensHasEveryFieldAndRight(t *testing.T) {
	page := read(t, "docs/tokens.md")
	for _, word := range append(members(reflect.TypeFor[tokenstore.Record]()), tokenstore.Rights...) {
		if !mentions(page, word) {
			t.Errorf("%s is not there", word)
		}
	}
}

func TestThePageOfTheAdminAPIHasEveryEndpointAndParameter(t *testing.T) {
	store, err := bolt.Open(filepath.Join(t.TempDir(), "tokens.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	service, err := tokenstore.Open(t.Context(), store, tokenstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	api := adminapi.API{
		Service: func() (*tokenstore.Service, error) { return service, nil },
		Actor: func(*http.Request) (tokenstore.Actor, error) {
			return tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorCLI}}, nil
		},
	}
	answer := httptest.NewRecorder()
	api.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/openapi.json", nil))
	var document struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &document); err != nil || len(document.Paths) == 0 {
		t.Fatalf("no document: %v\n%s", err, answer.Body)
	}
	page := read(t, "docs/admin-api.md")
	for path, operations := range document.Paths {
		for method, operation := range operations {
			if !hasEndpoint(page, strings.ToUpper(method), strings.TrimPrefix(path, "/")) {
				t.Errorf("%s %s is not there", method, path)
			}
			for _, p := range operation.Parameters {
				if p.In != "path" && !mentions(page, p.Name) {
					t.Errorf("the parameter %s of %s %s is not there", p.Name, method, path)
				}
			}
		}
	}
}

// hasEndpoint reports whether a line of page begins with the method, among
// others, and has the path, among others.
func hasEndpoint(page, method, path string) bool {
	for line := range strings.Lines(page) {
		words := strings.Fields(line)
		n := slices.IndexFunc(words, func(w string) bool { return strings.ToUpper(w) != w })
		if n > 0 && slices.Contains(words[:n], method) && slices.Contains(words[n:], path) {
			return true
		}
	}
	return false
}

func TestThePageOfTheCommandLineHasEveryCommandAndFlag(t *testing.T) {
	page := read(t, "docs/cli.md")
	for _, name := range []string{"mcp-token", "mcp-gateway"} {
		command, ok := caddycmd.Commands()[name]
		if !ok {
			t.Fatalf("there is no command %s", name)
		}
		root := &cobra.Command{Use: name}
		command.CobraFunc(root)
		checkCommand(t, page, root)
	}
}

func checkCommand(t *testing.T, page string, c *cobra.Command) {
	t.Helper()
	if !c.Hidden && !mentions(page, c.Name()) {
		t.Errorf("%s is not there", c.CommandPath())
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		known := mentions(page, "--"+f.Name) || f.Shorthand != "" && mentions(page, "-"+f.Shorthand)
		if !known && !f.Hidden && f.Name != "help" {
			t.Errorf("--%s of %s is not there", f.Name, c.CommandPath())
		}
	})
	for _, sub := range c.Commands() {
		checkCommand(t, page, sub)
	}
}
