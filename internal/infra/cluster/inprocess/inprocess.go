// Package inprocess is the cluster of one node: a bus whose messages are function calls.
//
// Publish calls the handlers itself, in the order of their subscription, before it returns. Nothing is ever lost.
package inprocess

import (
	"slices"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
)

// Bus implements cluster.Bus. Its zero value is ready.
type Bus struct {
	mu sync.RWMutex
	// Lists are replaced, never changed, so that Publish walks one without the lock and handlers may subscribe.
	subscriptions map[string][]*subscription
}

type subscription struct{ handler func([]byte) }

var _ cluster.Bus = (*Bus)(nil)

// New returns a bus without subscriptions.
func New() *Bus { return new(Bus) }

// Publish implements cluster.Bus.
func (b *Bus) Publish(subject string, payload []byte) {
	if !cluster.Valid(subject, payload) {
		return
	}
	b.mu.RLock()
	list := b.subscriptions[subject]
	b.mu.RUnlock()
	for _, s := range list {
		s.handler(payload)
	}
}

// Subscribe implements cluster.Bus. A subject that breaks the limits hears nothing.
func (b *Bus) Subscribe(subject string, handler func([]byte)) (cancel func()) {
	s := &subscription{handler}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subscriptions == nil {
		b.subscriptions = make(map[string][]*subscription)
	}
	b.subscriptions[subject] = append(slices.Clip(b.subscriptions[subject]), s)
	return sync.OnceFunc(func() { b.remove(subject, s) })
}

func (b *Bus) remove(subject string, s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.subscriptions[subject]
	i := slices.Index(list, s)
	list = slices.Delete(slices.Clone(list), i, i+1)
	if len(list) == 0 {
		delete(b.subscriptions, subject)
		return
	}
	b.subscriptions[subject] = list
}
