package tokenstore

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// table is everything that the Store holds but the audit trail, in memory,
// under the ways in which it is looked up.
//
// It changes in Service.apply alone, which holds both Service.editMu and
// Service.mu. So it may be read under either: edits, which hold editMu, read it
// freely; all others take mu.
type table struct {
	byKey  map[string]slot   // current and previous credentials
	byID   map[string]*entry // Token.ID
	byName map[string]*entry // FoldName(Token.Name)
	groups map[string]*Group // Group.Name

	// members are the tokens that hold a group, by its name.
	members map[string]map[*entry]struct{}

	// all holds every entry, in no order. Entries are appended in place and
	// deleted from a copy, so a reader may keep the slice that it saw.
	all []*entry
}

// slot is where a key leads.
type slot struct {
	entry *entry
	cred  *credential
}

// entry is a token in the table, over all its edits.
type entry struct {
	// state is replaced as a whole, so that lists read it without a lock.
	state atomic.Pointer[state]

	// lastUsed is when any credential of the token was last accepted, those
	// rotated out long ago included: Unix nanoseconds, 0 for never.
	lastUsed atomic.Int64

	mu       sync.Mutex // guards what follows, and the uses in credentials
	sessions []*Session
	timer    *time.Timer // runs while a session's end by time is due
	due      time.Time   // when timer fires; zero while it does not run
}

// state is a token between two edits. It is immutable.
type state struct {
	token    *Token
	grants   *Grants
	current  *credential
	previous *credential // nil if there is none

	name   string // FoldName(token.Name)
	search string // folded text that TokenQuery.Q looks in
}

// credential is a Credential with its verifier and its last use.
type credential struct {
	key string
	*verifier
	until time.Time // end of grace; zero for the current credential
	ended bool      // by an edit: whatever the clock says, the grace is over
	*use
}

// use is a credential's last use. It outlives edits of the token. The entry's
// mutex guards it.
type use struct {
	at    Use
	dirty bool // not yet written

	stale time.Time // when a use past the grace was last put on the audit trail
}

// over reports whether c's grace has ended.
func (c *credential) over(now time.Time) bool {
	return c.ended || !c.until.IsZero() && !now.Before(c.until)
}

func newTable() *table {
	return &table{
		byKey:   make(map[string]slot),
		byID:    make(map[string]*entry),
		byName:  make(map[string]*entry),
		groups:  make(map[string]*Group),
		members: make(map[string]map[*entry]struct{}),
	}
}

// compiler makes states. It shares equal sets of grants: most tokens of a
// large table hold one of few sets.
type compiler struct {
	group  func(name string) *Group
	grants map[string]*Grants
}

func newCompiler(group func(string) *Group) *compiler {
	return &compiler{group: group, grants: make(map[string]*Grants)}
}

// effective returns what t holds directly and by its groups.
func (c *compiler) effective(t *Token) *Grants {
	list := slices.Clone(t.Permissions)
	for _, name := range t.Groups {
		if g := c.group(name); g != nil {
			list = append(list, g.Permissions...)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	key := strings.Join(list, "\n")
	g, found := c.grants[key]
	if !found {
		g = NewGrants(list...)
		c.grants[key] = g
	}
	return g
}

// state compiles t. Credentials that old has too keep their uses.
func (c *compiler) state(t *Token, old *state) (*state, error) {
	st := &state{token: t, grants: c.effective(t), name: FoldName(t.Name)}
	st.search = strings.Join([]string{st.name, FoldName(t.Description), FoldName(t.User)}, "\n")
	var err error
	if st.current, err = newCredential(t, t.Credential, old); err != nil {
		return nil, fmt.Errorf("token %s: %w", t.ID, err)
	}
	if t.Previous != nil {
		if st.previous, err = newCredential(t, *t.Previous, old); err != nil {
			return nil, fmt.Errorf("token %s: %w", t.ID, err)
		}
	}
	return st, nil
}

// newCredential returns a credential of t. One whose end is not after the
// token's last edit was over then, and a clock set back does not revive it.
func newCredential(t *Token, stored Credential, old *state) (*credential, error) {
	c := &credential{key: stored.Key, verifier: newVerifier(stored)}
	if c.verifier == nil {
		return nil, fmt.Errorf("the stored hash of key %s is damaged", DisplayKey(stored.Key))
	}
	if stored.ValidUntil != nil {
		c.until = *stored.ValidUntil
		c.ended = !t.UpdatedAt.Before(c.until)
	}
	if was := old.credential(stored.Key); was != nil {
		c.use = was.use
	} else {
		c.use = new(use)
	}
	return c, nil
}

// credential returns the one with key, or nil.
func (st *state) credential(key string) *credential {
	switch {
	case st == nil:
		return nil
	case st.current.key == key:
		return st.current
	case st.previous != nil && st.previous.key == key:
		return st.previous
	}
	return nil
}

// put makes st the state of e, which may be new to the table.
func (t *table) put(e *entry, st *state) {
	if old := e.state.Load(); old != nil {
		t.unlink(e, old)
	} else {
		t.all = append(t.all, e)
	}
	e.state.Store(st)
	t.byID[st.token.ID] = e
	t.byName[st.name] = e
	t.byKey[st.current.key] = slot{e, st.current}
	if st.previous != nil {
		t.byKey[st.previous.key] = slot{e, st.previous}
	}
	for _, name := range st.token.Groups {
		if t.members[name] == nil {
			t.members[name] = make(map[*entry]struct{})
		}
		t.members[name][e] = struct{}{}
	}
}

// unlink takes the ways that lead to st's token out of the table, each only if
// it still leads there: two tokens may swap their names in one change.
func (t *table) unlink(e *entry, st *state) {
	delete(t.byID, st.token.ID)
	if t.byName[st.name] == e {
		delete(t.byName, st.name)
	}
	for _, c := range []*credential{st.current, st.previous} {
		if c != nil && t.byKey[c.key].entry == e {
			delete(t.byKey, c.key)
		}
	}
	for _, name := range st.token.Groups {
		delete(t.members[name], e)
		if len(t.members[name]) == 0 {
			delete(t.members, name)
		}
	}
}

// remove takes entries out of the table.
func (t *table) remove(gone map[*entry]struct{}) {
	if len(gone) == 0 {
		return
	}
	for e := range gone {
		t.unlink(e, e.state.Load())
	}
	kept := make([]*entry, 0, len(t.all)-len(gone))
	for _, e := range t.all {
		if _, found := gone[e]; !found {
			kept = append(kept, e)
		}
	}
	t.all = kept
}

// find returns the entry of a token's id or of one of its keys, or nil: the
// key of the secret before the last rotation is what older logs show.
func (t *table) find(ref string) *entry {
	if e := t.byID[ref]; e != nil {
		return e
	}
	return t.byKey[ref].entry
}
