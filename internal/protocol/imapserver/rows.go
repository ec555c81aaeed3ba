package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/mail"
)

const (
	batchSize  = finding.BatchSize // messages, or mailboxes, whose rows are read together
	batchBytes = 4 << 20           // of annotations held in memory at a time
)

// readRows reads the rows of messages, of the first n of them where together they would be too large.
func (s *session) readRows(owner mail.AccountID, batch []position, into *finding.Rows) (n int, err error) {
	ids := make([]mail.EmailID, len(batch))
	for i, p := range batch {
		ids[i] = p.entry.Email
	}
	return s.o.Finder.Rows(s.ctx, owner, ids, into)
}
