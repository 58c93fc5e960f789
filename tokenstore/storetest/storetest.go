// Package storetest says in code what tokenstore.Store says in words. Every
// Store passes it.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Place makes an empty place for a store that lasts as long as t. Open opens
// the store that is there, again and again as long as each is closed before the
// next is opened.
type Place func(t *testing.T) (open func() tokenstore.Store)

// Run runs the suite.
func Run(t *testing.T, place Place) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"a new store is empty", (*suite).empty},
		{"a commit survives closing", (*suite).lasting},
		{"a commit is whole or not at all", (*suite).whole},
		{"an edit of an old version conflicts", (*suite).versions},
		{"a name belongs to one token", (*suite).names},
		{"a key belongs to one token", (*suite).keys},
		{"two tokens may swap their names", (*suite).swap},
		{"a group's name belongs to one group", (*suite).groups},
		{"uses go forward and stay with their token", (*suite).uses},
		{"the audit trail is in order, filtered and paged", (*suite).audit},
		{"old audit entries are pruned in steps", (*suite).prune},
		{"a key is made once", (*suite).key},
		{"a backup can be made while in use", (*suite).backup},
		{"watching ends with its context", (*suite).watch},
		{"a closed store says so", (*suite).closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, open: place(t)}
			s.Store = s.open()
			t.Cleanup(func() { s.Close() })
			test.run(s)
		})
	}
}

type suite struct {
	*testing.T
	tokenstore.Store
	open func() tokenstore.Store
}

// reopen closes the store and opens it again.
func (s *suite) reopen() {
	s.Helper()
	if err := s.Close(); err != nil {
		s.Fatal("Close:", err)
	}
	s.Store = s.open()
}

func (s *suite) load() tokenstore.Snapshot {
	s.Helper()
	all, err := s.Load(s.Context())
	if err != nil {
		s.Fatal("Load:", err)
	}
	return all
}

func (s *suite) commit(c tokenstore.Change) {
	s.Helper()
	if err := s.Commit(s.Context(), c); err != nil {
		s.Fatal("Commit:", err)
	}
}

// refuses checks that c conflicts and changes nothing.
func (s *suite) refuses(what string, c tokenstore.Change) {
	s.Helper()
	before := s.load()
	if err := s.Commit(s.Context(), c); !errors.Is(err, tokenstore.ErrConflict) {
		s.Errorf("%s: Commit says %v, want ErrConflict", what, err)
	}
	s.same(before, s.load())
	if page := s.page(tokenstore.AuditQuery{Target: "conflict"}); len(page.Items) > 0 {
		s.Errorf("%s: its audit entry was written", what)
	}
}

func (s *suite) same(want, got tokenstore.Snapshot) {
	s.Helper()
	options := cmp.Options{
		cmpopts.IgnoreFields(tokenstore.Snapshot{}, "Revision"),
		cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{}),
		cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(a, b *tokenstore.Token) bool { return a.ID < b.ID }),
		cmpopts.SortSlices(func(a, b *tokenstore.Group) bool { return a.Name < b.Name }),
		cmpopts.SortSlices(func(a, b tokenstore.Use) bool { return a.TokenID+a.Key < b.TokenID+b.Key }),
	}
	if diff := cmp.Diff(want, got, options); diff != "" {
		s.Errorf("the store holds something else (-want +got):\n%s", diff)
	}
}

func (s *suite) page(q tokenstore.AuditQuery) tokenstore.AuditPage {
	s.Helper()
	page, err := s.Audit(s.Context(), q)
	if err != nil {
		s.Fatal("Audit:", err)
	}
	return page
}

var day = time.Date(2030, 1, 2, 3, 4, 5, 6000000, time.UTC)

// token returns a token with every field set, told apart by n.
func token(n int) *tokenstore.Token {
	end, grace := day.AddDate(0, 3, 0), day.Add(time.Hour)
	return &tokenstore.Token{
		ID: fmt.Sprintf("tok_%d", n), Name: fmt.Sprintf("Token %d", n), Description: "two\nlines", User: "ann",
		IsActive: true, CreatedAt: day, CreatedBy: "root", UpdatedAt: day, ExpiresAt: &end,
		Groups: []string{"g"}, Permissions: []string{"blog.*"},
		AllowedCIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")},
		Audiences:    []string{"blog"}, RateLimit: "60/m burst 20", Source: "test", Version: 1,
		Credential: tokenstore.Credential{Key: fmt.Sprintf("key%d", n), Salt: "salt", Hash: "hash"},
		Previous:   &tokenstore.Credential{Key: fmt.Sprintf("old%d", n), Salt: "salt", Hash: "hash", ValidUntil: &grace},
	}
}

// edited returns t one version on, changed by f.
func edited(t *tokenstore.Token, f func(*tokenstore.Token)) *tokenstore.Token {
	after := *t
	after.Version++
	f(&after)
	return &after
}

