package mailbox

import (
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// View is one committed state of a mailbox: its messages in order of UID, and its counters. It never changes and is
// shared by all who hold it; a newer state is another View that shares the parts which did not change.
type View struct {
	account mail.AccountID
	mailbox mail.MailboxID
	status  Status
	chunks  []*chunk
	starts  []int // starts[i]: messages before chunks[i]
	length  int
	sets    *keywordSets
}

// Entry is one message of a view. It is kept small: a mailbox of 100,000 messages is 4 MB for all of its sessions.
type Entry struct {
	Email    mail.EmailID
	ModSeq   mail.ModSeq
	Received int64 // unix milliseconds: INTERNALDATE
	UID      mail.UID
	Size     uint32
	Flags    mail.Flag
	keywords uint32 // number of its set in View.sets
}

// chunkSize is how many entries are copied to change one.
const chunkSize = 256

// chunk is a run of entries, 1 to chunkSize, in order of UID. It never changes once a view holds it.
type chunk struct{ entries []Entry }

func (c *chunk) last() mail.UID { return c.entries[len(c.entries)-1].UID }

// Account is the account the mailbox belongs to.
func (v *View) Account() mail.AccountID { return v.account }

// Mailbox is the mailbox this is a state of.
func (v *View) Mailbox() mail.MailboxID { return v.mailbox }

// Status is the mailbox's numbers in this state.
func (v *View) Status() Status { return v.status }

// Len is how many messages there are: IMAP's EXISTS.
func (v *View) Len() int { return v.length }

// At returns the message with a sequence number, 1 to Len, or the zero Entry.
func (v *View) At(seq int) Entry {
	if seq < 1 || seq > v.length {
		return Entry{}
	}
	i := v.chunkOf(seq)
	return v.chunks[i].entries[seq-1-v.starts[i]]
}

// Find returns the message with a UID and its sequence number, 0 when there is none.
func (v *View) Find(uid mail.UID) (Entry, int) {
	seq := v.Seq(uid)
	if e := v.At(seq); e.UID == uid && uid != 0 {
		return e, seq
	}
	return Entry{}, 0
}

// Seq returns the sequence number of the first message whose UID is uid or higher, Len+1 when there is none.
func (v *View) Seq(uid mail.UID) int {
	i := sort.Search(len(v.chunks), func(i int) bool { return v.chunks[i].last() >= uid })
	if i == len(v.chunks) {
		return v.length + 1
	}
	entries := v.chunks[i].entries
	j := sort.Search(len(entries), func(j int) bool { return entries[j].UID >= uid })
	return v.starts[i] + j + 1
}

// All yields the messages with their sequence numbers.
func (v *View) All() iter.Seq2[int, Entry] { return v.Range(1, v.length) }

// Range yields the messages with sequence numbers first to last.
func (v *View) Range(first, last int) iter.Seq2[int, Entry] {
	first, last = max(first, 1), min(last, v.length)
	return func(yield func(int, Entry) bool) {
		if first > last {
			return
		}
		for i := v.chunkOf(first); i < len(v.chunks) && v.starts[i] < last; i++ {
			entries := v.chunks[i].entries
			for j := max(0, first-1-v.starts[i]); j < len(entries) && v.starts[i]+j < last; j++ {
				if !yield(v.starts[i]+j+1, entries[j]) {
					return
				}
			}
		}
	}
}

// chunkOf returns the index of the chunk that holds a sequence number.
func (v *View) chunkOf(seq int) int {
	return sort.Search(len(v.starts), func(i int) bool { return v.starts[i] >= seq }) - 1
}

// UIDs returns the UIDs of the messages with the sequence numbers of a normal set.
func (v *View) UIDs(seqs imap.Set) imap.Set {
	var out imap.Set
	for _, r := range seqs {
		for _, e := range v.Range(int(r.Start), int(r.Stop)) {
			out.Add(uint32(e.UID))
		}
	}
	return out
}

// Seqs returns the sequence numbers of the messages whose UIDs are in a normal set.
func (v *View) Seqs(uids imap.Set) imap.Set {
	out := make(imap.Set, 0, min(len(uids), v.length))
	at := finder{view: v}
	for _, r := range uids {
		first, last := at.forward(mail.UID(r.Start)), v.length
		if uint64(r.Stop) < uint64(v.status.UIDNext) { // below UIDNEXT the next number cannot overflow
			last = at.forward(mail.UID(r.Stop)+1) - 1
		}
		if first <= last {
			out = append(out, imap.Range{Start: uint32(first), Stop: uint32(last)})
		}
	}
	return out.Resolve(0)
}

// finder answers as View.Seq does, for UIDs that ascend: the next message is mostly the one that is looked for.
type finder struct {
	view         *View
	chunk, entry int
}

func (f *finder) forward(uid mail.UID) int {
	chunks := f.view.chunks
	for f.chunk < len(chunks) && chunks[f.chunk].last() < uid {
		f.chunk, f.entry = f.chunk+1, 0
	}
	if f.chunk == len(chunks) {
		return f.view.length + 1
	}
	// The chunk ends with uid or a higher one. Steps that double bound what is left to search.
	left, step := chunks[f.chunk].entries[f.entry:], 1
	for step < len(left) && left[step-1].UID < uid {
		step *= 2
	}
	low, high := step/2, min(step, len(left))
	f.entry += low + sort.Search(high-low, func(i int) bool { return left[low+i].UID >= uid })
	return f.view.starts[f.chunk] + f.entry + 1
}

// Flagged returns the UIDs of the messages that have one of the flags.
func (v *View) Flagged(flags mail.Flag) imap.Set {
	var out imap.Set
	for _, e := range v.All() {
		if e.Flags&flags != 0 {
			out.Add(uint32(e.UID))
		}
	}
	return out
}

// Keywords returns the keywords of a message of this view, besides those with a bit. They must not be changed.
func (v *View) Keywords(e Entry) []string { return v.sets.names(e.keywords) }

// FlagsOf returns the flags and keywords of a message of this view. The keywords must not be changed.
func (v *View) FlagsOf(e Entry) mail.Flags {
	return mail.Flags{Bits: e.Flags, Keywords: v.Keywords(e)}
}

// MaxKeywordsListed bounds KeywordsInUse: a client may give every message keywords of its own.
const MaxKeywordsListed = 1000

// KeywordsInUse lists keywords that messages of the mailbox have, besides those with a bit, in order: at most
// MaxKeywordsListed, and perhaps some that no message has any more.
func (v *View) KeywordsInUse() []string { return v.sets.inUse() }

// weight is about how many bytes the view keeps alone.
func (v *View) weight() int64 {
	return int64(v.length)*40 + int64(len(v.chunks))*48 + v.sets.bytes + 256
}

// keywordSets numbers the distinct sets of keywords of a view. It never changes once a view holds it. Number 0 is the
// empty set.
type keywordSets struct {
	sets  []keywordSet
	bytes int64
	inUse func() []string
}

type keywordSet struct {
	text  string // as in the row: separated by one space
	names []string
}

func newKeywordSets(sets []keywordSet) *keywordSets {
	k := &keywordSets{sets: sets}
	for _, s := range sets {
		k.bytes += int64(len(s.text)) + 56 + 16*int64(len(s.names))
	}
	k.inUse = sync.OnceValue(k.list)
	return k
}

func (k *keywordSets) names(number uint32) []string {
	if number == 0 {
		return nil
	}
	return k.sets[number].names
}

func (k *keywordSets) list() []string {
	seen := make(map[string]string)
	for _, s := range k.sets {
		for _, name := range s.names {
			if folded := strings.ToLower(name); seen[folded] == "" && len(seen) < MaxKeywordsListed {
				seen[folded] = name
			}
		}
	}
	names := make([]string, 0, len(seen))
	for _, name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
