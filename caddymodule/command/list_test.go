package command

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

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

	// By name: two of them may be made within one millisecond.
	r := s.with(t, invocation{later: 3*day + time.Minute}, "list", "--sort", "name")
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
mcp_KEYKEY…  Ada's laptop             active    -                        3d ago   never      in 8d
mcp_KEYKEY…  ci                       active    readers                  3d ago   3d ago     in 86d
mcp_KEYKEY…  日本語のなまえ           disabled  -                        3d ago   never      never
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
