package imapserver

import (
	"fmt"
	"iter"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

func uidBatchesExtension() extension {
	none := func(imap.Command) bool { return false }
	return extension{
		capabilities: announced("UIDBATCHES"),
		commands:     map[string]command{"UIDBATCHES": {run: with((*session).uidBatches), looks: true, byNumber: none}},
	}
}

// smallestBatch keeps clients from making sequence numbers out of batches (RFC 10022 3.1.3.2, which wants 500 to be
// accepted).
const smallestBatch = 500

func (s *session) uidBatches(r imap.Request, c imap.UIDBatches) (reply, error) {
	if c.Size < smallestBatch {
		return no(imap.CodeTooFew, fmt.Sprintf("a batch has at least %d messages", smallestBatch)), nil
	}
	s.out.UIDBatches(r.Tag, batches(s.selected.view, c))
	return ok("these are the batches"), nil
}

// batches yields the first and the last UID of each batch that is wanted.
func batches(view *mailbox.View, c imap.UIDBatches) iter.Seq[imap.Range] {
	size := int(c.Size)
	return func(yield func(imap.Range) bool) {
		for n, last := 1, view.Len(); last > 0 && (c.Last == 0 || n <= int(c.Last)); n, last = n+1, last-size {
			if n < int(c.First) {
				continue
			}
			first := max(1, last-size+1)
			if !yield(imap.Range{Start: uint32(view.At(last).UID), Stop: uint32(view.At(first).UID)}) {
				return
			}
		}
	}
}
