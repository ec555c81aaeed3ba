package imap

import (
	"io"
	"strconv"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// FetchResponse is one FETCH response being written: items in any order, then End. It is valid until End.
type FetchResponse struct {
	e     *Encoder
	empty bool
}

// Fetch begins a FETCH response for the message with that sequence number. Where the client knows UIDs only, it is UIDFETCH
// with the UID in its place (RFC 9586 3.3).
func (e *Encoder) Fetch(seq uint32, uid mail.UID) *FetchResponse {
	if e.dialect.UIDOnly {
		e.numbered(uint32(uid), "UIDFETCH (")
	} else {
		e.numbered(seq, "FETCH (")
	}
	e.fetch = FetchResponse{e: e, empty: true}
	return &e.fetch
}

// End finishes the response. It must have at least one item.
func (f *FetchResponse) End() {
	f.e.buf = append(f.e.buf, ')')
	f.e.end()
}

// name begins an item.
func (f *FetchResponse) name(name string) {
	if !f.empty {
		f.e.buf = append(f.e.buf, ' ')
	}
	f.empty = false
	f.e.buf = append(f.e.buf, name...)
}

// item begins an item that has a section.
func (f *FetchResponse) item(i FetchItem) {
	f.name("")
	f.e.buf = append(i.AppendTo(f.e.buf), ' ')
}

func (f *FetchResponse) UID(uid mail.UID) {
	f.name("UID")
	f.e.number(uint64(uid))
}

// ModSeq is the mod-sequence of the message (RFC 7162 3.1.4.2).
func (f *FetchResponse) ModSeq(n mail.ModSeq) {
	f.name("MODSEQ (")
	f.e.buf = append(strconv.AppendInt(f.e.buf, int64(n), 10), ')')
}

// Flags lists the flags as mail.Flags.Names gives them, and \Recent if wanted (RFC 3501 2.3.2).
func (f *FetchResponse) Flags(names []string, recent bool) {
	f.name("FLAGS (")
	if recent {
		f.e.buf = append(f.e.buf, `\Recent`...)
		if len(names) > 0 {
			f.e.buf = append(f.e.buf, ' ')
		}
	}
	f.e.buf = append(appendList(f.e.buf, names), ')')
}

func (f *FetchResponse) InternalDate(t time.Time) {
	f.name(`INTERNALDATE "`)
	f.e.buf = append(AppendDateTime(f.e.buf, t), '"')
}

// Size is RFC822.SIZE.
func (f *FetchResponse) Size(octets int64) {
	f.name("RFC822.SIZE")
	f.e.number(uint64(octets))
}

// EmailID is of RFC 8474 5.1.
func (f *FetchResponse) EmailID(id string) {
	f.name("EMAILID (")
	f.e.buf = append(append(f.e.buf, id...), ')')
}

// ThreadID is of RFC 8474 5.2; "" is NIL, for a server without threads.
func (f *FetchResponse) ThreadID(id string) {
	if id == "" {
		f.name("THREADID NIL")
		return
	}
	f.name("THREADID (")
	f.e.buf = append(append(f.e.buf, id...), ')')
}

// Section sends content of the message: exactly size octets of r, which are not held in memory. An error of r, or an end
// before size, leaves the stream in the middle of a literal: it stays as the encoder's error and the connection must be
// closed.
func (f *FetchResponse) Section(i FetchItem, size int64, r io.Reader) {
	f.item(i)
	f.e.stream(size, false, r)
}

// SectionText is Section for content that is in memory.
func (f *FetchResponse) SectionText(i FetchItem, text []byte) {
	f.item(i)
	if len(text) == 0 {
		f.e.buf = append(f.e.buf, '"', '"')
		return
	}
	f.e.literalHeader(int64(len(text)), false)
	f.e.buf = append(f.e.buf, text...)
}

// Binary sends decoded content (RFC 3516 4.2). With nul the content may hold NUL and goes as a binary literal; RFC 9051
// 7.5.2 prefers an ordinary one where it does not.
func (f *FetchResponse) Binary(i FetchItem, size int64, nul bool, r io.Reader) {
	f.item(i)
	f.e.stream(size, nul, r)
}

// BinarySize is the size that Binary has for the same section.
func (f *FetchResponse) BinarySize(i FetchItem, size int64) {
	f.item(i)
	f.e.buf = strconv.AppendInt(f.e.buf, size, 10)
}

// Missing says that the message has no such section.
func (f *FetchResponse) Missing(i FetchItem) {
	f.item(i)
	f.e.null()
}

// stream sends a literal.
func (e *Encoder) stream(size int64, binary bool, r io.Reader) {
	if size == 0 {
		e.buf = append(e.buf, '"', '"')
		return
	}
	e.literalHeader(size, binary)
	for size > 0 && e.err == nil {
		if int64(cap(e.buf)-len(e.buf)) < min(size, minRead) {
			e.grow(size)
		}
		n := int64(cap(e.buf) - len(e.buf))
		part := e.buf[len(e.buf) : len(e.buf)+int(min(n, size))]
		read, err := io.ReadFull(r, part)
		e.buf = e.buf[:len(e.buf)+read]
		if size -= int64(read); err != nil {
			e.Flush()
			if e.err == nil {
				e.err = midCommand(err)
			}
		}
	}
}

// minRead is the least room in the buffer that is worth a read of content.
const minRead = 4 << 10

// grow makes room for content: a buffer that is still small grows as far as the content needs, a full one is written.
func (e *Encoder) grow(size int64) {
	if cap(e.buf) >= flushAt || len(e.buf) >= flushAt/2 {
		e.Flush()
	}
	if cap(e.buf) < flushAt {
		room := max(2*int64(cap(e.buf)), int64(len(e.buf))+max(size, minRead)+1024)
		grown := make([]byte, len(e.buf), min(flushAt, room))
		copy(grown, e.buf)
		e.buf = grown
	}
}
