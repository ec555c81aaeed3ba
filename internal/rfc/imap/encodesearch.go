package imap

import (
	"slices"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Search lists the numbers of a normal set (RFC 3501 7.2.5). A highest mod-sequence that is not 0 is added (RFC 7162
// 3.1.5).
func (e *Encoder) Search(matches Set, highest mail.ModSeq) { e.found("SEARCH", matches, highest) }

func (e *Encoder) found(name string, matches Set, highest mail.ModSeq) {
	e.untagged(name)
	for n := range matches.All() {
		e.number(uint64(n))
		if len(e.buf) >= flushAt {
			e.Flush()
		}
	}
	if highest != 0 && len(matches) > 0 {
		e.buf = strconv.AppendInt(append(e.buf, " (MODSEQ "...), int64(highest), 10)
		e.buf = append(e.buf, ')')
	}
	e.end()
}

// SearchResult is what Encoder.ESearch tells.
type SearchResult struct {
	Tag     string // of the command
	UID     bool   // Matches are UIDs
	Return  SearchReturn
	Matches Set         // normal, or in the order of SORT
	ModSeq  mail.ModSeq // 0: not asked for (RFC 7162 3.1.10)

	Mailbox     string // of several that are searched (RFC 7377 2.1), "" for none
	UIDValidity uint32 // with Mailbox

	Relevancy []uint8 // of the messages that ALL or PARTIAL tells, nil: not asked for (RFC 6203 4)
}

// ESearch tells a search result in the form that was asked for; of no form, as ALL (RFC 9051 7.3.4).
func (e *Encoder) ESearch(r SearchResult) {
	e.untagged("ESEARCH ")
	e.correlator(&r)
	if r.UID {
		e.buf = append(e.buf, " UID"...)
	}
	if n := len(r.Matches); n > 0 {
		if r.Return.Min {
			e.buf = append(e.buf, " MIN"...)
			e.number(uint64(r.Matches[0].Start))
		}
		if r.Return.Max {
			e.buf = append(e.buf, " MAX"...)
			e.number(uint64(r.Matches[n-1].Stop))
		}
		if r.Return.All || !r.Return.Extended {
			e.buf = append(e.buf, " ALL "...)
			e.set(r.Matches)
		}
	}
	if r.Return.Partial != (PartialRange{}) {
		e.partial(r.Return.Partial, r.Matches)
	}
	if r.Return.Count {
		e.buf = append(e.buf, " COUNT"...)
		e.number(r.Matches.Len())
	}
	if r.Relevancy != nil {
		e.relevancy(r.Relevancy)
	}
	if r.ModSeq != 0 && len(r.Matches) > 0 {
		e.buf = append(e.buf, " MODSEQ"...)
		e.number(uint64(r.ModSeq))
	}
	e.end()
}

// set appends a set, however long it is.
func (e *Encoder) set(s Set) {
	first := true
	for part := range slices.Chunk(s, 1000) {
		if !first {
			e.buf = append(e.buf, ',')
		}
		first = false
		e.buf = part.AppendTo(e.buf)
		if len(e.buf) >= flushAt {
			e.Flush()
		}
	}
}
