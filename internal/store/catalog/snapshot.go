package catalog

import (
	"cmp"
	"iter"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Entry is an email as lists see it.
type Entry struct {
	Email      mail.EmailID
	Thread     mail.ThreadID
	Received   int64     // unix milliseconds
	Sent       int64     // of the Date field, or that of arrival; unix milliseconds
	Size       uint32    // math.MaxUint32 for all that is larger
	Flags      mail.Flag // without \Deleted
	Attachment bool

	keywords  uint32 // number of the set of other keywords
	mailboxes uint32 // number of the set of mailboxes
	thread    uint32 // number of the thread
}

const entrySize = 56

// pageSize is how many entries are copied to change one.
const pageSize = 256

type page [pageSize]Entry

// Snapshot is one committed state of an account's emails. It never changes.
type Snapshot struct {
	Account mail.AccountID
	Epoch   int64
	At      mail.ModSeq // the change log is in it up to here
	Changed mail.ModSeq // the last number that a list may depend on: what is the same at the same number is the same

	line     *line // of the snapshots that follow one another
	pages    []*page
	slots    int      // in use up to here
	free     []uint32 // below, in use by none
	threads  uint32   // numbers given to threads
	byID     List
	byThread List
	keywords []set[string]
	places   []set[mail.MailboxID]

	log       []change // since the line began; snapshots share it
	forgotten int      // changes that the log does not have any more
}

// change is a slot that changed, shifted by one; the lowest bit tells that it has another email, or none any more.
type change uint64

// line is what the snapshots of a line share: numbers of sets. It is used by who makes the next one, one at a time.
type line struct {
	keywords map[string]uint32
	places   map[string]uint32
}

// set is a set of keywords or mailboxes, with the text that names it in line.
type set[T any] struct {
	text string
	list []T
}

// Len is how many emails there are.
func (s *Snapshot) Len() int { return s.byID.Len() }

// Slots is above every slot.
func (s *Snapshot) Slots() int { return s.slots }

// Threads is above the number of every thread.
func (s *Snapshot) Threads() int { return int(s.threads) }

// Entry returns the email at a slot; the zero Entry where there is none. It must not be changed.
func (s *Snapshot) Entry(slot uint32) *Entry { return &s.pages[slot/pageSize][slot%pageSize] }

// All yields the slots of all emails, in the order of their ids.
func (s *Snapshot) All() iter.Seq[uint32] { return s.byID.All() }

// Find returns the slot of an email.
func (s *Snapshot) Find(id mail.EmailID) (slot uint32, ok bool) {
	for slot := range s.byID.Under(uint64(id)) {
		return slot, true
	}
	return 0, false
}

// InThread yields the slots of the emails of a thread.
func (s *Snapshot) InThread(id mail.ThreadID) iter.Seq[uint32] { return s.byThread.Under(uint64(id)) }

// ThreadNumber is a number for the thread of an email, below Threads.
func (e *Entry) ThreadNumber() uint32 { return e.thread }

// FlagsOf returns the keywords of an email. They must not be changed.
func (s *Snapshot) FlagsOf(e *Entry) mail.Flags {
	return mail.Flags{Bits: e.Flags, Keywords: s.keywords[e.keywords].list}
}

// HasFlag returns what tells whether an email of this snapshot has a flag or keyword, at the cost of one look.
func (s *Snapshot) HasFlag(name string) func(*Entry) bool {
	if bit, known := mail.FlagNamed(name); known {
		return func(e *Entry) bool { return e.Flags&bit != 0 }
	}
	having := NewBits(len(s.keywords))
	for i := range s.keywords {
		if (mail.Flags{Keywords: s.keywords[i].list}).Has(name) {
			having.Add(uint32(i))
		}
	}
	return func(e *Entry) bool { return having.Has(e.keywords) }
}

// Mailboxes returns where an email lies, in order. It must not be changed.
func (s *Snapshot) Mailboxes(e *Entry) []mail.MailboxID { return s.places[e.mailboxes].list }

// ByID is the order of ids, by which what is otherwise the same is sorted.
func (s *Snapshot) ByID(a, b uint32) int { return cmp.Compare(s.Entry(a).Email, s.Entry(b).Email) }

// weight is about how many bytes the snapshot keeps.
func (s *Snapshot) weight() int64 {
	n := int64(len(s.pages))*pageSize*entrySize + 2*ItemSize*int64(s.Len()) + int64(8*cap(s.log))
	for _, k := range s.keywords {
		n += int64(2*len(k.text)) + 64 + 16*int64(len(k.list))
	}
	for _, p := range s.places {
		n += int64(2*len(p.text)) + 64 + 8*int64(len(p.list))
	}
	return n
}

// Point is a place in the line of an account's snapshots. What is made of a snapshot remembers it.
type Point struct {
	line *line
	at   int
}

// Point is where the snapshot stands.
func (s *Snapshot) Point() Point { return Point{s.line, s.forgotten + len(s.log)} }

// Follows reports whether the snapshot follows the one at a point, or is that one, and it is known what lies between: After can
// tell.
func (s *Snapshot) Follows(p Point) bool {
	return s.line == p.line && s.forgotten <= p.at && p.at <= s.forgotten+len(s.log)
}

// Before reports whether the snapshot came before the one at a point.
func (s *Snapshot) Before(p Point) bool { return s.line == p.line && s.forgotten+len(s.log) < p.at }

// After lists the slots at which something changed after a point. other: some have another email, or none, than they had then.
func (s *Snapshot) After(p Point) iter.Seq2[uint32, bool] {
	return func(yield func(slot uint32, other bool) bool) {
		for _, c := range s.log[p.at-s.forgotten:] {
			if !yield(uint32(c>>1), c&1 != 0) {
				return
			}
		}
	}
}

// numberOf gives a set its number in a line.
func numberOf[T any](numbers map[string]uint32, sets *[]set[T], text string, list func() []T) uint32 {
	n, known := numbers[text]
	if !known {
		n = uint32(len(*sets))
		numbers[text] = n
		*sets = append(slices.Clip(*sets), set[T]{text, list()})
	}
	return n
}
