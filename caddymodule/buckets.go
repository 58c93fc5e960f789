package caddymodule

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// maxBuckets bounds the memory of a set of buckets to some megabytes, whoever
// comes from however many addresses. The least recently used goes first.
const maxBuckets = 1 << 15

// buckets are token buckets by key. The zero value is ready for use.
type buckets struct {
	mu    sync.Mutex
	byKey map[string]*list.Element
	order list.List // of *bucket; the most recently used first
}

type bucket struct {
	key, text string
	limiter   *rate.Limiter
}

// take takes one from key's bucket, which fills at the rate that text gives in
// the form of tokenstore.ParseRate. If the bucket is empty it takes nothing,
// and returns how long it will be.
func (b *buckets) take(key, text string, now time.Time) (wait time.Duration) {
	limiter := b.limiter(key, text)
	// Not Reserve and Cancel: a cancelled reservation gives back less when
	// others reserved meanwhile, and the rate sinks with the crowd.
	if limiter.AllowN(now, 1) {
		return 0
	}
	missing := 1 - limiter.TokensAt(now)
	return max(time.Duration(missing/float64(limiter.Limit())*float64(time.Second)), time.Millisecond)
}

func (b *buckets) limiter(key, text string) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if element, ok := b.byKey[key]; ok {
		found := element.Value.(*bucket)
		if found.text == text {
			b.order.MoveToFront(element)
			return found.limiter
		}
		b.remove(element) // the limit has been edited
	}
	if b.byKey == nil {
		b.byKey = map[string]*list.Element{}
	}
	if len(b.byKey) >= maxBuckets {
		b.remove(b.order.Back())
	}
	fresh := &bucket{key, text, newLimiter(text)}
	b.byKey[key] = b.order.PushFront(fresh)
	return fresh.limiter
}

func (b *buckets) remove(element *list.Element) {
	b.order.Remove(element)
	delete(b.byKey, element.Value.(*bucket).key)
}

// newLimiter makes a limiter of a text that was checked when it was written. A
// text that is wrong all the same lets nothing through.
func newLimiter(text string) *rate.Limiter {
	r, err := tokenstore.ParseRate(text)
	if err != nil {
		return rate.NewLimiter(rate.Every(time.Hour), 0)
	}
	return rate.NewLimiter(rate.Limit(float64(r.Count)/r.Per.Seconds()), r.Burst)
}

// counters count what is under way, by key. The zero value is ready for use.
type counters struct {
	mu    sync.Mutex
	byKey map[string]int
}

// enter counts one more, unless there are limit.
func (c *counters) enter(key string, limit int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[key] >= limit {
		return false
	}
	if c.byKey == nil {
		c.byKey = map[string]int{}
	}
	c.byKey[key]++
	return true
}

func (c *counters) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[key]--; c.byKey[key] == 0 {
		delete(c.byKey, key)
	}
}
