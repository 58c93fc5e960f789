package tokenstore

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// order is a sort key of tokens and its direction.
type order struct {
	field string
	desc  bool
}

// sortKey is where a token stands in an order: by number or by text, as the
// field has it, then by id, so that no two stand in the same place.
type sortKey struct {
	number int64
	word   string
	id     string

	entry *entry
	state *state
}

func parseOrder(s string) (order, error) {
	field, desc := strings.CutPrefix(s, "-")
	switch field {
	case "name", "user", "created_at", "updated_at", "expires_at", "last_used_at":
		return order{field, desc}, nil
	}
	return order{}, fieldError("sort", "%.40q: expected name, user, created_at, updated_at, expires_at or last_used_at, with - in front for descending", s)
}

// key returns where e stands.
func (o order) key(e *entry, st *state) sortKey {
	k := sortKey{id: st.token.ID, entry: e, state: st}
	switch o.field {
	case "name":
		k.word = st.name
	case "user":
		k.word = st.token.User
	case "created_at":
		k.number = st.token.CreatedAt.UnixNano()
	case "updated_at":
		k.number = st.token.UpdatedAt.UnixNano()
	case "expires_at":
		k.number = math.MaxInt64
		if at := st.token.ExpiresAt; at != nil {
			k.number = at.UnixMilli() // nanoseconds end with the year 2262
		}
	case "last_used_at":
		k.number = e.lastUsed.Load()
	}
	return k
}

// less reports whether a comes before b.
func (o order) less(a, b *sortKey) bool {
	c := cmp.Compare(a.number, b.number)
	if c == 0 {
		c = cmp.Or(strings.Compare(a.word, b.word), strings.Compare(a.id, b.id))
	}
	if o.desc {
		return c > 0
	}
	return c < 0
}

// topKeys keeps the first of many keys, so that a page of a hundred thousand
// tokens costs no sorting of them all: it gathers twice as many as it needs,
// and then lets go of the worse half.
type topKeys struct {
	limit int
	order order
	keys  []sortKey
	full  bool // keys[limit-1] is the last that may still come in
}

func (t *topKeys) add(k sortKey) {
	if t.full && !t.order.less(&k, &t.keys[t.limit-1]) {
		return
	}
	if t.keys = append(t.keys, k); len(t.keys) == 2*t.limit {
		t.sorted()
		t.full = true
	}
}

// sorted returns the first limit keys in their order.
func (t *topKeys) sorted() []sortKey {
	slices.SortFunc(t.keys, func(a, b sortKey) int {
		if t.order.less(&a, &b) {
			return -1
		}
		return 1
	})
	t.keys = t.keys[:min(t.limit, len(t.keys))]
	return t.keys
}

// text returns k as a cursor holds it.
func (k sortKey) text() []byte {
	return []byte(strconv.FormatInt(k.number, 10) + "\n" + k.id + "\n" + k.word)
}

// parseSortKey reads what text wrote.
func parseSortKey(text []byte) (*sortKey, error) {
	number, rest, _ := strings.Cut(string(text), "\n")
	id, word, found := strings.Cut(rest, "\n")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !found {
		return nil, errCursor
	}
	return &sortKey{number: n, id: id, word: word}, nil
}
