package mcptoken_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/mcptoken/caddy-mcp-token"
)

// block is a fenced block of a page. Blocks of the language caddyfile are
// configurations or parts of one; grammars stand in blocks without language.
type block struct {
	page, text string
	line       int
}

// pages are the files of the documentation.
func pages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return append(files, "README.md", "xcaddy.md")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the blocks of a page in that language.
func blocks(t *testing.T, page, language string) []block {
	t.Helper()
	var all []block
	var text []string
	begun := 0 // line on which the block began; 0 outside
	wanted := false
	for i, line := range strings.Split(read(t, page), "\n") {
		switch info, fence := strings.CutPrefix(line, "```"); {
		case fence && begun == 0:
			begun, wanted, text = i+1, info == language, nil
		case fence:
			if wanted {
				all = append(all, block{page, strings.Join(text, "\n") + "\n", begun})
			}
			begun = 0
		default:
			text = append(text, line)
		}
	}
	if begun != 0 {
		t.Fatalf("%s:%d: the block does not end", page, begun)
	}
	return all
}

// config makes a whole Caddyfile of a block. What its first word is says what
// is missing around it: rules stand in a directive, a directive in a site. The
// snippets that the page has shown by then come before it; a snippet by itself
// is imported for the app blog, in a directive.
func (b block) config(snippets string) string {
	const site = "http://docs.invalid {\n%s\trespond done\n}\n"
	body := strings.TrimSpace(b.text)
	first, _, _ := strings.Cut(strings.TrimLeft(withoutComments(body), "\n\t "), " ")
	switch {
	case strings.HasPrefix(first, "("):
		name, _, _ := strings.Cut(first[1:], ")")
		return b.text + fmt.Sprintf(site, "\tmcp_token {\n\t\timport "+name+" blog\n\t}\n")
	case first == "mcp_token" || first == "mcp_token_admin":
		return snippets + fmt.Sprintf(site, b.text)
	case first == "tool" || first == "prompt" || first == "resource" || first == "method":
		return snippets + fmt.Sprintf(site, "mcp_token {\n"+b.text+"}\n")
	}
	return b.text
}

var comment = regexp.MustCompile(`(?m)^\s*#.*$`)

func withoutComments(text string) string { return comment.ReplaceAllString(text, "") }

func TestEveryCaddyfileOfTheDocumentationIsValid(t *testing.T) {
	t.Setenv("UPSTREAM", "secret")
	for _, page := range pages(t) {
		snippets := ""
		for _, b := range blocks(t, page, "caddyfile") {
			t.Run(fmt.Sprintf("%s:%d", page, b.line), func(t *testing.T) {
				validate(t, b.config(snippets))
			})
			if strings.HasPrefix(b.text, "(") {
				snippets += b.text
			}
		}
	}
	t.Run("Caddyfile.example", func(t *testing.T) {
		validate(t, read(t, "Caddyfile.example"))
	})
}

// validate does what "caddy validate" does.
func validate(t *testing.T, text string) {
	t.Helper()
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") { // parts of a file are not
			t.Errorf("warning: %s, line %d\n%s", w.Message, w.Line, text)
		}
	}
	var config caddy.Config
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	config.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{Level: "ERROR"}}}}
	if err := caddy.Validate(&config); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestEveryLinkOfTheDocumentationLeadsSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(read(t, page), -1) {
			target, heading, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", page, err)
			} else if heading != "" && !hasHeading(read(t, file), heading) {
				t.Errorf("%s: %s has no heading #%s", page, file, heading)
			}
		}
	}
}

// hasHeading reports whether text has a heading with that anchor.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			if strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-") == anchor {
				return true
			}
		}
	}
	return false
}

var (
	named    = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")
	declared = regexp.MustCompile(`(?m)^func (Test[A-Z][A-Za-z0-9]*)\(t \*testing\.T\)`)
)

func TestEveryTestThatTheDocumentationNamesExists(t *testing.T) {
	tests := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		for _, match := range declared.FindAllStringSubmatch(read(t, path), -1) {
			tests[match[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages(t) {
		for _, match := range named.FindAllStringSubmatch(read(t, page), -1) {
			if !tests[match[1]] {
				t.Errorf("%s names %s, which no package has", page, match[1])
			}
		}
	}
}
