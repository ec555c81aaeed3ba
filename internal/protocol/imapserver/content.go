package imapserver

import (
	"bytes"
	"io"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// source is where the answer for one message comes from: what of it the items need.
type source struct {
	position
	row      *mailbox.Email
	saved    time.Time
	envelope message.Envelope
	info     message.Info
	root     *message.Part
	err      error       // of reading them
	content  blob.Reader // nil when no bytes are needed
}

func (m *source) close() {
	if m.content != nil {
		m.content.Close() // reading is over: there is nothing an error could spoil
	}
}

// open opens the content of a message that was read, if an item needs it.
func (f *fetching) open(m *source) error {
	if m.err != nil || f.needs&needsContent == 0 {
		return m.err
	}
	m.content, m.err = f.found.Open(f.ctx, m.row.Blob)
	return m.err
}

// openContent opens a message that could have done without.
func (f *fetching) openContent(m *source) (err error) {
	if m.content == nil {
		m.content, err = f.o.Bodies.Open(f.ctx, f.selected.owner, m.row.Blob)
	}
	return err
}

// part is an item's piece of the message, measured and ready to be sent. Everything that can be refused is refused
// while it is made: a FETCH response that has begun must be finished.
type part struct {
	missing bool
	size    int64
	nul     bool // it may hold NUL and must go as a binary literal
	r       io.Reader
	text    []byte // in place of r, where it is in memory
}

// prepare makes the parts that the items need, nil for the other items.
func (f *fetching) prepare(m *source) ([]*part, error) {
	parts := append(f.parts[:0], make([]*part, len(f.items))...)
	f.parts, f.text = parts, f.text[:0]
	for i, item := range f.items {
		if f.how[i].part == nil {
			continue
		}
		var err error
		if f.fields[i] != nil {
			parts[i], err = f.headerFields(m, i)
		} else {
			parts[i], err = f.how[i].part(m, item)
		}
		if err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// headerFields takes fields of the header from the row, or where that does not have them, from the content.
func (f *fetching) headerFields(m *source, i int) (*part, error) {
	start := len(f.text)
	text, ok := f.fields[i].Append(f.text, m.row.Summary)
	if ok {
		f.text = text
		return windowOfText(text[start:], f.items[i].Partial), nil
	}
	err := f.openContent(m)
	if err == nil && m.root == nil {
		m.root, err = message.UnmarshalStructure(m.row.Summary)
	}
	if err != nil {
		return nil, err
	}
	return f.how[i].part(m, f.items[i])
}

// section finds BODY[...] or one of its older names.
func (m *source) section(i imap.FetchItem) (*part, error) {
	if isWhole(i) {
		return window(io.NewSectionReader(m.content, 0, m.content.Size()), m.content.Size(), i.Partial)
	}
	piece, found := m.root.Section(i.Section.In())
	if !found {
		return &part{missing: true}, nil
	}
	r, size, err := piece.Open(m.content)
	if err != nil {
		return nil, err
	}
	return window(r, size, i.Partial)
}

// window cuts out what a partial fetch asks for. RFC 9051 6.4.5.1: one that begins behind the end is an empty string.
func window(r io.Reader, size int64, p *imap.Partial) (*part, error) {
	if p == nil {
		return &part{size: size, r: r}, nil
	}
	skip := min(p.Offset, size)
	if s, ok := r.(io.Seeker); ok {
		if _, err := s.Seek(skip, io.SeekStart); err != nil {
			return nil, err
		}
	} else if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return nil, err
	}
	n := min(size-skip, p.Count)
	return &part{size: n, r: io.LimitReader(r, n)}, nil
}

// windowOfText is window for what is in memory.
func windowOfText(text []byte, p *imap.Partial) *part {
	if p != nil {
		skip := min(p.Offset, int64(len(text)))
		text = text[skip:min(skip+p.Count, int64(len(text)))]
	}
	return &part{text: text}
}

// binary decodes a part (RFC 3516). It is read twice, once to know its size, so that none is too large.
func (m *source) binary(i imap.FetchItem) (*part, error) {
	if m.root.Find(i.Section.Part) == nil {
		return &part{missing: true}, nil
	}
	measured, err := m.root.Binary(m.content, i.Section.Part)
	if err != nil {
		return nil, err
	}
	var count counter
	if _, err := io.Copy(&count, measured); err != nil {
		return nil, err
	}
	again, err := m.root.Binary(m.content, i.Section.Part)
	if err != nil {
		return nil, err
	}
	p, err := window(again, count.size, i.Partial)
	if err == nil {
		p.nul = count.nul
	}
	return p, err
}

// counter measures what is written to it.
type counter struct {
	size int64
	nul  bool
}

func (c *counter) Write(b []byte) (int, error) {
	c.size += int64(len(b))
	c.nul = c.nul || bytes.IndexByte(b, 0) >= 0
	return len(b), nil
}

// write sends the part as the item's value.
func (p *part) write(out *imap.FetchResponse, i imap.FetchItem) {
	switch {
	case p.missing && i.Kind == imap.FetchBinarySize:
		out.BinarySize(i, 0) // the grammar has no NIL there
	case p.missing:
		out.Missing(i)
	case i.Kind == imap.FetchBinarySize:
		out.BinarySize(i, p.size)
	case i.Kind == imap.FetchBinary:
		out.Binary(i, p.size, p.nul, p.r)
	case p.r == nil:
		out.SectionText(i, p.text)
	default:
		out.Section(i, p.size, p.r)
	}
}
