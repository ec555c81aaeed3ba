package search

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Facts are what the view of a mailbox knows of a message.
type Facts struct {
	Seq      uint32
	UID      mail.UID
	Email    mail.EmailID
	ModSeq   mail.ModSeq
	Size     int64
	Received time.Time
	Saved    time.Time // when it came into the mailbox; for Match alone, where Query.NeedsSaved
	Flags    mail.Flags
	Recent   bool

	// For queries over several mailboxes.
	Mailboxes  []mail.MailboxID
	Attachment bool
	InThread   func(flag string, all bool) bool // whether some, or all, of its thread have a flag
}

// Message is a message that a query is asked of. What its methods read they keep: a query may ask twice.
type Message interface {
	Facts() Facts
	Thread() (mail.ThreadID, error)
	Summary() (*message.Summary, error)
	Content() (io.ReaderAt, error)
}

// verdict is what is known of a key so far.
type verdict uint8

const (
	unknown verdict = iota
	no
	yes
)

func decided(is bool) verdict {
	if is {
		return yes
	}
	return no
}

// Hits are what is known of a query's content keys for one message; the zero value knows nothing.
type Hits struct {
	verdicts []verdict
	weights  []uint16 // how often a message has the words, where the query has words
	length   int      // of the text that has them
}

func (q *Query) newHits() Hits {
	h := Hits{verdicts: make([]verdict, len(q.needles))}
	if q.ranked {
		h.weights = make([]uint16, len(q.needles))
	}
	return h
}

func (h Hits) of(n needle) verdict {
	if h.verdicts == nil {
		return unknown
	}
	return h.verdicts[n]
}

// Clone returns Hits to keep.
func (h Hits) Clone() Hits {
	return Hits{slices.Clone(h.verdicts), slices.Clone(h.weights), h.length}
}

// ByFacts decides with what the view knows, and the content keys that are known; decided is false where that is not
// enough. It lets a caller read the rows of all messages in question together.
func (q *Query) ByFacts(f *Facts, known Hits) (found, decided bool) {
	e := evidence{facts: f, hits: known}
	v, _ := e.judge(q.key) // an error needs rows
	return v == yes, v != unknown
}

// Match reports whether the query finds the message, of which some content keys may be known. Rows and content are read
// only when what costs less has not decided, content once for all keys. An error is one of the message's methods.
func (q *Query) Match(m Message, known Hits) (bool, error) {
	found, _, err := q.Judge(m, known)
	return found, err
}

// Judge is Match, and returns what is known of the content keys after it.
func (q *Query) Judge(m Message, known Hits) (found bool, hits Hits, err error) {
	facts := m.Facts()
	e := evidence{facts: &facts, hits: known}
	v, err := e.judge(q.key)
	if v == unknown && err == nil && q.NeedsRow() {
		e.message = m
		v, err = e.judge(q.key)
	}
	if v == unknown && err == nil && q.NeedsContent() {
		v, err = q.scan(&e)
	}
	return v == yes, e.hits, err
}

// evidence is what a query is decided with.
type evidence struct {
	facts   *Facts
	message Message // nil: rows are not to be read
	hits    Hits
}

func (e *evidence) judge(key Key) (verdict, error) {
	switch k := key.(type) {
	case And:
		return e.each(k, no, yes)
	case Or:
		return e.each(k, yes, no)
	case Not:
		v, err := e.judge(k.Key)
		return [...]verdict{unknown: unknown, no: yes, yes: no}[v], err
	case needle:
		return e.hits.of(k), nil
	case Text, Thread, SavedDate:
		return e.byRow(k)
	case Date:
		if k.Sent {
			return e.byRow(k)
		}
		return decided(k.matches(e.facts.Received)), nil
	}
	return decided(matchFacts(key, e.facts)), nil
}

