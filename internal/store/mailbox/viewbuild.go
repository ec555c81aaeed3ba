package mailbox

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// interner gives numbers to sets of keywords while a view is built.
type interner struct {
	old     *keywordSets // what the view began with, nil for none
	sets    []keywordSet
	numbers map[string]uint32 // made when first needed: most mailboxes have no keywords
}

func newInterner(old *keywordSets) *interner {
	if old == nil {
		return &interner{sets: []keywordSet{{}}}
	}
	return &interner{old: old, sets: old.sets}
}

func (in *interner) number(text string) uint32 {
	if text == "" {
		return 0
	}
	if in.numbers == nil {
		in.numbers = make(map[string]uint32, len(in.sets))
		for i, s := range in.sets {
			in.numbers[s.text] = uint32(i)
		}
	}
	n, ok := in.numbers[text]
	if !ok {
		n = uint32(len(in.sets))
		in.numbers[text] = n
		in.sets = append(slices.Clip(in.sets), keywordSet{text, strings.Split(text, " ")})
	}
	return n
}

func (in *interner) done() *keywordSets {
	if in.old != nil && len(in.sets) == len(in.old.sets) {
		return in.old
	}
	return newKeywordSets(in.sets)
}

// builder collects the chunks of a view in order of UID.
type builder struct {
	chunks []*chunk
	fill   []Entry // being filled, not yet in chunks
}

// add puts an entry behind all others.
func (b *builder) add(e Entry) {
	if len(b.fill) == chunkSize {
		b.flush()
	}
	if b.fill == nil {
		b.fill = make([]Entry, 0, chunkSize)
	}
	b.fill = append(b.fill, e)
}

// share puts a whole chunk of another view behind all others. What is being filled goes before it, joined with it when
// both are small, so that deleting does not leave many tiny chunks.
func (b *builder) share(c *chunk) {
	if n := len(b.fill); n > 0 && n+len(c.entries) <= chunkSize/2 {
		b.fill = append(b.fill, c.entries...)
		return
	}
	b.flush()
	b.chunks = append(b.chunks, c)
}

func (b *builder) flush() {
	switch n := len(b.fill); {
	case n == 0:
	case n > chunkSize/2:
		b.chunks = append(b.chunks, &chunk{b.fill})
		b.fill = nil
	default: // a mailbox of one message shall not keep room for 256
		b.chunks = append(b.chunks, &chunk{append(make([]Entry, 0, n), b.fill...)})
		b.fill = b.fill[:0]
	}
}

func (b *builder) view(account mail.AccountID, mailbox mail.MailboxID, status Status, sets *keywordSets) *View {
	b.flush()
	v := &View{account: account, mailbox: mailbox, status: status, chunks: b.chunks, sets: sets}
	v.starts = make([]int, len(v.chunks))
	for i, c := range v.chunks {
		v.starts[i] = v.length
		v.length += len(c.entries)
	}
	return v
}

// advance returns the view that comes after v: without gone, with the entries of put in place of those with their UIDs
// or added. Both are in order of UID and hold no UID in common. Chunks that nothing falls into are shared.
func (v *View) advance(status Status, gone []mail.UID, put []Entry, sets *keywordSets) *View {
	var b builder
	b.chunks = make([]*chunk, 0, len(v.chunks)+1)
	for i, c := range v.chunks {
		last := c.last()
		if i == len(v.chunks)-1 && len(c.entries) < chunkSize {
			last = ^mail.UID(0) // what comes behind all others is added to the last chunk
		}
		touched := len(gone) > 0 && gone[0] <= last || len(put) > 0 && put[0].UID <= last
		if !touched {
			b.share(c)
			continue
		}
		gone, put = b.merge(c, last, gone, put)
	}
	for _, e := range put {
		b.add(e)
	}
	return b.view(v.account, v.mailbox, status, sets)
}

// merge adds a chunk with the changes up to last and returns the changes behind it.
func (b *builder) merge(c *chunk, last mail.UID, gone []mail.UID, put []Entry) ([]mail.UID, []Entry) {
	for _, e := range c.entries {
		for len(put) > 0 && put[0].UID < e.UID {
			b.add(put[0])
			put = put[1:]
		}
		for len(gone) > 0 && gone[0] < e.UID {
			gone = gone[1:] // never was in this view
		}
		switch {
		case len(put) > 0 && put[0].UID == e.UID:
			b.add(put[0])
			put = put[1:]
		case len(gone) > 0 && gone[0] == e.UID:
			gone = gone[1:]
		default:
			b.add(e)
		}
	}
	for len(put) > 0 && put[0].UID <= last {
		b.add(put[0])
		put = put[1:]
	}
	for len(gone) > 0 && gone[0] <= last {
		gone = gone[1:]
	}
	return gone, put
}
