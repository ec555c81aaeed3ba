package imapserver

import (
	"bytes"

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
func (s *session) readRows(batch []position) (rows map[mail.EmailID]*mailbox.Email, n int, err error) {
	ids := make([]mail.EmailID, len(batch))
	for i, p := range batch {
		ids[i] = p.entry.Email
	}
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		rows, n = make(map[mail.EmailID]*mailbox.Email, len(ids)), len(ids)
		held, at := 0, 0
		return s.o.Mailbox.Summaries(t, s.account, ids, func(e *mailbox.Email) bool {
			row := *e
			row.Summary = bytes.Clone(e.Summary)
			rows[e.ID] = &row
			for ids[at] != e.ID {
				at++
			}
			at++
			if held += len(row.Summary); held > batchBytes {
				n = at
			}
			return n == len(ids)
		})
	})
	return rows, n, err
}
