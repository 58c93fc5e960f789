package command

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// masked hides what differs from run to run.
func masked(s string) string {
	s = regexp.MustCompile(`mcp_[\w-]{6}…`).ReplaceAllString(s, "mcp_KEYKEY…")
	s = regexp.MustCompile(`tok_[\w-]{16}`).ReplaceAllString(s, "tok_IDIDIDIDIDIDIDID")
	s = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(s, "TIME")
	return s
}

func TestListIsATableForPeople(t *testing.T) {
	s := newServer(t)
	s.must(t, "group", "create", "readers", "blog.view_*")
	s.must(t, "group", "create", "a group whose name is as long as that of a whole department", "blog.*")
	s.use(t, s.must(t, "create", "ci", "--group", "readers", "-q"))
	s.must(t, "create", "Ada's laptop", "blog.view_article", "--expires", "12d")
	s.must(t, "create", "日本語のなまえ", "--expires", "never", "--disabled")
	s.must(t, "create", "a name that says at great length what the token is for, where it is used and by whom it was asked for",
		"--group", "readers", "--group", "a group whose name is as long as that of a whole department")

	r := s.with(t, invocation{later: 3*day + time.Minute}, "list")
	lines := strings.Split(masked(r.stdout), "\n")
	if len(lines) != 6 || r.code != 0 {
		t.Fatalf("exit %d:\n%s", r.code, r.stdout)
	}
	if diff := cmp.Diff(strings.TrimPrefix(goldenList, "\n"), masked(r.stdout)); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
	for _, line := range lines {
		if n := cells(line); n > 100 {
			t.Errorf("%d cells: %s", n, line)
		}
	}
}

const goldenList = `
KEY          NAME                     STATUS    GROUPS                   CREATED  LAST USED  EXPIRES
mcp_KEYKEY…  a name that says at gr…  active    a group whose name is …  3d ago   never      in 86d
mcp_KEYKEY…  日本語のなまえ           disabled  -                        3d ago   never      never
mcp_KEYKEY…  Ada's laptop             active    -                        3d ago   never      in 8d
mcp_KEYKEY…  ci                       active    readers                  3d ago   3d ago     in 86d
`

func TestListSaysNothingOnStdoutWhenNothingMatches(t *testing.T) {
	s := newServer(t)
	r := s.run(t, "list", "--status", "expired")
	wantCode(t, r, 0, "No tokens match.")
	if r.stdout != "" {
		t.Errorf("stdout is %q", r.stdout)
	}
	if r := s.run(t, "list", "-o", "json"); r.stdout != "[]\n" || r.stderr != "" {
		t.Errorf("JSON is %q, %q", r.stdout, r.stderr)
	}
	wantCode(t, s.run(t, "list", "--fail-if-any"), 0)
}

func TestListFiltersSortsAndFailsForCron(t *testing.T) {
	s := newServer(t)
	s.must(t, "group", "create", "readers", "blog.view_*")
	used := s.must(t, "create", "b used", "--group", "readers", "--user", "ada", "-q")
	s.use(t, used)
	s.must(t, "create", "a soon", "shop.view_order", "--expires", "3d")
	s.must(t, "create", "c off", "--disabled")
	names := func(args ...string) []string {
		t.Helper()
		var tokens []tokenstore.Record
		if err := json.Unmarshal([]byte(s.must(t, append([]string{"list", "-o", "json"}, args...)...)), &tokens); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, token := range tokens {
			out = append(out, token.Name)
		}
		return out
	}
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"c off", "a soon", "b used"}},
		{[]string{"--sort", "name"}, []string{"a soon", "b used", "c off"}},
		{[]string{"--sort", "-name", "--limit", "1"}, []string{"c off"}},
		{[]string{"--status", "disabled"}, []string{"c off"}},
		{[]string{"--expiring-within", "7d"}, []string{"a soon"}},
		{[]string{"--never-used", "--sort", "name"}, []string{"a soon", "c off"}},
		{[]string{"--unused-for", "1d"}, nil},
		{[]string{"--group", "readers"}, []string{"b used"}},
		{[]string{"--permission", "blog.view_article"}, []string{"b used"}},
		{[]string{"--user", "ada"}, []string{"b used"}},
		{[]string{"--search", "SOON"}, []string{"a soon"}},
	} {
		if got := names(tt.args...); !slices.Equal(got, tt.want) {
			t.Errorf("%v lists %q, want %q", tt.args, got, tt.want)
		}
	}
	r := s.run(t, "list", "--expiring-within", "7d", "--fail-if-any")
	wantCode(t, r, exitMatched)
	if !strings.Contains(r.stdout, "a soon") || r.stderr != "" {
		t.Errorf("--fail-if-any says %q and %q", r.stdout, r.stderr)
	}
	if got, want := s.must(t, "list", "-q", "--search", "soon"), s.show(t, "a soon").ID; got != want {
		t.Errorf("-q lists %q, want %q", got, want)
	}
	wantCode(t, s.run(t, "list", "--limit", "2"), 0, "2 of 3 tokens; --all lists the rest.")
}

