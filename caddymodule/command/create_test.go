package command

import (
	"encoding/json"
	"os/user"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

const day = 24 * time.Hour

func TestCreatePrintsTheSecretAloneOnStdout(t *testing.T) {
	s := newServer(t)
	r := s.run(t, "create", "Ada's laptop", "blog.view_article", "--permission", "blog.add_article")
	wantCode(t, r, 0, `Created token "Ada's laptop" (tok_`, "(in 90d)", "blog.add_article blog.view_article", "this once")
	secret, ok := strings.CutSuffix(r.stdout, "\n")
	if !ok || !s.accepts(secret) {
		t.Errorf("stdout is %q", r.stdout)
	}
	if strings.Contains(r.stderr, secret) {
		t.Error("the secret is on stderr too")
	}
	if u, err := user.Current(); err == nil && s.show(t, "Ada's laptop").User != u.Username {
		t.Errorf("the user is %q", s.show(t, "Ada's laptop").User)
	}

	r = s.run(t, "create", "quiet", "-q")
	if r.code != 0 || r.stderr != "" || !s.accepts(r.stdout) {
		t.Errorf("-q gives %q and %q", r.stdout, r.stderr)
	}
	r = s.run(t, "create", "nothing")
	wantCode(t, r, 0, "holds no permission yet")
}

func TestCreateTakesEveryField(t *testing.T) {
	s := newServer(t)
	s.must(t, "group", "create", "a, b", "blog.view_*")
	s.must(t, "create", "all", "x.y", "--group", "a, b", "--expires", "2100-01-01", "--user", "ada", "--description", "d",
		"--cidr", "10.0.0.0/8,192.0.2.1", "--audience", "intern", "--rate-limit", "60/m burst 5", "--disabled")
	got := s.show(t, "all")
	if got.User != "ada" || got.Description != "d" || got.Status != tokenstore.StatusDisabled ||
		!slices.Equal(got.Groups, []string{"a, b"}) || len(got.AllowedCIDRs) != 2 || !slices.Equal(got.Audiences, []string{"intern"}) ||
		deref(got.RateLimit) != "60/m burst 5" || exactTime(got.ExpiresAt) != "2100-01-01T00:00:00Z" {
		t.Errorf("the token is %+v", got)
	}
	s.must(t, "create", "for ever", "--expires", "never")
	if got := s.show(t, "for ever"); got.ExpiresAt != nil {
		t.Errorf("expires %v", got.ExpiresAt)
	}
}

func TestCreatePrintsAClientConfiguration(t *testing.T) {
	s := newServer(t)
	r := s.run(t, "create", "Ada's Laptop!", "--mcp-json", "http://127.0.0.1:8080/mcp")
	var config struct {
		MCPServers map[string]struct {
			Type, URL string
			Headers   map[string]string
		} `json:"mcpServers"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &config); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	server := config.MCPServers["ada-s-laptop"]
	secret, isBearer := strings.CutPrefix(server.Headers["Authorization"], "Bearer ")
	if server.Type != "http" || server.URL != "http://127.0.0.1:8080/mcp" || !isBearer || !s.accepts(secret) {
		t.Errorf("the configuration is %s", r.stdout)
	}
	wantCode(t, s.run(t, "create", "x", "--mcp-json", "127.0.0.1"), exitUsage, "--mcp-json needs the URL")
	if r := s.run(t, "show", "x"); r.code != exitFailed {
		t.Error("a token was made in spite of the wrong URL")
	}
}

func TestWrongValuesAreUsageErrorsThatNameTheField(t *testing.T) {
	s := newServer(t)
	s.must(t, "create", "taken")
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"create"}, exitUsage, "arg(s)"},
		{[]string{"create", "taken"}, exitFailed, "taken"},
		{[]string{"create", "bad\x1bname"}, exitUsage, "name"},
		{[]string{"create", "x", "--expires", "yesterday"}, exitUsage, "90d"},
		{[]string{"create", "x", "--expires", "2001-01-01"}, exitUsage, "expires_at"},
		{[]string{"create", "x", "view"}, exitUsage, "permissions"},
		{[]string{"create", "x", "--group", "none"}, exitUsage, "groups"},
		{[]string{"create", "x", "--cidr", "10.0.0.0/99"}, exitUsage, "allowed_cidrs"},
		{[]string{"list", "--status", "dead"}, exitUsage, "status must be one of active"},
		{[]string{"list", "--unused-for", "long"}, exitUsage, "unused_for must be a duration"},
		{[]string{"list", "--sort", "secret"}, exitUsage, "sort must be one of"},
		{[]string{"list", "--limit", "0"}, exitUsage, "--limit"},
		{[]string{"list", "extra"}, exitUsage, "extra"},
		{[]string{"list", "--all", "--limit", "3"}, exitUsage, "[all limit]"},
		{[]string{"list", "--output", "yaml"}, exitUsage, "table, json or csv"},
		{[]string{"update", "taken"}, exitUsage, "Nothing to change"},
		{[]string{"rotate", "taken", "--grace", "60d"}, exitUsage, "grace"},
		{[]string{"rotate", "taken", "--grace", "1h", "--finish"}, exitUsage, "finish"},
		{[]string{"rotate", "taken", "--finish"}, exitFailed, ""},
		{[]string{"show", "nobody"}, exitFailed, `no token with the id, key or name "nobody"`},
		{[]string{"group", "show", "nobody"}, exitFailed, `no group named "nobody"`},
		{[]string{"lst"}, exitUsage, "did you mean list?"},
		{[]string{"group", "lst"}, exitUsage, "unknown command lst"},
		{[]string{"list", "--nonsense"}, exitUsage, "--nonsense"},
		{[]string{"--adapter", "yaml", "list"}, exitUsage, "--adapter needs --config"},
	} {
		wantCode(t, s.run(t, tt.args...), tt.code, tt.want)
	}
}
