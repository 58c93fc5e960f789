package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestATokenIsFoundByIDKeyOrName(t *testing.T) {
	s := newServer(t)
	secret := s.must(t, "create", "Ada's laptop", "-q")
	s.must(t, "create", "looks-like-a-key", "-q")
	want := s.show(t, "Ada's laptop")
	for _, ref := range []string{
		want.ID, want.Key, "mcp_" + want.Key, "mcp_" + want.Key[:6] + "…", want.Key[:8] + "...", "Ada's laptop",
	} {
		if got := s.show(t, ref); got.ID != want.ID {
			t.Errorf("%s is %s", ref, got.Name)
		}
	}
	if got := s.show(t, "looks-like-a-key"); got.Name != "looks-like-a-key" {
		t.Errorf("found %s", got.Name)
	}
	// An ellipsis that leaves nothing names every token.
	wantCode(t, s.run(t, "show", "mcp_…"), exitFailed, "begins the keys of 2 tokens")
	wantCode(t, s.run(t, "show", "Ada"), exitFailed, "no token")
	r := s.run(t, "show", secret)
	wantCode(t, r, exitUsage, "whole secret")
	if strings.Contains(r.stderr, secret) {
		t.Error("the secret is repeated")
	}
}

func TestShowTellsEverythingButTheSecret(t *testing.T) {
	s := newServer(t)
	secret := s.must(t, "create", "ci", "blog.view_article", "--user", "ada", "--description", "the build", "-q")
	s.use(t, secret)
	out := s.must(t, "show", "ci")
	for _, want := range []string{
		"name         ci\n", "status       active\n", "user         ada\n", "description  the build\n", "(in 90d)\n",
		"from 192.0.2.7\n", "permissions  blog.view_article\n",
	} {
		if !strings.Contains(out+"\n", want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if strings.Contains(out, secret) || strings.Contains(out, strings.SplitN(secret, ".", 2)[1]) {
		t.Error("the secret is shown")
	}
}

func TestVerifyReadsTheSecretFromAPipeAFileOrTheTerminal(t *testing.T) {
	s := newServer(t)
	secret := s.must(t, "create", "x", "-q")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("Bearer "+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, r := range []result{
		s.with(t, invocation{stdin: secret + "\n"}, "verify"),
		s.with(t, invocation{stdin: secret}, "verify", "-"),
		s.with(t, invocation{stdin: secret, terminal: true}, "verify"),
		s.run(t, "verify", file),
	} {
		wantCode(t, r, 0)
		if !strings.Contains(r.stdout, "name         x\n") || strings.Contains(r.stdout+r.stderr, secret) {
			t.Errorf("verify says %s%s", r.stdout, r.stderr)
		}
	}
	r := s.run(t, "verify", secret)
	wantCode(t, r, exitUsage, "must not be an argument")
	if strings.Contains(r.stderr, secret) {
		t.Error("the secret is repeated")
	}
	wantCode(t, s.with(t, invocation{stdin: "nonsense"}, "verify"), exitFailed, "not a secret")
	wantCode(t, s.with(t, invocation{stdin: tokenstore.NewSecret().Reveal()}, "verify"), exitFailed, "no token")
	wantCode(t, s.run(t, "verify", filepath.Join(t.TempDir(), "none")), exitUsage)
	s.must(t, "disable", "x")
	wantCode(t, s.with(t, invocation{stdin: secret}, "verify"), exitFailed)
}