// entry returns an audit entry of some target.
func entry(n int, target string) tokenstore.AuditEntry {
	return tokenstore.AuditEntry{
		ID: fmt.Sprintf("aud_%06d", n), Time: day.Add(time.Duration(n) * time.Minute),
		Actor:  tokenstore.ActorInfo{Type: tokenstore.ActorCLI, ID: "a", Name: "root", IP: "::1"},
		Action: tokenstore.ActionTokenUpdate, Target: tokenstore.Target{Type: "token", ID: target, Key: "k" + target, Name: "N" + target},
		Result: "ok", Reason: "why", RequestID: "r",
		Changes: map[string][2]any{"name": {"old", "new"}, "expires_at": {nil, "2030-01-01T00:00:00Z"}},
	}
}

// creation is the change that makes tokens.
func creation(tokens ...*tokenstore.Token) tokenstore.Change {
	var c tokenstore.Change
	for _, t := range tokens {
		c.Tokens = append(c.Tokens, tokenstore.TokenChange{After: t})
	}
	return c
}

func (s *suite) empty() {
	s.same(tokenstore.Snapshot{}, s.load())
	if page := s.page(tokenstore.AuditQuery{}); len(page.Items) != 0 || page.NextCursor != "" {
		s.Errorf("audit trail of a new store: %+v", page)
	}
}

func (s *suite) lasting() {
	first, second := token(1), token(2)
	second.ExpiresAt, second.Previous, second.AllowedCIDRs, second.Groups = nil, nil, nil, nil
	group := &tokenstore.Group{Name: "g", Description: "d", Permissions: []string{"a.b"}, CreatedAt: day, UpdatedAt: day, Version: 1}
	c := creation(first, second)
	c.Groups = []tokenstore.GroupChange{{After: group}}
	c.Audit = []tokenstore.AuditEntry{entry(1, "x")}
	s.commit(c)
	want := tokenstore.Snapshot{Tokens: []*tokenstore.Token{first, second}, Groups: []*tokenstore.Group{group}}
	s.same(want, s.load())
	s.reopen()
	s.same(want, s.load())
	if diff := cmp.Diff([]tokenstore.AuditEntry{entry(1, "x")}, s.page(tokenstore.AuditQuery{}).Items); diff != "" {
		s.Errorf("audit entry (-want +got):\n%s", diff)
	}

	renamed := edited(first, func(t *tokenstore.Token) { t.Name = "renamed" })
	s.commit(tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: first, After: renamed}, {Before: second}}})
	s.reopen()
	want.Tokens = []*tokenstore.Token{renamed}
	s.same(want, s.load())
}

func (s *suite) whole() {
	s.commit(creation(token(1)))
	c := creation(token(2), token(1))
	c.Groups = []tokenstore.GroupChange{{After: &tokenstore.Group{Name: "g", Version: 1}}}
	c.Audit = []tokenstore.AuditEntry{entry(1, "conflict")}
	s.refuses("a token that exists among others", c)
	s.reopen()
	s.same(tokenstore.Snapshot{Tokens: []*tokenstore.Token{token(1)}}, s.load())
}

func (s *suite) versions() {
	first := token(1)
	second := edited(first, func(t *tokenstore.Token) { t.User = "bob" })
	s.commit(creation(first))
	s.commit(tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: first, After: second}}})
	audit := []tokenstore.AuditEntry{entry(1, "conflict")}
	s.refuses("editing the version before", tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: first, After: second}}, Audit: audit})
	s.refuses("deleting the version before", tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: first}}, Audit: audit})
	s.refuses("editing what was never there", tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: token(2), After: token(2)}}, Audit: audit})
	s.commit(tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: second}}})
	s.refuses("editing what was deleted", tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: second, After: second}}, Audit: audit})
}

func (s *suite) names() {
	first, second := token(1), token(2)
	first.Name = "Straße"
	s.commit(creation(first))
	for _, name := range []string{"Straße", "STRASSE", "strasse"} {
		second.Name = name
		s.refuses("a name that is taken: "+name, creation(second))
	}
	s.commit(tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: first}}})
	s.commit(creation(second))
}

func (s *suite) keys() {
	s.commit(creation(token(1)))
	for _, key := range []string{"key1", "old1"} {
		second := token(2)
		second.Credential.Key = key
		s.refuses("a current key that is taken", creation(second))
		second = token(2)
		second.Previous.Key = key
		s.refuses("a previous key that is taken", creation(second))
	}
	// Rotation makes the current key the previous one; the one before is free.
	rotated := edited(token(1), func(t *tokenstore.Token) {
		t.Previous = &t.Credential
		t.Credential = tokenstore.Credential{Key: "new1", Salt: "salt", Hash: "hash"}
	})
	previous := token(1).Credential
	rotated.Previous = &previous
	s.commit(tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: token(1), After: rotated}}})
	second := token(2)
	second.Credential.Key = "old1"
	s.commit(creation(second))
}

