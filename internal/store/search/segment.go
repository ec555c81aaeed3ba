package search

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/blob/sealed"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Sizes of a segment. One is opened as a whole.
const (
	segmentBytes  = 64 << 10 // from here on no more is added
	segmentEmails = 256      // likewise
	segmentMost   = segmentBytes + maxText + segmentEmails*entryMost
	entryMost     = 3 * binary.MaxVarintLen32
	saltSize      = 16
)

// segment is a row of text_segment.
type segment struct {
	id     int64
	size   int // clear bytes
	gone   int
	emails []mail.EmailID
	partly []bool // of emails: the body is left out
	salt   []byte // of its keys
	grams  []byte // sealed filter
	text   []byte // sealed; read where it is needed only
}

// full reports that nothing is to be added.
func (s *segment) full() bool { return s.size >= segmentBytes || len(s.emails) >= segmentEmails }

// entry is an email with its text.
type entry struct {
	email mail.EmailID
	kept
}

// A segment's clear text is, for each email in the order of `emails`, three varints (where the headers of parts begin, where
// the body begins, the whole length); then the texts, one after the other.

// newSegment makes a segment of entries.
func newSegment(id int64, entries []entry, key [32]byte) (*segment, error) {
	slices.SortFunc(entries, func(a, b entry) int { return int(a.email - b.email) })
	s := &segment{id: id}
	var clear []byte
	for _, e := range entries {
		s.emails, s.partly = append(s.emails, e.email), append(s.partly, e.open)
		clear = binary.AppendUvarint(clear, uint64(e.parts))
		clear = binary.AppendUvarint(clear, uint64(e.body))
		clear = binary.AppendUvarint(clear, uint64(len(e.text)))
	}
	for _, e := range entries {
		clear = append(clear, e.text...)
	}
	s.size = len(clear)
	s.salt = make([]byte, saltSize)
	rand.Read(s.salt) // never fails since Go 1.24
	grams := newGrams(len(clear))
	for _, e := range entries {
		grams.addAll(e.text)
	}
	var err error
	if s.grams, err = grams.seal(segmentKey(key, s.salt, gramsLabel)); err == nil {
		s.text, err = sealed.Seal(make([]byte, 0, len(clear)), mail.ObjectID(id), segmentKey(key, s.salt, textLabel), clear)
	}
	return s, err
}

// What the keys of a segment are for.
const (
	textLabel  = "text"
	gramsLabel = "grams"
)

// segmentKey is a key for one thing in one segment. Its salt is random, since ids come again after the database was put back.
func segmentKey(key [32]byte, salt []byte, label string) (k sealed.Key) {
	mac := hmac.New(sha256.New, key[:])
	mac.Write(salt)
	mac.Write([]byte(label))
	mac.Sum(k[:0])
	return k
}

var errSegment = errors.New("the segment is not what was written")

// open calls each for the emails of a segment until it returns an error. The text is valid during the call only; clear is
// memory to use, and is returned.
func (s *segment) open(key [32]byte, clear []byte, each func(*entry) error) ([]byte, error) {
	clear, err := sealed.Open(clear[:0], mail.ObjectID(s.id), segmentKey(key, s.salt, textLabel), s.text, segmentMost)
	if err != nil {
		return clear, err
	}
	entries := make([]entry, len(s.emails))
	lengths := make([]int, len(s.emails))
	rest := clear
	for i := range entries {
		var fields [3]int
		for j := range fields {
			v, n := binary.Uvarint(rest)
			if n <= 0 || v > maxText {
				return clear, s.damaged("entry %d", i)
			}
			fields[j], rest = int(v), rest[n:]
		}
		if fields[0] > fields[1] || fields[1] > fields[2] {
			return clear, s.damaged("entry %d", i)
		}
		entries[i] = entry{s.emails[i], kept{parts: fields[0], body: fields[1], open: s.partly[i]}}
		lengths[i] = fields[2]
	}
	for i := range entries {
		if lengths[i] > len(rest) {
			return clear, s.damaged("the text of entry %d", i)
		}
		entries[i].text, rest = rest[:lengths[i]:lengths[i]], rest[lengths[i]:]
		if err := each(&entries[i]); err != nil {
			return clear, err
		}
	}
	if len(rest) > 0 {
		return clear, s.damaged("%d bytes too many", len(rest))
	}
	return clear, nil
}

func (s *segment) damaged(format string, args ...any) error {
	return mail.E("search.segment", mail.Other, fmt.Errorf("segment %d: %w: %s", s.id, errSegment, fmt.Sprintf(format, args...)))
}

// list is the column `emails`: the difference of each id to the one before, twice, and 1 more where the body is left out.
func (s *segment) list() (b []byte) {
	last := mail.EmailID(0)
	for i, id := range s.emails {
		v := uint64(id-last) << 1
		if s.partly[i] {
			v |= 1
		}
		b, last = binary.AppendUvarint(b, v), id
	}
	return b
}

// parseList reads what list wrote.
func (s *segment) parseList(b []byte) error {
	last := mail.EmailID(0)
	for len(b) > 0 {
		v, n := binary.Uvarint(b)
		if n <= 0 || v < 2 || v>>1 > uint64(math.MaxInt64-last) || len(s.emails) == segmentEmails {
			return s.damaged("list of emails")
		}
		last += mail.EmailID(v >> 1)
		s.emails, s.partly, b = append(s.emails, last), append(s.partly, v&1 != 0), b[n:]
	}
	return nil
}
