package tokenstore_test

import (
	"os/exec"
	"strings"
	"testing"
)

func TestTheStoreKnowsNeitherHTTPNorCaddy(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".", "./bolt").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if name == "net/http" || strings.HasPrefix(name, "github.com/caddyserver/") || strings.HasSuffix(name, "/caddy-mcp-token/mcp") {
			t.Errorf("imports %s", name)
		}
	}
}
