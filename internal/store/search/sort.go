package search

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Order is one criterion by which messages are sorted; those before it count more. Strings compare as RFC 5051 says.
type Order struct {
	By      By
	Reverse bool
}

// By is what messages are sorted by (RFC 5256 3, RFC 5957).
type By int

const (
	ByArrival By = iota
	BySize
	ByRelevance // the highest first
	ByDate      // the Date field, or else the time of arrival
	BySubject   // without "Re:" and the like
	ByFrom      // the local part of the first address
	ByTo
	ByCc
	ByDisplayFrom // the name of the first address, or else the address
	ByDisplayTo
)

// sortText is how much of a string counts, in bytes of its form for comparing.
const sortText = 512

// Sorter puts messages in order. Of each it keeps a key, which compares byte by byte as the criteria want it, and its sequence
// number, which decides where all criteria are the same.
type Sorter struct {
	order []Order
	limit int64
	used  int64
	items []sortItem
	pages [][]byte // of keys
	key   []byte   // being made

	needsInfo, needsEnvelope bool
	info                     message.Info
	envelope                 message.Envelope
}

// sortItem is a message, whose key is somewhere in a page.
type sortItem struct{ seq, page, from, to uint32 }

const (
	sortItemSize = 16
	sortPage     = 256 << 10
)

// NewSorter makes a Sorter that keeps at most limit bytes. A criterion that stands again changes nothing.
func NewSorter(order []Order, limit int64) *Sorter {
	s := &Sorter{limit: limit}
	for _, o := range order {
		if slices.ContainsFunc(s.order, func(known Order) bool { return known.By == o.By }) {
			continue
		}
		s.order = append(s.order, o)
		s.needsInfo = s.needsInfo || o.By == ByDate || o.By == BySubject
		s.needsEnvelope = s.needsEnvelope || o.By >= ByFrom
	}
	return s
}

// NeedsSummary reports that Add needs more than facts.
func (s *Sorter) NeedsSummary() bool { return s.needsInfo || s.needsEnvelope }

// Add takes a message: what the view knows of it, the binary form of its summary where that is needed, and how relevant it is.
func (s *Sorter) Add(f *Facts, summary []byte, relevance uint8) (err error) {
	if s.needsInfo {
		if s.info, err = message.UnmarshalInfo(summary); err != nil {
			return err
		}
	}
	if s.needsEnvelope {
		if s.envelope, err = message.UnmarshalEnvelope(summary); err != nil {
			return err
		}
	}
	s.key = s.key[:0]
	for _, o := range s.order {
		from := len(s.key)
		s.criterion(o.By, f, relevance)
		if o.Reverse {
			for i := range s.key[from:] {
				s.key[from+i] ^= 0xff
			}
		}
	}
	return s.keep(f.Seq)
}

var errTooManyToSort = errors.New("too many messages to sort: name fewer by date, size or number")

func (s *Sorter) keep(seq uint32) error {
	if s.used += int64(len(s.key)) + sortItemSize; s.used > s.limit {
		return mail.E("search.Sorter", mail.Limit, errTooManyToSort)
	}
	last := len(s.pages) - 1
	if last < 0 || len(s.pages[last])+len(s.key) > cap(s.pages[last]) {
		s.pages = append(s.pages, make([]byte, 0, max(sortPage, len(s.key))))
		last++
	}
	from := len(s.pages[last])
	s.pages[last] = append(s.pages[last], s.key...)
	s.items = append(s.items, sortItem{seq, uint32(last), uint32(from), uint32(len(s.pages[last]))})
	return nil
}

// Sorted returns the sequence numbers in order.
func (s *Sorter) Sorted() []uint32 {
	slices.SortFunc(s.items, func(a, b sortItem) int {
		if c := bytes.Compare(s.pages[a.page][a.from:a.to], s.pages[b.page][b.from:b.to]); c != 0 {
			return c
		}
		return int(int64(a.seq) - int64(b.seq))
	})
	seqs := make([]uint32, len(s.items))
	for i, item := range s.items {
		seqs[i] = item.seq
	}
	return seqs
}

// criterion appends the key of one criterion. No key is the beginning of another.
func (s *Sorter) criterion(by By, f *Facts, relevance uint8) {
	switch by {
	case ByArrival:
		s.number(f.Received.Unix())
	case BySize:
		s.number(f.Size)
	case ByRelevance:
		s.key = append(s.key, ^relevance)
	case ByDate:
		s.number(SentDate(&s.info, f).Unix())
	case BySubject:
		s.text(s.info.BaseSubject)
	case ByFrom:
		s.text(localPart(s.envelope.From))
	case ByTo:
		s.text(localPart(s.envelope.To))
	case ByCc:
		s.text(localPart(s.envelope.Cc))
	case ByDisplayFrom:
		s.text(displayed(s.envelope.From))
	case ByDisplayTo:
		s.text(displayed(s.envelope.To))
	}
}

func (s *Sorter) number(n int64) { s.key = binary.BigEndian.AppendUint64(s.key, uint64(n)^1<<63) }

func (s *Sorter) text(text string) { s.key = AppendText(s.key, text) }

// SortText is the text by which a criterion sorts a message, from its summary.
func SortText(by By, summary []byte) (string, error) {
	if by == BySubject {
		info, err := message.UnmarshalInfo(summary)
		return info.BaseSubject, err
	}
	e, err := message.UnmarshalEnvelope(summary)
	switch by {
	case ByDisplayFrom:
		return displayed(e.From), err
	case ByDisplayTo:
		return displayed(e.To), err
	}
	return "", err
}

// AppendText appends a string in its form for comparing. RFC 5255 4.6: what is no text in UTF-8 comes after all that is, compared
// octet by octet. A zero octet ends it; one within it is followed by another one.
func AppendText(key []byte, text string) []byte {
	form, rank := casemap.Fold(text[:min(len(text), sortText)]), byte(1)
	if !utf8.ValidString(text) {
		form, rank = text, 2
	}
	key = append(key, rank)
	for _, c := range []byte(form[:min(len(form), sortText)]) {
		if key = append(key, c); c == 0 {
			key = append(key, 1)
		}
	}
	return append(key, 0, 0)
}

// localPart is IMAP's addr-mailbox of the first address, which for a group is its name.
func localPart(list []header.Address) string {
	switch {
	case len(list) == 0:
		return ""
	case list[0].Kind == header.GroupStart:
		return header.DecodeWords(list[0].Name)
	}
	return list[0].Local
}

// displayed is what people see of the first address (RFC 5957 3).
func displayed(list []header.Address) string {
	if len(list) == 0 {
		return ""
	}
	if name := header.DecodeWords(list[0].Name); name != "" {
		return name
	}
	return list[0].Spec()
}
