package command

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

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
