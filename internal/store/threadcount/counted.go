package threadcount

import (
	"encoding/binary"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// counted is what is known of an account at one number of its log.
type counted struct {
	version
	threads map[mail.ThreadID]int32   // each thread's kind
	kinds   []kind                    // most threads are of few kinds: alone in one mailbox, read
	numbers map[string]int32          // of the kinds, by their keys
	totals  map[mail.MailboxID]*Count // of mailboxes that have threads
}

// version says of what something was counted.
type version struct {
	epoch  int64
	modseq mail.ModSeq
	trash  mail.MailboxID // the mailbox of that role, 0 for none
}

// kind is what a thread adds to the counts: to each mailbox where it has messages, in order.
type kind []share

type share struct {
	mailbox      mail.MailboxID
	unread, here bool
}

// place is a message of a thread in a mailbox.
type place struct {
	thread  mail.ThreadID
	email   mail.EmailID
	mailbox mail.MailboxID
	flags   mail.Flag
}

const hidden, read = mail.Deleted, mail.Seen | mail.Draft

func newCounted(at version) *counted {
	return &counted{version: at, threads: map[mail.ThreadID]int32{}, numbers: map[string]int32{}, totals: map[mail.MailboxID]*Count{}}
}

// size is about how many bytes it keeps.
func (c *counted) size() int64 {
	return int64(len(c.threads))*40 + int64(len(c.kinds))*160 + int64(len(c.totals))*64 + 512
}

// set takes the messages of a thread, those of one email next to each other, instead of what was known of it.
func (c *counted) set(id mail.ThreadID, places []place) {
	if number, known := c.threads[id]; known {
		c.add(c.kinds[number], -1)
		delete(c.threads, id)
	}
	if k := c.kindOf(places); len(k) > 0 {
		number := c.number(k)
		c.threads[id] = number
		c.add(c.kinds[number], 1)
	}
}

func (c *counted) add(k kind, n int64) {
	for _, s := range k {
		t := c.totals[s.mailbox]
		if t == nil {
			t = new(Count)
			c.totals[s.mailbox] = t
		}
		t.Threads += n
		if s.unread {
			t.Unread += n
		}
		if s.here {
			t.UnreadHere += n
		}
		if *t == (Count{}) {
			delete(c.totals, s.mailbox)
		}
	}
}

// kindOf is RFC 8621 2's rule for unreadThreads.
func (c *counted) kindOf(places []place) (k kind) {
	outside, inTrash := false, false // is an unread message in a mailbox besides the trash; in the trash
	for _, p := range places {
		if p.flags&hidden != 0 {
			continue
		}
		unread := p.flags&read == 0
		if unread && p.mailbox == c.trash {
			inTrash = true
		} else if unread {
			outside = true
		}
		at, found := slices.BinarySearchFunc(k, p.mailbox, func(s share, id mail.MailboxID) int { return int(min(1, max(-1, s.mailbox-id))) })
		if !found {
			k = slices.Insert(k, at, share{mailbox: p.mailbox})
		}
		k[at].here = k[at].here || unread
	}
	for i := range k {
		k[i].unread = outside
		if k[i].mailbox == c.trash {
			k[i].unread = inTrash
		}
	}
	return k
}

// number finds a kind's number.
func (c *counted) number(k kind) int32 {
	var key []byte
	for _, s := range k {
		bits := int64(0)
		if s.unread {
			bits |= 1
		}
		if s.here {
			bits |= 2
		}
		key = binary.AppendVarint(binary.AppendVarint(key, int64(s.mailbox)), bits)
	}
	number, known := c.numbers[string(key)]
	if !known {
		number = int32(len(c.kinds))
		c.kinds = append(c.kinds, k)
		c.numbers[string(key)] = number
	}
	return number
}
