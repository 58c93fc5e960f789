package tokenstore

import (
	"cmp"
	"container/heap"
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

// topKeys keeps the first of many keys: a heap with the last of them on top, so
// that a page of a hundred thousand tokens costs no sorting of them all.
type topKeys struct {
	limit int
	order order
	keys  []sortKey
}

func (t *topKeys) add(k sortKey) {
	switch {
	case len(t.keys) < t.limit:
		heap.Push(t, k)
	case t.order.less(&k, &t.keys[0]):
		t.keys[0] = k
		heap.Fix(t, 0)
	}
}

// sorted returns the keys in their order.
func (t *topKeys) sorted() []sortKey {
	slices.SortFunc(t.keys, func(a, b sortKey) int {
		if t.order.less(&a, &b) {
			return -1
		}
		return 1
	})
	return t.keys
}

func (t *topKeys) Len() int           { return len(t.keys) }
func (t *topKeys) Less(i, j int) bool { return t.order.less(&t.keys[j], &t.keys[i]) }
func (t *topKeys) Swap(i, j int)      { t.keys[i], t.keys[j] = t.keys[j], t.keys[i] }
func (t *topKeys) Push(x any)         { t.keys = append(t.keys, x.(sortKey)) }
func (t *topKeys) Pop() any           { panic("unused") }

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
