package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAKilledGatewayKeepsEveryAnsweredEdit(t *testing.T) {
	t.Parallel()
	const edits, killAfter = 200, 80
	upstream := newUpstream(t)
	g := start(t, guarded(upstream, 0))

	// Every edit has a token and a group of its own, so that what must be there
	// afterwards does not depend on an order.
	tokens, groups := make([]token, edits), make([]string, edits)
	for i := range edits {
		groups[i] = g.newGroup(t, "blog.view_article")
		tokens[i] = g.newToken(t, object{"groups": []string{groups[i]}})
	}
	type edit struct {
		call  func(ctx context.Context) (answer, error)
		check func(answered bool, a answer) // after the restart
	}
	get := func(i int) (token, bool) {
		a, err := g.adminCall(t.Context(), http.MethodGet, "/mcp_token/tokens/"+tokens[i].ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		var tok token
		if a.status == http.StatusOK {
			a.into(t, &tok)
		}
		return tok, a.status == http.StatusOK
	}
	send := func(method, path string, body any, headers ...string) func(context.Context) (answer, error) {
		return func(ctx context.Context) (answer, error) {
			return g.adminCall(ctx, method, "/mcp_token"+path, body, headers...)
		}
	}
	all := make([]edit, edits)
	for i := range all {
		path := "/tokens/" + tokens[i].ID
		switch i % 5 {
		case 0: // create
			name := fmt.Sprintf("made while dying %d", i)
			all[i] = edit{
				send(http.MethodPost, "/tokens", object{"name": name, "groups": []string{groups[i]}, "permissions": []string{"a.b"}}),
				func(answered bool, a answer) {
					if !answered {
						return
					}
					made := created(t, a)
					status(t, g, "/", made.secret, http.StatusOK)
					if got := g.token(t, made); got.Name != name || !slices.Equal(got.Groups, groups[i:i+1]) || !slices.Equal(got.Permissions, []string{"a.b"}) {
						t.Errorf("created %+v", got)
					}
				},
			}
		case 1: // patch two fields
			all[i] = edit{
				send(http.MethodPatch, path, object{"permissions": []string{"a.b"}, "groups": []string{}}, "If-Match", "*"),
				func(answered bool, _ answer) {
					tok, _ := get(i)
					done := slices.Equal(tok.Permissions, []string{"a.b"}) && len(tok.Groups) == 0
					undone := len(tok.Permissions) == 0 && slices.Equal(tok.Groups, groups[i:i+1])
					if answered && !done || !done && !undone {
						t.Errorf("answered %v: %+v", answered, tok)
					}
				},
			}
		case 2: // delete
			all[i] = edit{
				send(http.MethodDelete, path, nil),
				func(answered bool, _ answer) {
					if _, there := get(i); there && answered {
						t.Error("a deleted token is back")
					}
				},
			}
		case 3: // rotate
			all[i] = edit{
				send(http.MethodPost, path+"/rotate", object{}),
				func(answered bool, a answer) {
					tok, _ := get(i)
					if answered {
						status(t, g, "/", created(t, a).secret, http.StatusOK)
						status(t, g, "/", tokens[i].secret, http.StatusUnauthorized)
					} else if tok.Key == tokens[i].Key {
						status(t, g, "/", tokens[i].secret, http.StatusOK)
					}
				},
			}
		case 4: // rename a group, which changes its token too
			renamed := groups[i] + "-renamed"
			all[i] = edit{
				send(http.MethodPatch, "/groups/"+groups[i], object{"name": renamed}, "If-Match", "*"),
				func(answered bool, _ answer) {
					want := groups[i]
					if a, err := g.adminCall(t.Context(), http.MethodGet, "/mcp_token/groups/"+renamed, nil); err != nil {
						t.Fatal(err)
					} else if a.status == http.StatusOK {
						want = renamed
						if a, err = g.adminCall(t.Context(), http.MethodGet, "/mcp_token/groups/"+groups[i], nil); err != nil || a.status != http.StatusNotFound {
							t.Errorf("both names exist: status %d, %v", a.status, err)
						}
					} else if answered {
						t.Error("a renamed group has its old name")
					}
					if tok, _ := get(i); !slices.Equal(tok.Groups, []string{want}) {
						t.Errorf("the group is %s, its token is in %q", want, tok.Groups)
					}
					status(t, g, "/", tokens[i].secret, http.StatusOK)
				},
			}
		}
	}

	var answers [edits]answer
	var answered atomic.Int64
	var wg sync.WaitGroup
	enough := make(chan struct{})
	for i := range all {
		wg.Go(func() {
			a, err := all[i].call(t.Context())
			if err != nil || a.status/100 != 2 {
				if err == nil {
					t.Errorf("edit %d: status %d: %s", i, a.status, a.body)
				}
				return
			}
			answers[i] = a
			if answered.Add(1) == killAfter {
				close(enough)
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(time.Minute):
		t.Fatalf("only %d edits were answered", answered.Load())
	}
	if err := g.Kill(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	g.restart(t)
	t.Logf("%d of %d edits were answered before the kill", answered.Load(), edits)
	for i, e := range all {
		e.check(answers[i].status != 0, answers[i])
	}
}

func TestASecondProcessOnTheSameDatabaseEndsAtOnce(t *testing.T) {
	t.Parallel()
	g := start(t, guarded(newUpstream(t), 0))
	second, err := assign(g.dir, site("mcp_token require a.b\n"))
	if err != nil {
		t.Fatal(err)
	}
	caddyfile := filepath.Join(g.dir, "second.Caddyfile")
	if err := os.WriteFile(caddyfile, []byte(second.text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := command(t, g.Home(), "run", "--config", caddyfile, "--adapter", "caddyfile")
	limit := 3 * time.Second
	if raceBinary {
		limit *= 3
	}
	if out.code == 0 || out.took > limit {
		t.Errorf("code %d after %v", out.code, out.took)
	}
	if !strings.Contains(out.stderr, g.DefaultStore()) || !strings.Contains(out.stderr, "process") {
		t.Errorf("it does not say which file, and why: %s", out.stderr)
	}
	g.holder(t, "blog.view_article") // the first is well
}

func TestTheDatabaseIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	upstream := newUpstream(t)
	c := guarded(upstream, 0)
	g := start(t, c)
	named := start(t, config{"mcp_token {\n\tstore bbolt {$DIR}/kept/here/tokens.db\n}\n", c.sites})
	g.holder(t)
	for _, file := range []string{g.DefaultStore(), filepath.Join(named.dir, "kept", "here", "tokens.db")} {
		for path, want := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v", path, info, err)
			}
		}
	}
}
