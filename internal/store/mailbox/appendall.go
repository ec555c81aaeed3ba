package mailbox

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// appendCost is how many rows one message that is appended changes at most: object, blob, note of the object, email,
// membership, thread references, log, counters.
const appendCost = 20

// Kept says where messages that were appended came to lie, in their order.
type Kept struct {
	UIDValidity uint32
	UIDs        imap.Set
}

// AppendAll makes n emails with one membership each, as Append does, in as many commits as they need: all or, when an error is
// returned, none (RFC 3502 3). body holds the body of the i-th message in the commit in which it is appended, and returns it; it
// is called again where a commit is repeated.
func (a Acting) AppendAll(ctx context.Context, owner mail.AccountID, id mail.MailboxID, n int, body func(t *tx.Tx, i int) (Message, error)) (Kept, error) {
	var all Kept
	var job int64
	step := max(1, a.s.rowsPerStep/appendCost)
	for from := 0; from < n; from += step {
		to, before := min(n, from+step), all.UIDs
		done, err := tx.Once(ctx, a.s.tx, tx.NewKey(), []mail.AccountID{owner}, func(t *tx.Tx) (appendStep, error) {
			var made imap.Set
			var done appendStep
			for i := from; i < to; i++ {
				m, err := body(t, i)
				if err != nil {
					return done, err
				}
				at, err := a.Append(t, owner, id, m)
				if err != nil {
					return done, err
				}
				done.UIDValidity = at.UIDValidity
				made.Add(uint32(at.UID))
			}
			done.UIDs = append(before[:len(before):len(before)], made...).Resolve(0)
			var err error
			done.Job, err = noteCopy(t, owner, job, id, done.UIDs, to < n)
			return done, err
		})
		if err != nil {
			return Kept{}, a.s.undone(ctx, owner, job, err)
		}
		all, job = done.Kept, done.Job
	}
	return all, nil
}

// appendStep is what the commits up to one appended.
type appendStep struct {
	Kept
	Job int64 // the note in `unfinished`, 0 for none
}