// each asks keys of which one that is `enough` decides; otherwise the verdict is `all`, or unknown where one is.
func (e *evidence) each(keys []Key, enough, all verdict) (verdict, error) {
	for _, k := range keys {
		v, err := e.judge(k)
		if err != nil || v == enough {
			return v, err
		}
		if v == unknown {
			all = unknown
		}
	}
	return all, nil
}

// byRow decides the keys for which the message's row is enough.
func (e *evidence) byRow(key Key) (verdict, error) {
	if e.message == nil {
		return unknown, nil
	}
	switch k := key.(type) {
	case Thread:
		thread, err := e.message.Thread()
		return decided(thread.String() == k.ID), err
	case SavedDate:
		return decided(k.Op.matches(e.facts.Saved, k.Day)), nil
	}
	s, err := e.message.Summary()
	if err != nil {
		return unknown, err
	}
	switch k := key.(type) {
	case Date:
		return decided(!s.SentDate.IsZero() && k.matches(s.SentDate)), nil
	case Text:
		return decided(inEnvelope(&s.Envelope, k)), nil
	}
	return no, nil
}

// matchFacts decides the keys for which the view is enough. A key this package does not know matches nothing.
func matchFacts(key Key, f *Facts) bool {
	switch k := key.(type) {
	case All:
		return true
	case flagBit:
		return f.Flags.Bits&mail.Flag(k) != 0
	case Flag:
		if strings.EqualFold(k.Name, `\Recent`) {
			return f.Recent
		}
		return f.Flags.Has(k.Name)
	case Received:
		at := f.Received.Truncate(time.Second)
		return (k.From.IsZero() || !at.Before(k.From)) && (k.To.IsZero() || !at.After(k.To))
	case Larger:
		return f.Size > k.Octets
	case Smaller:
		return f.Size < k.Octets
	case ModSeq:
		return f.ModSeq >= k.Least
	case UIDs:
		return k.Set.Contains(uint32(f.UID))
	case Seqs:
		return k.Set.Contains(f.Seq)
	case Email:
		return f.Email.String() == k.ID
	case Within:
		return slices.ContainsFunc(f.Mailboxes, func(id mail.MailboxID) bool { return slices.Contains(k.Mailboxes, id) })
	case Elsewhere:
		return slices.ContainsFunc(f.Mailboxes, func(id mail.MailboxID) bool { return !slices.Contains(k.Than, id) })
	case Attachment:
		return f.Attachment
	case ThreadFlag:
		return f.InThread != nil && f.InThread(k.Name, k.All)
	}
	return false
}

// matches compares days. RFC 9051 6.4.4 disregards time and zone: a Date field counts with the day that is written in
// it; INTERNALDATE is kept and shown in UTC.
func (k Date) matches(at time.Time) bool { return k.Op.matches(at, k.Day) }

func (op DateOp) matches(at, than time.Time) bool {
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	wanted := time.Date(than.Year(), than.Month(), than.Day(), 0, 0, 0, 0, time.UTC)
	switch op {
	case Before:
		return day.Before(wanted)
	case Since:
		return !day.Before(wanted)
	}
	return day.Equal(wanted)
}

func inEnvelope(e *message.Envelope, k Text) bool {
	switch k.In {
	case Subject:
		return contains(header.DecodeWords(e.Subject), k.Value)
	case From:
		return inAddresses(e.From, k.Value)
	case To:
		return inAddresses(e.To, k.Value)
	case Cc:
		return inAddresses(e.Cc, k.Value)
	case Bcc:
		return inAddresses(e.Bcc, k.Value)
	}
	return false
}

// contains looks for a string that is in its form for comparing already.
func contains(text, wanted string) bool { return strings.Contains(casemap.Fold(text), wanted) }

// inAddresses looks at each address as people see it, "Name <local@domain>".
func inAddresses(list []header.Address, wanted string) bool {
	for _, a := range list {
		if contains(header.DecodeWords(a.Name)+" <"+a.Spec()+">", wanted) {
			return true
		}
	}
	return false
}
