//go:build clients

package adminapi

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/policy"
)

// The generator and the runtime of its clients stay out of this module: the
// client is a module of its own, made in a temporary folder.
const (
	generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"
	runtime   = "github.com/oapi-codegen/runtime@v1.8.0"
)

// TestAClientGeneratedFromTheDocumentWorks needs the Go module proxy, once.
func TestAClientGeneratedFromTheDocumentWorks(t *testing.T) {
	g := start(t)
	g.route("", policy.Config{Name: "blog", Require: []string{"blog.view_article"}})
	program, err := os.ReadFile("testdata/client/main.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := errors.Join(
		os.Mkdir(filepath.Join(dir, "api"), 0o700),
		os.WriteFile(filepath.Join(dir, "openapi.json"), g.want(200, "GET", "/openapi.json", "").text, 0o600),
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.test/client\n\ngo 1.26\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "main.go"), program, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"run", generator, "-generate", "types,client", "-package", "api", "-o", "api/api.go", "openapi.json"},
		{"get", runtime},
		{"mod", "tidy"},
		{"vet", "./..."},
		{"run", ".", g.url},
	} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}
}
