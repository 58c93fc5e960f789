package command

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

func TestAGroupIsMadeChangedAndDeleted(t *testing.T) {
	s := newServer(t)
	wantCode(t, s.run(t, "group", "list"), 0, "There are no groups.")
	s.must(t, "group", "create", "readers/all", "blog.view_*", "--description", "may read")
	s.must(t, "create", "x", "--group", "readers/all")
	out := s.must(t, "group", "update", "readers/all", "--name", "viewers", "--add-permission", "shop.view_order")
	if !strings.Contains(out, "name         viewers\n") || !strings.Contains(out, "blog.view_* shop.view_order") || !strings.Contains(out, "tokens       1\n") {
		t.Errorf("update says\n%s", out)
	}
	if got := s.show(t, "x").Groups; len(got) != 1 || got[0] != "viewers" {
		t.Errorf("the token is in %v", got)
	}
	if out := s.must(t, "group", "list"); !strings.Contains(out, "viewers  1       blog.view_* shop.view_order") {
		t.Errorf("list says\n%s", out)
	}
	wantCode(t, s.with(t, invocation{stdin: "no\n"}, "group", "delete", "viewers"), exitFailed, "Tokens in this group: 1.")
	wantCode(t, s.with(t, invocation{stdin: "viewers\n"}, "group", "delete", "viewers"), 0, `Deleted group "viewers"`)
	if got := s.show(t, "x").Groups; len(got) != 0 {
		t.Errorf("the token is in %v", got)
	}
	wantCode(t, s.run(t, "group", "update", "viewers", "--name", "x"), exitFailed, "no group")
	wantCode(t, s.run(t, "group", "update", "viewers"), exitUsage, "Nothing to change")
}

func TestPermissionListTellsWhatNoRouteAsksFor(t *testing.T) {
	s := newServer(t, blogRoute(t))
	s.must(t, "create", "x", "blog.view_article", "blgo.view_article")
	out := s.must(t, "permission", "list")
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "blgo.") && !strings.Contains(line, "none asks for it") {
			t.Errorf("the typing error is not told: %s", line)
		}
	}
	if !strings.Contains(out, "blgo.view_article") || !strings.Contains(out, "blog.view_article") {
		t.Errorf("permission list says\n%s", out)
	}
}

