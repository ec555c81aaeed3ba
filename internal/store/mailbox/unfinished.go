package mailbox

import (
	"context"
	"errors"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Kinds of work that `unfinished` notes. The values are stored.
const (
	jobDelete = 1 // a deleted mailbox still has rows: they are to be removed
	jobCopy   = 2 // a copy is going on: if it does not end, what it made in `uids` is to be removed
)

// job is a row of `unfinished`.
type job struct {
	account mail.AccountID
	id      int64 // of a deletion: the mailbox
	kind    int
	mailbox mail.MailboxID
	uids    string
}

// noteCopy notes what a copy has made so far, while there is more to come, and forgets it in the commit of the last step.
func noteCopy(t *tx.Tx, account mail.AccountID, id int64, to mail.MailboxID, made imap.Set, more bool) (int64, error) {
	sql, now := t.SQL(), t.Now().UnixMilli()
	switch {
	case id == 0 && !more:
		return 0, nil
	case id == 0:
		id, err := t.NewID()
		if err != nil {
			return 0, err
		}
		sql.Queue(`INSERT INTO unfinished (account_id, id, kind, mailbox_id, uids, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			account, id, jobCopy, to, made.String(), now)
		return id, nil
	case more:
		// One row, or the copy was given up by Finish and must not go on.
		n, err := sql.Exec(`UPDATE unfinished SET uids = $3, at = $4 WHERE account_id = $1 AND id = $2`, account, id, made.String(), now)
		if err == nil && n == 0 {
			err = mail.E("mailbox.Copy", mail.Unavailable, errGivenUp)
		}
		return id, err
	}
	n, err := sql.Exec(`DELETE FROM unfinished WHERE account_id = $1 AND id = $2`, account, id)
	if err == nil && n == 0 {
		err = mail.E("mailbox.Copy", mail.Unavailable, errGivenUp)
	}
	return 0, err
}

var errGivenUp = errors.New("the copy took too long and was undone")

// Finish brings work to its end that was interrupted: deleted mailboxes are emptied, incomplete copies removed. It looks
// at work that nobody has touched for idle, which is 0 at the start of the only node.
func (s *Store) Finish(ctx context.Context, idle time.Duration) error {
	var jobs []job
	err := s.tx.Read(ctx, func(t *tx.Tx) error {
		rows, err := t.SQL().Query(`SELECT account_id, id, kind, mailbox_id, uids FROM unfinished WHERE at <= $1`,
			t.Now().Add(-idle).UnixMilli())
		if err != nil {
			return err
		}
		jobs, err = collect(rows, func(r *db.Rows) (j job, err error) {
			return j, r.Scan(&j.account, &j.id, &j.kind, &j.mailbox, &j.uids)
		})
		return err
	})
	for _, j := range jobs {
		switch j.kind {
		case jobDelete:
			err = errors.Join(err, s.Empty(ctx, j.account, j.mailbox))
		case jobCopy:
			err = errors.Join(err, s.undoCopy(ctx, j.account, j.id))
		}
	}
	return err
}

// undoCopy removes what an incomplete copy has made. Its note goes first but one: the set is read from it, since the answer
// to the last step may be lost, and it is forgotten when nothing is left.
func (s *Store) undoCopy(ctx context.Context, account mail.AccountID, id int64) error {
	for more := true; more; {
		err := s.tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
			more = false
			j := job{account: account, id: id}
			err := t.SQL().QueryRow(`SELECT mailbox_id, uids FROM unfinished WHERE account_id = $1 AND id = $2 AND kind = $3`,
				account, id, jobCopy).Scan(&j.mailbox, &j.uids)
			if errors.Is(err, db.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			more, err = s.undoStep(t, j)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) undoStep(t *tx.Tx, j job) (more bool, err error) {
	var rest imap.Set
	if j.uids != "" {
		made, err := imap.ParseSet(j.uids)
		if err != nil {
			return false, err
		}
		if _, rest, err = s.removeStep(t, j.account, j.mailbox, made, func(*member) bool { return true }, true); err != nil {
			return false, err
		}
	}
	if len(rest) == 0 {
		t.SQL().Queue(`DELETE FROM unfinished WHERE account_id = $1 AND id = $2`, j.account, j.id)
		return false, nil
	}
	t.SQL().Queue(`UPDATE unfinished SET uids = $3 WHERE account_id = $1 AND id = $2`, j.account, j.id, rest.String())
	return true, nil
}
