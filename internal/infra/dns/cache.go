package dns

import (
	"container/list"
	"sync"
	"time"
)

const (
	cacheBytes  = 8 << 20
	maxKeep     = time.Hour       // of an answer, whatever its TTL says: what is wrong mends itself soon
	maxKeepNone = 5 * time.Minute // that there is none (RFC 2308 5 asks for a bound)
	keepFailure = 5 * time.Second // that nobody knows (RFC 9520 3.2: at least one second)
)

// cache keeps findings for as long as they say, and no more than size bytes of them: those that were not used for longest
// go first.
type cache struct {
	size int

	mu      sync.Mutex
	used    int
	entries map[question]*list.Element
	order   *list.List // of *entry, the one used last in front
}

type entry struct {
	question
	finding *finding
	until   time.Time
	bytes   int
}

func newCache(size int) *cache {
	return &cache{size: size, entries: map[question]*list.Element{}, order: list.New()}
}

func (c *cache) get(q question, now time.Time) *finding {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.entries[q]
	if element == nil {
		return nil
	}
	e := element.Value.(*entry)
	if !now.Before(e.until) {
		c.remove(element)
		return nil
	}
	c.order.MoveToFront(element)
	return e.finding
}

func (c *cache) put(q question, f *finding, now time.Time) {
	if f.keep <= 0 {
		return
	}
	e := &entry{question: q, finding: f, until: now.Add(f.keep), bytes: 500 + len(q.name) + 4*f.wireBytes} // parsed, a record takes some times its wire form
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.entries[q]; old != nil {
		c.remove(old)
	}
	c.entries[q] = c.order.PushFront(e)
	c.used += e.bytes
	for c.used > c.size {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(element *list.Element) {
	e := c.order.Remove(element).(*entry)
	delete(c.entries, e.question)
	c.used -= e.bytes
}
