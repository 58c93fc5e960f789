package integration

import (
	"flag"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// statusOf is the answer to one request with a secret.
func (g *gateway) statusOf(t tb, path, secret string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.url(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// wants fails t unless a request with the secret gets a status.
func (f *fixture) wants(t tb, what string, secret string, want int) {
	t.Helper()
	if got := f.statusOf(t, "/read", secret); got != want {
		t.Fatalf("%s: status %d, want %d", what, got, want)
	}
}

func TestAnEditCountsFromTheNextRequest(t *testing.T) {
	t.Parallel()
	f := shared(t)
	const ok, bad, denied = http.StatusOK, http.StatusUnauthorized, http.StatusForbidden
	act := func(t *testing.T, tok token, verb string) {
		t.Helper()
		f.admin(t, ok, http.MethodPost, "/tokens/"+tok.ID+"/"+verb, object{})
	}
	// Each is done many times over: a stale answer would be a matter of luck.
	const times = 25

	t.Run("disable and enable", func(t *testing.T) {
		t.Parallel()
		tok := f.holder(t, "blog.view_article")
		for range times {
			f.wants(t, "enabled", tok.secret, ok)
			act(t, tok, "disable")
			f.wants(t, "disabled", tok.secret, bad)
			act(t, tok, "enable")
		}
	})
	t.Run("disable by patch", func(t *testing.T) {
		t.Parallel()
		tok := f.holder(t, "blog.view_article")
		for range times {
			f.patch(t, tok, object{"is_active": false})
			f.wants(t, "disabled", tok.secret, bad)
			f.patch(t, tok, object{"is_active": true})
			f.wants(t, "enabled", tok.secret, ok)
		}
	})
	t.Run("create and delete", func(t *testing.T) {
		t.Parallel()
		for range times {
			tok := f.holder(t, "blog.view_article")
			f.wants(t, "created", tok.secret, ok)
			f.admin(t, http.StatusNoContent, http.MethodDelete, "/tokens/"+tok.ID, nil)
			f.wants(t, "deleted", tok.secret, bad)
		}
	})
	t.Run("rotate", func(t *testing.T) {
		t.Parallel()
		tok := f.holder(t, "blog.view_article")
		for range times {
			next := created(t, f.admin(t, ok, http.MethodPost, "/tokens/"+tok.ID+"/rotate", object{}))
			f.wants(t, "the old secret", tok.secret, bad)
			f.wants(t, "the new secret", next.secret, ok)
			if next.ID != tok.ID || next.Key == tok.Key {
				t.Fatalf("%s/%s became %s/%s", tok.ID, tok.Key, next.ID, next.Key)
			}
			tok = next
		}
	})
	t.Run("permissions", func(t *testing.T) {
		t.Parallel()
		tok := f.holder(t)
		for range times {
			f.patch(t, tok, object{"permissions": []string{"blog.view_article"}})
			f.wants(t, "granted", tok.secret, ok)
			f.patch(t, tok, object{"permissions": []string{"blog.add_article"}})
			f.wants(t, "removed", tok.secret, denied)
		}
	})
	t.Run("a group's permissions", func(t *testing.T) {
		t.Parallel()
		group := f.newGroup(t)
		tok := f.newToken(t, object{"groups": []string{group}})
		for range times {
			f.patchGroup(t, group, object{"permissions": []string{"blog.*"}})
			f.wants(t, "granted to the group", tok.secret, ok)
			f.patchGroup(t, group, object{"permissions": []string{}})
			f.wants(t, "removed from the group", tok.secret, denied)
		}
	})
	t.Run("membership of a group", func(t *testing.T) {
		t.Parallel()
		group := f.newGroup(t, "blog.view_article")
		tok := f.holder(t)
		for range times {
			f.patch(t, tok, object{"groups": []string{group}})
			f.wants(t, "in the group", tok.secret, ok)
			f.patch(t, tok, object{"groups": []string{}})
			f.wants(t, "out of the group", tok.secret, denied)
		}
	})
	t.Run("a group renamed and deleted", func(t *testing.T) {
		t.Parallel()
		for range times {
			group := f.newGroup(t, "blog.view_article")
			tok := f.newToken(t, object{"groups": []string{group}})
			f.patchGroup(t, group, object{"name": group + "-b"})
			f.wants(t, "renamed", tok.secret, ok)
			if got := f.token(t, tok).Groups; !slices.Equal(got, []string{group + "-b"}) {
				t.Fatalf("groups %q after the renaming", got)
			}
			f.admin(t, http.StatusNoContent, http.MethodDelete, "/groups/"+group+"-b", nil)
			f.wants(t, "deleted", tok.secret, denied)
		}
	})
	t.Run("expiry", func(t *testing.T) {
		t.Parallel()
		tok := f.holder(t, "blog.view_article")
		for range times {
			f.patch(t, tok, object{"expires_at": nil})
			f.wants(t, "never", tok.secret, ok)
			f.patch(t, tok, object{"expires_at": "2999-01-01T00:00:00Z"})
			f.wants(t, "far off", tok.secret, ok)
		}
	})
}

// modelToken is what a simple model knows of a token.
type modelToken struct {
	secrets []string // the last is the one that counts
	active  bool
	direct  bool            // holds the permission itself
	groups  map[string]bool // its groups
}

// sequences is how many random sequences run through the gateway. The store's
// own tests run many more, in process.
const sequences = 300 - 250*raceFactor

func TestRandomEditsAndRequestsAgreeWithAModel(t *testing.T) {
	t.Parallel()
	f := shared(t)
	for name, value := range map[string]string{
		"rapid.checks": strconv.Itoa(sequences), "rapid.steps": "12", "rapid.shrinktime": "10s", "rapid.nofailfile": "true",
	} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		groups := map[string]bool{} // whether the group holds the permission
		tokens := map[string]*modelToken{}
		grant := func(yes bool) []string {
			if yes {
				return []string{"blog.view_article"}
			}
			return []string{}
		}
		pick := func(rt *rapid.T) (string, *modelToken) {
			if len(tokens) == 0 {
				rt.Skip("no token")
			}
			id := rapid.SampledFrom(slices.Sorted(maps.Keys(tokens))).Draw(rt, "token")
			return id, tokens[id]
		}
		group := func(rt *rapid.T) string {
			if len(groups) == 0 {
				rt.Skip("no group")
			}
			return rapid.SampledFrom(slices.Sorted(maps.Keys(groups))).Draw(rt, "group")
		}
		flip := func(rt *rapid.T) bool { return rapid.Bool().Draw(rt, "yes") }
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(rt *rapid.T) {
				m := &modelToken{active: true, direct: flip(rt), groups: map[string]bool{}}
				tok := f.newToken(rt, object{"permissions": grant(m.direct)})
				m.secrets = []string{tok.secret}
				tokens[tok.ID] = m
			},
			"activate": func(rt *rapid.T) {
				id, m := pick(rt)
				m.active = flip(rt)
				f.patch(rt, token{ID: id}, object{"is_active": m.active})
			},
			"grant": func(rt *rapid.T) {
				id, m := pick(rt)
				m.direct = flip(rt)
				f.patch(rt, token{ID: id}, object{"permissions": grant(m.direct)})
			},
			"rotate": func(rt *rapid.T) {
				id, m := pick(rt)
				m.secrets = append(m.secrets, created(rt, f.admin(rt, http.StatusOK, http.MethodPost, "/tokens/"+id+"/rotate", object{})).secret)
			},
			"delete": func(rt *rapid.T) {
				id, m := pick(rt)
				f.admin(rt, http.StatusNoContent, http.MethodDelete, "/tokens/"+id, nil)
				delete(tokens, id)
				for _, secret := range m.secrets {
					f.wants(rt, "deleted", secret, http.StatusUnauthorized)
				}
			},
			"join": func(rt *rapid.T) {
				id, m := pick(rt)
				m.groups[group(rt)] = true
				f.patch(rt, token{ID: id}, object{"groups": slices.Sorted(maps.Keys(m.groups))})
			},
			"new group": func(rt *rapid.T) {
				yes := flip(rt)
				groups[f.newGroup(rt, grant(yes)...)] = yes
			},
			"edit group": func(rt *rapid.T) {
				name := group(rt)
				groups[name] = flip(rt)
				f.patchGroup(rt, name, object{"permissions": grant(groups[name])})
			},
			"delete group": func(rt *rapid.T) {
				name := group(rt)
				f.admin(rt, http.StatusNoContent, http.MethodDelete, "/groups/"+name, nil)
				delete(groups, name)
				for _, m := range tokens {
					delete(m.groups, name)
				}
			},
			"": func(rt *rapid.T) { // after each step
				for _, m := range tokens {
					want := http.StatusForbidden
					if m.direct {
						want = http.StatusOK
					}
					for name := range m.groups {
						if groups[name] {
							want = http.StatusOK
						}
					}
					if !m.active {
						want = http.StatusUnauthorized
					}
					last := len(m.secrets) - 1
					f.wants(rt, "the model", m.secrets[last], want)
					if last > 0 {
						f.wants(rt, "a rotated-out secret", m.secrets[last-1], http.StatusUnauthorized)
					}
				}
			},
		})
	})
}
