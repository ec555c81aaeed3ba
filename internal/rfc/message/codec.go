package message

import (
	"encoding"
	"encoding/binary"
	"errors"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// The binary form of a Summary, kept in database rows:
//
//	version byte, then four sections, each a uvarint length and that many bytes:
//	info, envelope, structure, listing
//
// Each section can be read alone, but that the listing (see fields.go) may point into what stands before it. Within them
// numbers are varints and strings are a uvarint h and bytes: an even h is twice the length, an odd one names a word of the
// dictionary. A reader gives an error for a version it does not know: a Summary can always be made again from the content.
const codecVersion = 1

// Sections in their order.
const (
	infoSection = iota
	envelopeSection
	structureSection
	listingSection
)

var (
	errVersion = errors.New("a summary of an unknown version")
	errCorrupt = errors.New("not a summary, or a damaged one")
)

var (
	_ encoding.BinaryAppender    = (*Summary)(nil)
	_ encoding.BinaryUnmarshaler = (*Summary)(nil)
)

// AppendBinary appends the binary form to b. Its error is always nil.
func (s *Summary) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	e := encoder{append(b, codecVersion)}
	e.section(func() { e.info(&s.Info) })
	e.section(func() { e.envelope(&s.Envelope) })
	e.section(func() { e.structure(s.Root) })
	before := e.b[start:len(e.b):len(e.b)]
	e.section(func() { e.listing(s.listing, before) })
	return e.b, nil
}

// UnmarshalBinary reads all of a binary form.
func (s *Summary) UnmarshalBinary(b []byte) (err error) {
	var out Summary
	if out.Info, err = UnmarshalInfo(b); err != nil {
		return err
	}
	if out.Envelope, err = UnmarshalEnvelope(b); err != nil {
		return err
	}
	if out.Root, err = UnmarshalStructure(b); err != nil {
		return err
	}
	if out.listing, err = unmarshalListing(b); err != nil {
		return err
	}
	*s = out
	return nil
}

// UnmarshalInfo reads only the Info of a binary form.
func UnmarshalInfo(b []byte) (info Info, err error) {
	d, err := openSection(b, infoSection)
	if err == nil {
		d.info(&info)
		err = d.close()
	}
	return info, err
}

// UnmarshalEnvelope reads only the Envelope of a binary form.
func UnmarshalEnvelope(b []byte) (envelope Envelope, err error) {
	d, err := openSection(b, envelopeSection)
	if err == nil {
		d.envelope(&envelope)
		err = d.close()
	}
	return envelope, err
}

// UnmarshalStructure reads only the tree of parts of a binary form.
func UnmarshalStructure(b []byte) (root *Part, err error) {
	d, err := openSection(b, structureSection)
	if err == nil {
		root = d.structure()
		err = d.close()
	}
	return root, err
}

// openSection finds a section. It makes one copy for all strings of the section, which then share it.
func openSection(b []byte, section int) (decoder, error) {
	raw, _, err := rawSection(b, section)
	return decoder{s: string(raw)}, err
}

// rawSection finds a section, and what stands before it.
func rawSection(b []byte, section int) (raw, before []byte, err error) {
	if len(b) == 0 || b[0] != codecVersion {
		return nil, nil, mail.E("message.Unmarshal", mail.Invalid, errVersion)
	}
	at := 1
	for range section {
		at += sectionEnd(b[at:])
	}
	length, n := binary.Uvarint(b[at:])
	if n <= 0 || length > uint64(len(b)-at-n) {
		return nil, nil, mail.E("message.Unmarshal", mail.Invalid, errCorrupt)
	}
	return b[at+n : at+n+int(length)], b[:at], nil
}

// close reports whether the section was read as it is, to its end.
func (d *decoder) close() error {
	if d.bad || len(d.s) > 0 {
		return mail.E("message.Unmarshal", mail.Invalid, errCorrupt)
	}
	return nil
}

// sectionEnd is where the section at the start of b ends, len(b) if that is not in b.
func sectionEnd(b []byte) int {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return len(b)
	}
	return n + int(length)
}

// Bits of the info section's first number; stored: only append. The four Truncation bits come first.
const (
	infoHasAttachment = 1 << (iota + 4)
	infoReply
	infoSentDate
)

func (e *encoder) info(i *Info) {
	flags := uint64(i.Truncated) & 15
	set := func(on bool, bit uint64) {
		if on {
			flags |= bit
		}
	}
	set(i.HasAttachment, infoHasAttachment)
	set(i.Reply, infoReply)
	set(!i.SentDate.IsZero(), infoSentDate)
	e.uint(flags)
	e.uint(uint64(i.Size))
	e.uint(uint64(i.HeaderLength))
	e.uint(uint64(i.Received))
	if !i.SentDate.IsZero() {
		_, zone := i.SentDate.Zone()
		e.int(i.SentDate.Unix())
		e.int(int64(zone / 60))
	}
	e.string(i.BaseSubject)
	e.string(i.MessageID)
	e.strings(i.InReplyTo)
	e.strings(i.References)
	e.string(i.Preview)
}

func (d *decoder) info(i *Info) {
	flags := d.uint()
	i.Truncated = Truncation(flags & 15)
	i.HasAttachment = flags&infoHasAttachment != 0
	i.Reply = flags&infoReply != 0
	i.Size = d.length()
	i.HeaderLength = d.length()
	i.Received = int(d.length())
	if flags&infoSentDate != 0 {
		seconds, zone := d.int(), d.int()
		if zone < -24*60 || zone > 24*60 {
			d.fail()
			return
		}
		i.SentDate = time.Unix(seconds, 0).In(fixedZone(int(zone)))
	}
	i.BaseSubject = d.string()
	i.MessageID = d.string()
	i.InReplyTo = d.strings()
	i.References = d.strings()
	i.Preview = d.string()
}

func fixedZone(minutes int) *time.Location {
	if minutes == 0 {
		return time.UTC
	}
	return time.FixedZone("", minutes*60)
}
