package finding

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// BatchSize is how many messages have their rows read together.
const BatchSize = 200

// batchBytes is how much of their summaries is held in memory at a time.
const batchBytes = 4 << 20

// Rows are the rows of a batch of messages in its order: the zero Email of one that is gone. They can be read into again.
type Rows struct {
	emails    []mailbox.Email
	summaries []byte // of all of them
}

// Of is the row of a message of the batch, nil where it is gone.
func (r *Rows) Of(i int) *mailbox.Email {
	if r.emails[i].ID == 0 {
		return nil
	}
	return &r.emails[i]
}

// Rows reads the rows of messages, of the first n of them where together they would be too large. They are copied: a client
// that takes the answers slowly must not hold a transaction open.
func (f *Finder) Rows(ctx context.Context, owner mail.AccountID, ids []mail.EmailID, into *Rows) (n int, err error) {
	err = f.o.Tx.Read(ctx, func(t *tx.Tx) error {
		into.emails = append(into.emails[:0], make([]mailbox.Email, len(ids))...)
		into.summaries = into.summaries[:0]
		at := 0
		n = len(ids)
		return f.o.Mailbox.Summaries(t, owner, ids, func(e *mailbox.Email) bool {
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
