package message

import (
	"encoding/binary"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// listed are the header fields that mail programs ask for when they list messages. A Summary keeps those of the message
// as they stand, so that lists are answered without the content. The index is stored: never reorder, only append, at
// most 64. Long fields that are in every message and that few ask for (Received, DKIM-Signature) are not here.
var listed = [...]string{"date", "from", "sender", "reply-to", "to", "cc", "bcc", "subject", "message-id", "in-reply-to",
	"references", "content-type", "content-transfer-encoding", "mime-version", "content-description", "content-language",
	"priority", "x-priority", "importance", "list-id", "list-post", "list-unsubscribe", "list-unsubscribe-post",
	"list-subscribe", "list-archive", "newsgroups", "resent-from", "resent-to", "resent-date", "resent-message-id",
	"disposition-notification-to", "auto-submitted", "precedence", "x-label", "x-mailer", "user-agent", "lines",
	"x-original-to", "delivered-to", "return-path", "x-spam-status", "x-spam-flag", "autocrypt", "chat-version"}

// maxListed is how much is kept of the listed fields of one message: one with more is answered from its content.
const maxListed = 3 << 10

// maxListedName is the length of the longest name.
const maxListedName = 27

var listedIndex = func() map[string]int {
	m := make(map[string]int, len(listed))
	for i, name := range listed {
		m[name] = i
	}
	return m
}()

// listedNamed finds a listed field by its name without regard to case, -1 if it is none; other is then its bit among the
// names that are not listed.
func listedNamed[T string | []byte](name T) (index int, other uint64) {
	var buf [maxListedName]byte
	hash := uint32(2166136261) // FNV-1a, stored as a bit of listing.others
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if i < len(buf) {
			buf[i] = c
		}
		hash = (hash ^ uint32(c)) * 16777619
	}
	if len(name) <= len(buf) {
		if index, ok := listedIndex[string(buf[:len(name)])]; ok {
			return index, 0
		}
	}
	return -1, 1 << (hash >> 26)
}

// listing gathers the listed fields of the message's own header while it is read.
type listing struct {
	text   []byte // the fields with their line ends
	fields []listedField
	others uint64 // a bit for each name of a field that is not listed
	blank  int    // length of the blank line, 0 where the header has none
	inside bool   // the last line belongs to the last of fields
	failed bool   // they are too long
}

type listedField struct {
	index byte
	end   int // in text
}

// line takes a line of the header.
func (l *listing) line(line []byte) {
	if !header.IsContinuation(line) {
		l.inside = false
		name, _, ok := header.SplitName(line)
		if !ok {
			return
		}
		index, other := listedNamed(name)
		if l.others |= other; index < 0 {
			return
		}
		l.inside = !l.failed
		if l.inside {
			l.fields = append(l.fields, listedField{index: byte(index)})
		}
	}
	if !l.inside {
		return
	}
	if len(l.text)+len(line) > maxListed {
		l.failed, l.inside, l.text, l.fields = true, false, nil, nil
		return
	}
	l.text = append(l.text, line...)
	l.fields[len(l.fields)-1].end = len(l.text)
}

// done returns the listing after the last line, nil where nothing can be answered from it.
func (l *listing) done(blank int) *listing {
	if l.failed {
		return nil
	}
	return &listing{text: l.text, fields: l.fields, others: l.others, blank: blank}
}

// listing writes the last section of a Summary's binary form, before which the rest stands: nothing where there is no
// listing, or else
//
//	8 bytes others, a byte with the length of the blank line, and for each field its index as a byte and a uvarint
//	length before its packed bytes
func (e *encoder) listing(l *listing, before []byte) {
	if l == nil {
		return
	}
	e.b = append(binary.BigEndian.AppendUint64(e.b, l.others), byte(l.blank))
	p := newPacker(before)
	at := 0
	for _, f := range l.fields {
		packed := p.pack(l.text[at:f.end])
		e.b = append(binary.AppendUvarint(append(e.b, f.index), uint64(len(packed))), packed...)
		at = f.end
	}
}

// listingReader goes through the fields of a section.
type listingReader struct {
	others  uint64
	blank   byte
	section []byte
	bad     bool

	index  byte
	packed []byte
}

// readListing begins to read a section; ok is false where there is no listing.
func readListing(section []byte) (r listingReader, ok bool) {
	if len(section) < 9 {
		return r, false
	}
	r = listingReader{others: binary.BigEndian.Uint64(section), blank: section[8], section: section[9:]}
	return r, r.blank <= 2
}

// next goes to the next field.
func (r *listingReader) next() bool {
	if len(r.section) == 0 {
		return false
	}
	length, n := binary.Uvarint(r.section[1:])
	if r.index = r.section[0]; n <= 0 || length > uint64(len(r.section)-1-n) || r.index >= 64 {
		r.bad = true
		return false
	}
	end := 1 + n + int(length)
	r.packed, r.section = r.section[1+n:end], r.section[end:]
	return true
}

// unmarshalListing reads the section of a binary form.
func unmarshalListing(b []byte) (*listing, error) {
	section, before, err := rawSection(b, listingSection)
	if err != nil || len(section) == 0 {
		return nil, err
	}
	r, ok := readListing(section)
	l := &listing{others: r.others, blank: int(r.blank)}
	for ok && r.next() {
		l.text, ok = unpack(l.text, r.packed, before)
		l.fields = append(l.fields, listedField{r.index, len(l.text)})
	}
	if !ok || r.bad || len(l.text) > maxListed {
		return nil, mail.E("message.Unmarshal", mail.Invalid, errCorrupt)
	}
	return l, nil
}

// FieldSelection is some header fields that are asked for of many messages.
type FieldSelection struct {
	want   uint64 // a bit for each listed field
	others uint64 // bits of the names that are not listed
}

// NewFieldSelection selects the fields of those names, compared without case.
func NewFieldSelection(names []string) FieldSelection {
	var s FieldSelection
	for _, name := range names {
		if index, other := listedNamed(name); index >= 0 {
			s.want |= 1 << index
		} else {
			s.others |= other
		}
	}
	return s
}

// Append appends what Section with HeaderFields gives of the message, from its summary's binary form. ok is false where
// only the content can tell; out is b then.
func (s FieldSelection) Append(b, summary []byte) (out []byte, ok bool) {
	section, before, err := rawSection(summary, listingSection)
	if err != nil {
		return b, false
	}
	r, ok := readListing(section)
	if !ok || r.others&s.others != 0 {
		return b, false
	}
	out = b
	for r.next() {
		if s.want>>r.index&1 == 0 {
			continue
		}
		if out, ok = unpack(out, r.packed, before); !ok {
			return b, false
		}
	}
	if r.bad {
		return b, false
	}
	return append(out, "\r\n"[2-r.blank:]...), true
}