func (s *suite) swap() {
	first, second := token(1), token(2)
	s.commit(creation(first, second))
	s.commit(tokenstore.Change{Tokens: []tokenstore.TokenChange{
		{Before: first, After: edited(first, func(t *tokenstore.Token) { t.Name = second.Name })},
		{Before: second, After: edited(second, func(t *tokenstore.Token) { t.Name = first.Name })},
	}})
}

func (s *suite) groups() {
	group := func(name string, version uint64) *tokenstore.Group {
		return &tokenstore.Group{Name: name, Permissions: []string{"a.b"}, CreatedAt: day, UpdatedAt: day, Version: version}
	}
	change := func(before, after *tokenstore.Group) tokenstore.Change {
		return tokenstore.Change{Groups: []tokenstore.GroupChange{{Before: before, After: after}}}
	}
	s.commit(change(nil, group("Readers", 1)))
	s.refuses("a group's name in other case", change(nil, group("readers", 1)))
	s.commit(change(group("Readers", 1), group("Readers", 2)))
	s.refuses("editing the version before", change(group("Readers", 1), group("Readers", 2)))
	s.refuses("deleting the version before", change(group("Readers", 1), nil))
	s.commit(tokenstore.Change{Groups: []tokenstore.GroupChange{{Before: group("Readers", 2)}, {After: group("READERS", 3)}}})
	s.same(tokenstore.Snapshot{Groups: []*tokenstore.Group{group("READERS", 3)}}, s.load())
	s.commit(change(group("READERS", 3), nil))
	s.same(tokenstore.Snapshot{}, s.load())
}

func (s *suite) uses() {
	first, second := token(1), token(2)
	s.commit(creation(first, second))
	use := func(id, key string, minutes int) tokenstore.Use {
		return tokenstore.Use{TokenID: id, Key: key, At: day.Add(time.Duration(minutes) * time.Minute), IP: netip.MustParseAddr("192.0.2.7")}
	}
	record := func(uses ...tokenstore.Use) {
		s.Helper()
		if err := s.RecordUses(s.Context(), uses); err != nil {
			s.Fatal("RecordUses:", err)
		}
	}
	record(use("tok_1", "key1", 5), use("tok_1", "old1", 1), use("tok_2", "key2", 1), use("tok_none", "key3", 1))
	record(use("tok_1", "key1", 3), use("tok_2", "key2", 4))
	want := tokenstore.Snapshot{
		Tokens: []*tokenstore.Token{first, second},
		Uses:   []tokenstore.Use{use("tok_1", "key1", 5), use("tok_1", "old1", 1), use("tok_2", "key2", 4)},
	}
	s.same(want, s.load())

	disabled := edited(second, func(t *tokenstore.Token) { t.IsActive = false })
	s.commit(tokenstore.Change{Tokens: []tokenstore.TokenChange{{Before: first}, {Before: second, After: disabled}}})
	record(use("tok_1", "key1", 9), use("tok_2", "key2", 9))
	want = tokenstore.Snapshot{Tokens: []*tokenstore.Token{disabled}, Uses: []tokenstore.Use{use("tok_2", "key2", 9)}}
	s.same(want, s.load())
	s.reopen()
	s.same(want, s.load())

	// A token made anew under the same id starts without the old one's uses.
	s.commit(creation(first))
	s.same(tokenstore.Snapshot{Tokens: []*tokenstore.Token{first, disabled}, Uses: want.Uses}, s.load())
}