func TestListAllGoesThroughThePages(t *testing.T) {
	s := newServer(t)
	for i := range 203 {
		if _, _, err := s.service.CreateToken(t.Context(), tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorSystem}},
			tokenstore.NewToken{Name: fmt.Sprintf("token %03d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	ids := strings.Fields(s.must(t, "list", "--all", "-q"))
	if len(ids) != 203 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 203 {
		t.Errorf("%d ids", len(ids))
	}
	if n := len(strings.Fields(s.must(t, "list", "--limit", "201", "-q"))); n != 201 {
		t.Errorf("%d ids for --limit 201", n)
	}
}

func TestCSVHasExactValuesAndNoFormulas(t *testing.T) {
	s := newServer(t)
	s.must(t, "create", "=cmd()", "--description", "@SUM(A1),\"quoted\"", "--expires", "2100-01-01", "a.b", "c.d")
	rows, err := csv.NewReader(strings.NewReader(s.must(t, "list", "-o", "csv"))).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v: %v", rows, err)
	}
	got := map[string]string{}
	for i, name := range rows[0] {
		got[name] = rows[1][i]
	}
	for name, want := range map[string]string{
		"name": "'=cmd()", "description": `'@SUM(A1),"quoted"`, "expires_at": "2100-01-01T00:00:00Z",
		"last_used_at": "", "status": "active", "permissions": "a.b c.d",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if len(got["key"]) != 16 || !strings.HasPrefix(got["id"], "tok_") {
		t.Errorf("key %q, id %q", got["key"], got["id"])
	}
}

func TestAStatusIsColouredOnATerminalOnly(t *testing.T) {
	s := newServer(t)
	s.must(t, "create", "x")
	if out := s.must(t, "list"); strings.Contains(out, "\x1b") {
		t.Errorf("%q", out)
	}
	if r := s.with(t, invocation{colour: true}, "list"); !strings.Contains(r.stdout, "\x1b[32mactive\x1b[0m") {
		t.Errorf("%q", r.stdout)
	}
}

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

func TestUpdateChangesWhatFlagsName(t *testing.T) {
	s := newServer(t)
	s.must(t, "group", "create", "readers")
	s.must(t, "group", "create", "writers")
	s.must(t, "create", "x", "a.b", "c.d", "--group", "readers", "--cidr", "10.0.0.0/8", "--description", "old")
	s.must(t, "update", "x", "--add-permission", "e.f", "--remove-permission", "a.b", "--add-group", "writers",
		"--remove-group", "readers", "--name", "y", "--expires", "never")
	got := s.show(t, "y")
	if !slices.Equal(got.Permissions, []string{"c.d", "e.f"}) || !slices.Equal(got.Groups, []string{"writers"}) ||
		got.ExpiresAt != nil || got.Description != "old" || len(got.AllowedCIDRs) != 1 {
		t.Errorf("%+v", got)
	}
	s.must(t, "update", "y", "--permission", "", "--cidr", "", "--description", "", "--expires", "10d")
	got = s.show(t, "y")
	if len(got.Permissions) != 0 || len(got.AllowedCIDRs) != 0 || got.Description != "" || relative(got.ExpiresAt, time.Now()) != "in 10d" {
		t.Errorf("%+v", got)
	}
}

func TestAnEditThatCameInBetweenIsNotLost(t *testing.T) {
	s := newServer(t)
	s.must(t, "create", "x", "a.b")
	var once bool
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && !once {
			once = true
			words := []string{"a.b", "other.edit"}
			if _, err := s.service.UpdateToken(t.Context(), tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorSystem}},
				strings.TrimPrefix(r.URL.Path, apiPrefix+"/tokens/"), 0, tokenstore.TokenPatch{Permissions: &words}); err != nil {
				t.Error(err)
			}
		}
		return false
	}
	s.must(t, "update", "x", "--add-permission", "my.edit")
	if got := s.show(t, "x").Permissions; !slices.Equal(got, []string{"a.b", "my.edit", "other.edit"}) {
		t.Errorf("permissions are %v", got)
	}
}

