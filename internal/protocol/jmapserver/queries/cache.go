package queries

import (
	"container/list"
	"context"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// derived is something made of a snapshot that is worth keeping.
type derived interface{ weight() int64 }

// cache keeps what was derived, the least recently used goes first. Whoever wants the same at the same time waits until the first
// has made it, and brings that up to date.
type cache struct {
	max int64

	mu      sync.Mutex
	entries map[string]*cached
	used    list.List // of *cached, the most recently used in front
	weight  int64
}

type cached struct {
	key     string
	turn    chan struct{}
	value   derived // changed by who has the turn; nil: nothing yet
	element *list.Element
	weight  int64
}

// entryWeight is what an entry takes by itself.
const entryWeight = 512

func newCache(max int64) *cache { return &cache{max: max, entries: map[string]*cached{}} }

// derive returns what make makes of what is kept under a key, nil where that is nothing, and keeps it.
func derive[T derived](ctx context.Context, c *cache, key string, make func(known T) (T, error)) (T, error) {
	var none T
	e := c.find(key)
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return none, mail.E("queries.derive", mail.Unavailable, context.Cause(ctx))
	}
	known, _ := e.value.(T)
	value, err := make(known)
	if err != nil {
		c.keep(e, e.value)
		return none, err
	}
	e.value = value
	c.keep(e, value)
	return value, nil
}

func (c *cache) find(key string) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		e = &cached{key: key, turn: make(chan struct{}, 1)}
		e.element = c.used.PushFront(e)
		c.entries[key] = e
	}
	c.used.MoveToFront(e.element)
	return e
}

// keep counts what an entry has now, and drops what is too much.
func (c *cache) keep(e *cached, value derived) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[e.key] != e {
		return // dropped while it was made
	}
	c.weight -= e.weight
	if e.weight = 0; value != nil {
		e.weight = entryWeight + value.weight()
	}
	c.weight += e.weight
	if value == nil || e.weight > c.max {
		c.drop(e)
	}
	for c.weight > c.max {
		c.drop(c.used.Back().Value.(*cached))
	}
}

func (c *cache) drop(e *cached) {
	delete(c.entries, e.key)
	c.used.Remove(e.element)
	c.weight -= e.weight
	e.weight = 0
}
