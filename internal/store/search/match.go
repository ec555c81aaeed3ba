package search

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
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
	Flags    mail.Flags
	Recent   bool
}

// Message is a message that a query is asked of. What its methods read they keep: a query may ask twice.
type Message interface {
	Facts() Facts
	Thread() (mail.ThreadID, error)
	Summary() (*message.Summary, error)
	Content() (io.ReaderAt, error)
}

// Match reports whether the query finds the message. An error is one of the message's methods.
func (q Query) Match(m Message) (bool, error) { return match(q.key, m) }

// ByFacts decides with the facts alone; decided is false where they are not enough. It lets a caller read the rows of all
// messages in question together.
func (q Query) ByFacts(f *Facts) (found, decided bool) {
	found, err := match(q.key, (*onlyFacts)(f))
	return found, err == nil
}

// onlyFacts is a Message of which no more is known.
type onlyFacts Facts

var errUndecided = errors.New("the facts do not decide")

func (f *onlyFacts) Facts() Facts                       { return Facts(*f) }
func (f *onlyFacts) Thread() (mail.ThreadID, error)     { return 0, errUndecided }
func (f *onlyFacts) Summary() (*message.Summary, error) { return nil, errUndecided }
func (f *onlyFacts) Content() (io.ReaderAt, error)      { return nil, errUndecided }

func match(key imap.SearchKey, m Message) (bool, error) {
	switch k := key.(type) {
	case imap.SearchAnd:
		for _, inner := range k {
			if found, err := match(inner, m); !found || err != nil {
				return false, err
			}
		}
		return true, nil
	case imap.SearchOr:
		for _, inner := range k {
			if found, err := match(inner, m); found || err != nil {
				return found, err
			}
		}
		return false, nil
	case imap.SearchNot:
		found, err := match(k.Key, m)
		return !found, err
	case imap.SearchText:
		return matchText(k, m)
	case imap.SearchHeader:
		return matchHeader(k, m)
	case imap.SearchDate:
		return matchDate(k, m)
	case imap.SearchObjectID:
		return matchObjectID(k, m)
	}
	return matchFacts(key, m.Facts()), nil
}

// matchFacts decides the keys for which the view is enough. A key this package does not know matches nothing.
func matchFacts(key imap.SearchKey, f Facts) bool {
	switch k := key.(type) {
	case imap.SearchAll:
		return true
	case imap.SearchFlag:
		if strings.EqualFold(k.Name, `\Recent`) {
			return f.Recent
		}
		return f.Flags.Has(k.Name)
	case imap.SearchSize:
		if k.Larger {
			return f.Size > k.Octets
		}
		return f.Size < k.Octets
	case imap.SearchModSeq:
		return f.ModSeq >= k.Least
	case imap.Numbers:
		if k.UID {
			return k.Set.Contains(uint32(f.UID))
		}
		return k.Set.Contains(f.Seq)
	}
	return false
}

func matchObjectID(k imap.SearchObjectID, m Message) (bool, error) {
	if !k.Thread {
		return m.Facts().Email.String() == k.ID, nil
	}
	thread, err := m.Thread()
	return err == nil && thread.String() == k.ID, err
}

// matchDate compares days. RFC 9051 6.4.4 disregards time and zone: a Date field counts with the day that is written in
// it; INTERNALDATE is kept and shown in UTC.
func matchDate(k imap.SearchDate, m Message) (bool, error) {
	at := m.Facts().Received
	if k.Sent {
		s, err := m.Summary()
		if err != nil || s.SentDate.IsZero() {
			return false, err
		}
		at = s.SentDate
	}
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	wanted := time.Date(k.Day.Year(), k.Day.Month(), k.Day.Day(), 0, 0, 0, 0, time.UTC)
	switch k.Op {
	case imap.Before:
		return day.Before(wanted), nil
	case imap.Since:
		return !day.Before(wanted), nil
	}
	return day.Equal(wanted), nil
}

func matchText(k imap.SearchText, m Message) (bool, error) {
	if k.Value == "" {
		return true, nil
	}
	s, err := m.Summary()
	if err != nil {
		return false, err
	}
	switch k.In {
	case imap.InSubject:
		return contains(header.DecodeWords(s.Envelope.Subject), k.Value), nil
	case imap.InFrom:
		return inAddresses(s.Envelope.From, k.Value), nil
	case imap.InTo:
		return inAddresses(s.Envelope.To, k.Value), nil
	case imap.InCc:
		return inAddresses(s.Envelope.Cc, k.Value), nil
	case imap.InBcc:
		return inAddresses(s.Envelope.Bcc, k.Value), nil
	}
	content, err := m.Content()
	if err != nil {
		return false, err
	}
	return streamContains(s.Root.AllText(content, k.In == imap.InText), k.Value)
}

// maxSearchedHeader is how much of a header HEADER looks at.
const maxSearchedHeader = 1 << 20

func matchHeader(k imap.SearchHeader, m Message) (bool, error) {
	s, err := m.Summary()
	if err != nil {
		return false, err
	}
	content, err := m.Content()
	if err != nil {
		return false, err
	}
	block, err := s.Root.ReadHeader(content, maxSearchedHeader)
	if err != nil {
		return false, err
	}
	for field := range header.Fields(block) {
		if strings.EqualFold(string(field.Name), k.Field) &&
			(k.Value == "" || contains(header.DecodeWords(field.Value()), k.Value)) {
			return true, nil
		}
	}
	return false, nil
}
