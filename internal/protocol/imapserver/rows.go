package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	batchSize  = 200     // messages whose rows are read together
	batchBytes = 4 << 20 // of their summaries held in memory at a time
)

// batchRows are the rows of a batch of messages in its order: the zero Email of one that is gone. They can be read into again.
type batchRows struct {
	emails    []mailbox.Email
	summaries []byte // of all of them
}

// of is the row of a message of the batch, nil where it is gone.
func (r *batchRows) of(i int) *mailbox.Email {
	if r.emails[i].ID == 0 {
		return nil
	}
	return &r.emails[i]
}

// readRows reads the rows of messages, of the first n of them where together they would be too large. They are copied: a client
// that takes the answers slowly must not hold a transaction open.
func (s *session) readRows(owner mail.AccountID, batch []position, into *batchRows) (n int, err error) {
	ids := make([]mail.EmailID, len(batch))
	for i, p := range batch {
		ids[i] = p.entry.Email
	}
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		into.emails = append(into.emails[:0], make([]mailbox.Email, len(ids))...)
		into.summaries = into.summaries[:0]
		at := 0
		n = len(ids)
		return s.o.Mailbox.Summaries(t, owner, ids, func(e *mailbox.Email) bool {
			for ids[at] != e.ID {
				at++
			}
			start := len(into.summaries)
			into.summaries = append(into.summaries, e.Summary...)
			into.emails[at] = *e
			into.emails[at].Summary = into.summaries[start:len(into.summaries):len(into.summaries)]
			at++
			if len(into.summaries) > batchBytes {
				n = at
			}
			return n == len(ids)
		})
	})
	return n, err
}