func (s *suite) audit() {
	var c tokenstore.Change
	for n := range 10 {
		e := entry(n, fmt.Sprint(n%2))
		if n == 3 {
			e.Result, e.Action, e.Actor = "denied", tokenstore.ActionTokenDelete, tokenstore.ActorInfo{Type: tokenstore.ActorToken, ID: "tok_9", Name: "nine"}
		}
		c.Audit = append(c.Audit, e)
	}
	s.commit(c)
	for _, test := range []struct {
		name  string
		query tokenstore.AuditQuery
		want  []int
	}{
		{"all", tokenstore.AuditQuery{}, []int{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		{"target by id", tokenstore.AuditQuery{Target: "1"}, []int{9, 7, 5, 3, 1}},
		{"target by key", tokenstore.AuditQuery{Target: "k0"}, []int{8, 6, 4, 2, 0}},
		{"target by name", tokenstore.AuditQuery{Target: "N0"}, []int{8, 6, 4, 2, 0}},
		{"actor by id", tokenstore.AuditQuery{Actor: "tok_9"}, []int{3}},
		{"actor by name", tokenstore.AuditQuery{Actor: "nine"}, []int{3}},
		{"action", tokenstore.AuditQuery{Action: "token.delete"}, []int{3}},
		{"result", tokenstore.AuditQuery{Result: "denied"}, []int{3}},
		{"since is included", tokenstore.AuditQuery{Since: day.Add(7 * time.Minute)}, []int{9, 8, 7}},
		{"until is not", tokenstore.AuditQuery{Until: day.Add(2 * time.Minute)}, []int{1, 0}},
		{"several", tokenstore.AuditQuery{Target: "1", Since: day.Add(2 * time.Minute), Until: day.Add(8 * time.Minute)}, []int{7, 5, 3}},
		{"none", tokenstore.AuditQuery{Target: "2"}, nil},
	} {
		for _, limit := range []int{0, 1, 2, 3, 10} {
			test.query.Limit, test.query.Cursor = limit, ""
			var got []int
			for range 20 {
				page := s.page(test.query)
				if limit > 0 && len(page.Items) > limit {
					s.Errorf("%s: a page of %d has %d entries", test.name, limit, len(page.Items))
				}
				for _, e := range page.Items {
					got = append(got, int(e.Time.Sub(day)/time.Minute))
				}
				if test.query.Cursor = page.NextCursor; page.NextCursor == "" {
					break
				}
			}
			if !cmp.Equal(got, test.want) {
				s.Errorf("%s by %d: %v, want %v", test.name, limit, got, test.want)
			}
		}
	}

	// What is written meanwhile does not shift the pages.
	page := s.page(tokenstore.AuditQuery{Limit: 4})
	s.commit(tokenstore.Change{Audit: []tokenstore.AuditEntry{entry(10, "x")}})
	page = s.page(tokenstore.AuditQuery{Limit: 1, Cursor: page.NextCursor})
	if len(page.Items) != 1 || page.Items[0].ID != entry(5, "").ID {
		s.Errorf("the page after an insert begins with %+v", page.Items)
	}
}

func (s *suite) prune() {
	var c tokenstore.Change
	for n := range 10 {
		c.Audit = append(c.Audit, entry(n, "x"))
	}
	s.commit(c)
	for _, want := range []int{3, 3, 1, 0} {
		n, err := s.PruneAudit(s.Context(), day.Add(7*time.Minute), 3)
		if err != nil || n != want {
			s.Fatalf("PruneAudit deleted %d, %v; want %d", n, err, want)
		}
	}
	if page := s.page(tokenstore.AuditQuery{}); len(page.Items) != 3 || page.Items[2].ID != entry(7, "").ID {
		s.Errorf("after pruning: %+v", page.Items)
	}
}

func (s *suite) key() {
	get := func(name string) []byte {
		s.Helper()
		key, err := s.Key(s.Context(), name)
		if err != nil || len(key) != 32 {
			s.Fatalf("Key(%s) = %d bytes, %v", name, len(key), err)
		}
		return key
	}
	first, other := get("first"), get("other")
	if bytes.Equal(first, other) || bytes.Equal(first, make([]byte, 32)) {
		s.Error("keys are not random")
	}
	if s.reopen(); !bytes.Equal(first, get("first")) {
		s.Error("the key is another after reopening")
	}
}

func (s *suite) backup() {
	s.commit(creation(token(1)))
	var copied bytes.Buffer
	if err := s.Backup(s.Context(), &copied); err != nil || copied.Len() == 0 {
		s.Fatalf("Backup: %d bytes, %v", copied.Len(), err)
	}
	s.commit(creation(token(2)))
	broken := errors.New("no more room")
	if err := s.Backup(s.Context(), failingWriter{broken}); !errors.Is(err, broken) {
		s.Errorf("a backup that cannot be written says %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func (s *suite) watch() {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	err := s.Watch(ctx, s.load().Revision, func(tokenstore.Change) { s.Error("a change of nobody's") })
	if !errors.Is(err, context.Canceled) {
		s.Errorf("Watch returned %v", err)
	}
}

func (s *suite) closed() {
	if err := s.Close(); err != nil {
		s.Fatal(err)
	}
	if _, err := s.Load(s.Context()); !errors.Is(err, tokenstore.ErrClosed) {
		s.Errorf("Load says %v, want ErrClosed", err)
	}
	if err := s.Commit(s.Context(), creation(token(1))); !errors.Is(err, tokenstore.ErrClosed) {
		s.Errorf("Commit says %v, want ErrClosed", err)
	}
	if err := s.RecordUses(s.Context(), nil); !errors.Is(err, tokenstore.ErrClosed) {
		s.Errorf("RecordUses says %v, want ErrClosed", err)
	}
	if err := s.Close(); err != nil {
		s.Errorf("closing again: %v", err)
	}
	s.Store = s.open()
}
