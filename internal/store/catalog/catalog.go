package catalog

import (
	"container/list"
	"context"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// DefaultBytes is the memory for snapshots, when Options names none.
const DefaultBytes = 128 << 20

// Options says what a Store stands on.
type Options struct {
	Tx    *tx.Store
	Bytes int64 // for snapshots that are kept; 0: DefaultBytes
}

// Store gives snapshots. It is safe for concurrent use.
type Store struct {
	tx  *tx.Store
	max int64

	mu     sync.Mutex
	kept   map[mail.AccountID]*account
	used   list.List // of *account, the most recently used in front
	weight int64
}

// account is what is kept of one. Who holds its turn looks for what is new; others wait, so that it is read once.
type account struct {
	id      mail.AccountID
	turn    chan struct{}
	newest  *Snapshot // changed by who has the turn
	element *list.Element
	weight  int64
}

// New returns a Store.
func New(o Options) *Store {
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	return &Store{tx: o.Tx, max: o.Bytes, kept: map[mail.AccountID]*account{}}
}

// Get returns the newest state of an account: everything whose commit was answered before the call is in it. An account that does
// not exist is mail.NotFound.
func (s *Store) Get(ctx context.Context, id mail.AccountID) (*Snapshot, error) {
	a := s.find(id)
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return nil, mail.E("catalog.Get", mail.Unavailable, context.Cause(ctx))
	}
	known := a.newest
	err := s.tx.Read(ctx, func(t *tx.Tx) (err error) {
		a.newest, err = refresh(t, id, known)
		return err
	})
	if err != nil {
		a.newest = known
		if known == nil || mail.Is(err, mail.NotFound) {
			s.keep(a, nil)
		}
		return nil, err
	}
	if a.newest != known {
		s.keep(a, a.newest)
	}
	return a.newest, nil
}

// find returns what is kept of an account.
func (s *Store) find(id mail.AccountID) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.kept[id]
	if a == nil {
		a = &account{id: id, turn: make(chan struct{}, 1)}
		a.element = s.used.PushFront(a)
		s.kept[id] = a
	}
	s.used.MoveToFront(a.element)
	return a
}

// keep counts what is kept of an account now, nothing where there is no snapshot, and drops what is too much.
func (s *Store) keep(a *account, newest *Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept[a.id] != a {
		return // dropped while it was read
	}
	if newest == nil {
		s.drop(a)
		return
	}
	s.weight -= a.weight
	a.weight = newest.weight()
	s.weight += a.weight
	for s.weight > s.max && s.used.Len() > 1 {
		s.drop(s.used.Back().Value.(*account))
	}
}

// drop forgets an account. Who waits for its turn still gets a snapshot.
func (s *Store) drop(a *account) {
	delete(s.kept, a.id)
	s.used.Remove(a.element)
	s.weight -= a.weight
	a.weight = 0
}
