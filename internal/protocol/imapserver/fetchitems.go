package imapserver

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// fetchItem is how an item of FETCH is made. It has write, or part when it is made from the message's bytes.
type fetchItem struct {
	needs needs
	write func(*fetching, *imap.FetchResponse, imap.FetchItem, *source)
	part  func(*source, imap.FetchItem) (*part, error) // made before anything is sent: it may fail
}

// needs are what of a message an item is made from.
type needs uint8

const (
	needsRow       needs = 1 << iota // the email's row: all others come with it
	needsEnvelope                    // and its envelope
	needsInfo                        // and what was derived from it
	needsStructure                   // and its structure
	needsContent                     // and the message's bytes
	needsSaved                       // and when it came into the mailbox
)

// fetchItems are those of RFC 9051 6.4.5, RFC 3516, RFC 7162 and RFC 8474.
func fetchItems() map[imap.FetchKind]fetchItem {
	section, binary := fetchItem{part: (*source).section}, fetchItem{part: (*source).binary}
	return map[imap.FetchKind]fetchItem{
		imap.FetchUID:          {write: func(_ *fetching, out *imap.FetchResponse, _ imap.FetchItem, m *source) { out.UID(m.entry.UID) }},
		imap.FetchFlags:        {write: (*fetching).writeFlags},
		imap.FetchInternalDate: {write: (*fetching).writeInternalDate},
		imap.FetchSize:         {write: func(_ *fetching, out *imap.FetchResponse, _ imap.FetchItem, m *source) { out.Size(int64(m.entry.Size)) }},
		imap.FetchModSeq:       {write: func(_ *fetching, out *imap.FetchResponse, _ imap.FetchItem, m *source) { out.ModSeq(m.entry.ModSeq) }},
		imap.FetchEmailID:      {write: (*fetching).writeEmailID},
		imap.FetchThreadID:     {needs: needsRow, write: (*fetching).writeThreadID},
		imap.FetchEnvelope:     {needs: needsRow | needsEnvelope, write: (*fetching).writeEnvelope},

		imap.FetchBody:          {needs: needsRow | needsStructure, write: (*fetching).writeStructure},
		imap.FetchBodyStructure: {needs: needsRow | needsStructure, write: (*fetching).writeStructure},

		imap.FetchBodySection:  section,
		imap.FetchRFC822:       section,
		imap.FetchRFC822Header: section,
		imap.FetchRFC822Text:   section,
		imap.FetchBinary:       binary,
		imap.FetchBinarySize:   binary,
	}
}

func (f *fetching) writeFlags(out *imap.FetchResponse, _ imap.FetchItem, m *source) {
	out.Flags(f.names(m.entry), f.isRecent(m.entry))
}

func (f *fetching) writeInternalDate(out *imap.FetchResponse, _ imap.FetchItem, m *source) {
	out.InternalDate(time.UnixMilli(m.entry.Received).UTC())
}

func (f *fetching) writeEmailID(out *imap.FetchResponse, _ imap.FetchItem, m *source) {
	out.EmailID(m.entry.Email.String())
}

func (f *fetching) writeThreadID(out *imap.FetchResponse, _ imap.FetchItem, m *source) {
	out.ThreadID(m.row.Thread.String())
}

func (f *fetching) writeEnvelope(out *imap.FetchResponse, _ imap.FetchItem, m *source) {
	out.Envelope(&m.envelope)
}

func (f *fetching) writeStructure(out *imap.FetchResponse, i imap.FetchItem, m *source) {
	out.BodyStructure(m.root, i.Kind == imap.FetchBodyStructure)
}
