package search

import (
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// cachedText is how much text is remembered.
const cachedText = 8 << 20

// textCache remembers texts by the object they were made of: recipients of one message share it, and are indexed one soon
// after the other. The oldest go first.
type textCache struct {
	mu    sync.Mutex
	texts map[mail.ObjectID]kept
	order []mail.ObjectID
	size  int
}

func (c *textCache) get(id mail.ObjectID) (kept, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.texts[id]
	return k, ok
}

func (c *textCache) put(id mail.ObjectID, k kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.texts[id]; there {
		return
	}
	if c.texts == nil {
		c.texts = map[mail.ObjectID]kept{}
	}
	c.texts[id] = k
	c.order = append(c.order, id)
	for c.size += len(k.text); c.size > cachedText; c.order = c.order[1:] {
		c.size -= len(c.texts[c.order[0]].text)
		delete(c.texts, c.order[0])
	}
}