func TestRoutesAreShownWithTheirRules(t *testing.T) {
	s := newServer(t, blogRoute(t))
	if out := s.must(t, "route", "list"); !strings.Contains(out, "blog  2") {
		t.Errorf("route list says\n%s", out)
	}
	if out := s.must(t, "route", "show", "blog"); !strings.Contains(out, "delete_*") {
		t.Errorf("route show says\n%s", out)
	}
	wantCode(t, s.run(t, "route", "show", "shop"), exitFailed, `no route named "shop"`)
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	s := newServer(t, blogRoute(t))
	s.must(t, "create", "reader", "blog.view_*")
	r := s.run(t, "check", "reader", "--tool", "delete_article", "--arguments", `{"id": 1}`)
	wantCode(t, r, exitFailed)
	for _, want := range []string{"decision  deny\n", "reason    permission\n", "missing   blog.delete_article\n"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
	if out := s.must(t, "check", "reader", "--tool", "list_article"); !strings.Contains(out, "decision  allow\n") {
		t.Errorf("check says\n%s", out)
	}
	file := filepath.Join(t.TempDir(), "call.json")
	if err := os.WriteFile(file, call("tools/call", map[string]any{"name": "get_article"}), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(t, "check", "reader", "--message", file)
	r = s.with(t, invocation{stdin: string(call("tools/call", map[string]any{"name": "drop_all"}))}, "check", "reader", "--message", "-", "-o", "json")
	wantCode(t, r, exitFailed)
	var v verdict
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || v.Decision != "deny" || v.Reason != "rule" {
		t.Errorf("%v in %s", err, r.stdout)
	}
	wantCode(t, s.run(t, "check", "reader"), exitUsage, "message")
	wantCode(t, s.run(t, "check", "reader", "--tool", "x", "--arguments", "[]"), exitUsage, "--arguments must be a JSON object")
	wantCode(t, s.run(t, "check", "reader", "--arguments", "{}"), exitUsage, "--arguments needs --tool")
	wantCode(t, s.run(t, "check", "reader", "--tool", "x", "--prompt", "y"), exitUsage)
	wantCode(t, s.run(t, "check", "reader", "--tool", "x", "--route", "shop"), exitUsage, "must be one of blog")
}

func TestAuditTellsWhoDidWhat(t *testing.T) {
	s := newServer(t)
	s.must(t, "create", "x")
	s.must(t, "update", "x", "--description", "d")
	s.must(t, "delete", "x", "--yes")
	out := s.must(t, "audit")
	for _, want := range []string{"token.create", "token.update", "token.delete", "description", "admin_endpoint"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out := s.must(t, "audit", "--action", "token.delete", "--target", "x"); strings.Count(out, "\n") != 1 {
		t.Errorf("one entry expected:\n%s", out)
	}
	wantCode(t, s.run(t, "audit", "--until", "1h"), 0, "Nothing in the audit trail matches.")
	wantCode(t, s.run(t, "audit", "--since", "soon"), exitUsage, "--since")
	if rows := strings.Count(s.must(t, "audit", "--since", "1h", "-o", "csv"), "\n"); rows != 3 {
		t.Errorf("%d rows", rows)
	}
}

func TestAuditFollowsWhatHappens(t *testing.T) {
	t.Parallel() // it takes seconds
	s := newServer(t)
	s.must(t, "create", "before")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan result)
	go func() {
		done <- s.with(t, invocation{ctx: ctx}, "audit", "--follow", "-o", "json")
	}()
	for _, name := range []string{"first", "second"} {
		s.must(t, "create", name)
	}
	// The follower asks every second; when an entry has been asked for a few
	// times it must not be shown again.
	time.AfterFunc(3500*time.Millisecond, cancel)
	r := <-done
	wantCode(t, r, 0)
	var names []string
	for line := range strings.Lines(r.stdout) {
		var e tokenstore.AuditEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		names = append(names, e.Target.Name)
	}
	if got := strings.Join(names, " "); got != "before first second" {
		t.Errorf("follow shows %q", got)
	}
}

func TestABackupIsADatabase(t *testing.T) {
	s := newServer(t)
	s.must(t, "create", "x")
	file := filepath.Join(t.TempDir(), "copy.db")
	wantCode(t, s.run(t, "backup", file), 0, "Wrote")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	wantCode(t, s.run(t, "backup", file), exitUsage, "--force overwrites")
	wantCode(t, s.run(t, "backup", file, "--force"), 0)
	wantCode(t, s.run(t, "backup", filepath.Join(t.TempDir(), "no", "such", "dir")), exitServer)

	piped := s.run(t, "backup", "-")
	if whole, err := os.ReadFile(file); err != nil || len(piped.stdout) != len(whole) || piped.stderr != "" {
		t.Errorf("%d bytes on stdout, %v", len(piped.stdout), err)
	}
	store, err := bolt.Open(file, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if all, err := store.Load(t.Context()); err != nil || len(all.Tokens) != 1 {
		t.Errorf("%v, %v", all.Tokens, err)
	}
}

func TestEveryCommandHasHelpWithAUsageLine(t *testing.T) {
	s := newServer(t)
	for _, args := range [][]string{
		{}, {"create"}, {"list"}, {"show"}, {"update"}, {"rotate"}, {"disable"}, {"enable"}, {"delete"}, {"verify"}, {"check"},
		{"audit"}, {"backup"}, {"group"}, {"group", "list"}, {"group", "show"}, {"group", "create"}, {"group", "update"},
		{"group", "delete"}, {"permission"}, {"permission", "list"}, {"route"}, {"route", "list"}, {"route", "show"},
	} {
		r := s.run(t, append(args, "--help")...)
		if r.code != 0 || !strings.Contains(r.stdout, "Usage:\n  caddy mcp-token") {
			t.Errorf("%v: exit %d:\n%s", args, r.code, r.stdout)
		}
	}
}

func TestNamesAreCompletedFromTheServer(t *testing.T) {
	s := newServer(t)
	s.must(t, "group", "create", "readers", "blog.view_*")
	s.must(t, "create", "Ada's laptop")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"show", ""}, "Ada's laptop"},
		{[]string{"list", "--group", ""}, "readers"},
		{[]string{"create", "x", "--permission", ""}, "blog.view_*"},
		{[]string{"list", "--status", ""}, "expiring"},
		{[]string{"list", "--output", ""}, "csv"},
	} {
		if out := completions(t, s, tt.args...); !strings.Contains(out, tt.want+"\n") {
			t.Errorf("%q are the completions of %v", out, tt.args)
		}
	}
}
