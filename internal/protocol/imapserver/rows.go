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

// readRows returns the rows of messages, of the first n of them where together they would be too large. They are copied:
// a client that takes the answers slowly must not hold a transaction open. Messages that are gone have none.
func (s *session) readRows(owner mail.AccountID, batch []position) (rows map[mail.EmailID]*mailbox.Email, n int, err error) {
	ids := make([]mail.EmailID, len(batch))
	for i, p := range batch {
		ids[i] = p.entry.Email
	}
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		rows, n = make(map[mail.EmailID]*mailbox.Email, len(ids)), len(ids)
		emails := make([]mailbox.Email, 0, len(ids)) // which rows points into
		held, at := 0, 0
		return s.o.Mailbox.Summaries(t, owner, ids, func(e *mailbox.Email) bool {
			emails = append(emails, *e)
			rows[e.ID] = &emails[len(emails)-1]
			for ids[at] != e.ID {
				at++
			}
			at++
			if held += len(e.Summary); held > batchBytes {
				n = at
			}
			return n == len(ids)
		})
	})
	return rows, n, err
}
