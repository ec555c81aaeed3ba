package mailbox

import (
	"container/list"
	"context"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// viewKey names a mailbox in the cache: with its account, so that an id of another account finds nothing.
type viewKey struct {
	account mail.AccountID
	mailbox mail.MailboxID
}

// snapshot is a view and the number of the account at which it was known to be the newest.
type snapshot struct {
	view *View
	at   mail.ModSeq
}

// viewCache keeps the newest known view of mailboxes, least recently used ones dropped first. All who ask for the same
// mailbox at the same time share one reading, but never one that began before they asked: a caller sees every commit
// that was answered before its call.
type viewCache struct {
	refresh func(ctx context.Context, key viewKey, known snapshot) (snapshot, error)
	max     int64 // bytes

	mu      sync.Mutex
	entries map[viewKey]*cachedView
	used    list.List // of *cachedView, the most recently used in front
	weight  int64
}

type cachedView struct {
	key     viewKey
	element *list.Element
	known   snapshot // view is nil before the first reading
	weight  int64
	reading *reading // going on
	next    *reading // begins when that one has ended
}

// reading is one question to the database, awaited by many.
type reading struct {
	done chan struct{}
	view *View
	err  error
}

func newViewCache(max int64, refresh func(context.Context, viewKey, snapshot) (snapshot, error)) *viewCache {
	return &viewCache{refresh: refresh, max: max, entries: make(map[viewKey]*cachedView)}
}

// get returns the newest committed view, without a question to the database if the one at hand is known to hold
// everything up to atLeast, which is not 0.
func (c *viewCache) get(ctx context.Context, key viewKey, atLeast mail.ModSeq) (*View, error) {
	c.mu.Lock()
	e := c.entries[key]
	if e == nil {
		e = &cachedView{key: key}
		e.element = c.used.PushFront(e)
		c.entries[key] = e
	}
	c.used.MoveToFront(e.element)
	if atLeast > 0 && e.known.view != nil && e.known.at >= atLeast {
		defer c.mu.Unlock()
		return e.known.view, nil
	}
	r := c.join(ctx, e)
	c.mu.Unlock()
	select {
	case <-r.done:
		return r.view, r.err
	case <-ctx.Done():
		return nil, mail.E("mailbox.View", mail.Unavailable, context.Cause(ctx))
	}
}

// join returns a reading that has not begun yet, or begins one if none is going on.
func (c *viewCache) join(ctx context.Context, e *cachedView) *reading {
	if e.reading == nil {
		e.reading = &reading{done: make(chan struct{})}
		go c.run(context.WithoutCancel(ctx), e) // others may join it: the end of the first caller must not end it
		return e.reading
	}
	if e.next == nil {
		e.next = &reading{done: make(chan struct{})}
	}
	return e.next
}

// run does readings of an entry until none is wanted.
func (c *viewCache) run(ctx context.Context, e *cachedView) {
	for {
		c.mu.Lock()
		r, known := e.reading, e.known
		c.mu.Unlock()

		fresh, err := c.refresh(ctx, e.key, known)
		r.view, r.err = fresh.view, err

		c.mu.Lock()
		c.keep(e, fresh, err)
		e.reading, e.next = e.next, nil
		more := e.reading != nil
		c.mu.Unlock()
		close(r.done)
		if !more {
			return
		}
	}
}

// keep takes the outcome of a reading into the cache and drops what is too much.
func (c *viewCache) keep(e *cachedView, fresh snapshot, err error) {
	if err != nil {
		if e.known.view == nil || mail.Is(err, mail.NotFound) {
			c.drop(e)
		}
		return
	}
	if c.entries[e.key] != e {
		return // dropped while it was read
	}
	e.known = fresh
	c.weight -= e.weight
	e.weight = fresh.view.weight()
	c.weight += e.weight
	for c.weight > c.max && c.used.Len() > 1 {
		c.drop(c.used.Back().Value.(*cachedView))
	}
}

// drop forgets an entry. Readings of it go on for those who wait.
func (c *viewCache) drop(e *cachedView) {
	if c.entries[e.key] == e {
		delete(c.entries, e.key)
		c.used.Remove(e.element)
		c.weight -= e.weight
		e.weight = 0
	}
}
