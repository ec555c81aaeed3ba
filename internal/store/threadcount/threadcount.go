package threadcount

import (
	"container/list"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// DefaultBytes is the memory for counts, when Options names none.
const DefaultBytes = 64 << 20

// Count is of the threads that have a message in a mailbox.
type Count struct {
	Threads int64
	// Unread are those of them with a message that is neither \Seen nor \Draft, in whatever mailbox. What lies in the trash and nowhere
	// else does not count for other mailboxes, and for the trash nothing else does.
	Unread int64
	// UnreadHere are those with such a message in this mailbox: what somebody is told who does not see the others.
	UnreadHere int64
}

// Options says what a Store stands on.
type Options struct {
	Bytes int64 // that are kept; 0: DefaultBytes
}

// Store is the room. It is safe for concurrent use.
type Store struct {
	max int64

	mu      sync.Mutex
	entries map[mail.AccountID]*entry
	used    list.List // of *entry, the most recently used in front
	weight  int64
}

type entry struct {
	account mail.AccountID
	element *list.Element
	weight  int64

	mu sync.Mutex
	*counted
}

// New returns a Store.
func New(o Options) *Store {
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	return &Store{max: o.Bytes, entries: make(map[mail.AccountID]*entry)}
}

// Counts returns the counts of the mailboxes of an account that have messages, as t sees them or, where somebody has asked in a
// later view already, as they were there.
func (s *Store) Counts(t *tx.Tx, account mail.AccountID) (map[mail.MailboxID]Count, error) {
	e := s.entry(account)
	e.mu.Lock()
	defer e.mu.Unlock()
	at, err := look(t, account)
	if err != nil {
		return nil, err
	}
	if e.counted == nil || e.epoch != at.epoch || e.trash != at.trash {
		err = e.begin(t, account, at)
	} else if e.modseq < at.modseq {
		err = e.advance(t, account, at)
	}
	if err != nil {
		e.counted = nil // what was half done is not used
		return nil, err
	}
	out := make(map[mail.MailboxID]Count, len(e.totals))
	for id, c := range e.totals {
		out[id] = *c
	}
	s.weigh(e, e.counted.size())
	return out, nil
}

// entry finds or makes the entry of an account.
func (s *Store) entry(account mail.AccountID) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[account]
	if e == nil {
		e = &entry{account: account}
		e.element = s.used.PushFront(e)
		s.entries[account] = e
	}
	s.used.MoveToFront(e.element)
	return e
}

// weigh notes what an entry keeps, and forgets others when all keep too much.
func (s *Store) weigh(e *entry, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries[e.account] != e {
		return // forgotten meanwhile
	}
	s.weight += size - e.weight
	e.weight = size
	for s.weight > s.max && s.used.Len() > 1 {
		last := s.used.Remove(s.used.Back()).(*entry)
		delete(s.entries, last.account)
		s.weight -= last.weight
	}
}