func TestRotateShowsTheNewSecretAndTheGraceOfTheOld(t *testing.T) {
	s := newServer(t)
	old := s.must(t, "create", "x", "-q")
	r := s.run(t, "rotate", "x", "--grace", "24h", "--expires", "30d")
	wantCode(t, r, 0, "Rotated token", "The old secret works until", "(in 24h)", "(in 30d)")
	if !s.accepts(r.stdout) || !s.accepts(old) {
		t.Error("one of the two secrets is refused")
	}
	if out := s.must(t, "show", "x"); !strings.Contains(out, "old key") {
		t.Errorf("show does not tell of the old key:\n%s", out)
	}
	s.must(t, "rotate", "x", "--finish")
	if !s.accepts(r.stdout) || s.accepts(old) {
		t.Error("--finish did not end the old secret alone")
	}
	second := s.must(t, "rotate", "x", "-q")
	if !s.accepts(second) || s.accepts(r.stdout) {
		t.Error("without a grace the old secret should be refused at once")
	}
}

func TestDisableAndEnable(t *testing.T) {
	s := newServer(t)
	secret := s.must(t, "create", "x", "-q")
	s.must(t, "create", "y")
	out := s.must(t, "disable", "x", "y", "--reason", "ticket 4711")
	if strings.Count(out, "disabled") != 2 || s.accepts(secret) {
		t.Errorf("disable says\n%s", out)
	}
	if out := s.must(t, "audit", "--action", "token.disable"); strings.Count(out, "ticket 4711") != 2 {
		t.Errorf("the audit trail lacks the reason:\n%s", out)
	}
	s.must(t, "enable", "x")
	if !s.accepts(secret) {
		t.Error("an enabled token is refused")
	}
	wantCode(t, s.run(t, "disable", "x", "nobody"), exitFailed, "nobody")
	if !s.accepts(secret) {
		t.Error("one was disabled although another does not exist")
	}
}

func TestDeleteAsksForTheName(t *testing.T) {
	s := newServer(t)
	for _, name := range []string{"x", "y", "z"} {
		s.must(t, "create", name)
	}
	for _, answer := range []string{"", "\n", "yes\n", "X\n"} {
		r := s.with(t, invocation{stdin: answer}, "delete", "x")
		wantCode(t, r, exitFailed, "Type the name of the token, x, to confirm", "not deleted")
	}
	wantCode(t, s.with(t, invocation{stdin: "x\n"}, "delete", "x"), 0, `Deleted token "x"`)
	wantCode(t, s.run(t, "show", "x"), exitFailed)
	wantCode(t, s.with(t, invocation{stdin: "y\nno\n"}, "delete", "y", "z"), exitFailed, "1 of 2 tokens done")
	wantCode(t, s.run(t, "delete", "z", "--yes"), 0)
	wantCode(t, s.run(t, "list"), 0, "No tokens match.")
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

func TestWhatMatchesAFilterIsDoneAtOnceAfterItsNumberIsConfirmed(t *testing.T) {
	s := newServer(t)
	for _, name := range []string{"a 1", "a 2", "b 1"} {
		s.must(t, "create", name, "--user", name[:1])
	}
	r := s.run(t, "disable", "--user", "a", "--dry-run")
	wantCode(t, r, 0)
	if strings.Count(r.stdout, "active") != 2 || r.stderr != "" {
		t.Errorf("--dry-run says\n%s%s", r.stdout, r.stderr)
	}
	wantCode(t, s.with(t, invocation{stdin: "3\n"}, "disable", "--user", "a"), exitFailed, "nothing done")
	wantCode(t, s.with(t, invocation{stdin: "2\n"}, "disable", "--user", "a", "--reason", "gone"), 0, "disable: 2 of 2 tokens changed.")
	if n := strings.Count(s.must(t, "list", "--status", "disabled"), "disabled"); n != 2 {
		t.Errorf("%d are disabled", n)
	}
	wantCode(t, s.run(t, "enable", "--search", "a 1", "--yes"), 0, "enable: 1 of 1")
	wantCode(t, s.run(t, "delete", "--status", "disabled", "--yes"), 0, "delete: 1 of 1")
	wantCode(t, s.run(t, "delete", "--status", "disabled", "--yes"), 0, "No tokens match.")
	if n := len(strings.Fields(s.must(t, "list", "-q"))); n != 2 {
		t.Errorf("%d are left", n)
	}
	for _, args := range [][]string{{"disable"}, {"disable", "b 1", "--user", "b"}, {"delete", "--yes"}, {"disable", "b 1", "--dry-run"}} {
		wantCode(t, s.run(t, args...), exitUsage)
	}
}

func TestABulkEditOfOtherTokensThanWereShownIsRefused(t *testing.T) {
	s := newServer(t)
	s.must(t, "create", "one")
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/bulk") {
			if _, _, err := s.service.CreateToken(t.Context(), tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorSystem}},
				tokenstore.NewToken{Name: "one more"}); err != nil {
				t.Error(err)
			}
		}
		return false
	}
	wantCode(t, s.run(t, "disable", "--search", "one", "--yes"), exitFailed)
	if out := s.must(t, "list"); strings.Contains(out, "disabled") {
		t.Errorf("some were disabled:\n%s", out)
	}
}
