// Package process builds the project's binary and runs it, for the black-box
// tests and the benchmark. It knows files, ports and signals; what the binary
// should answer is its users' business.
package process

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// Build compiles cmd/caddy into dir and returns the path of the binary.
func Build(dir string, race bool) (string, error) {
	binary := filepath.Join(dir, "caddy")
	args := []string{"build", "-o", binary}
	if race {
		args = append(args, "-race")
	}
	args = append(args, "github.com/mcptoken/caddy-mcp-token/cmd/caddy")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}
