package submissions

import (
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Shown is a submission as JMAP lists it.
type Shown struct {
	ID       mail.SubmissionID
	Email    mail.EmailID
	Thread   mail.ThreadID
	Identity mail.IdentityID
	Due      time.Time
	Canceled bool
}

// Shown lists those submissions of an account that have an email and were not put away, in the order in which they were made.
func (s *Store) Shown(t *tx.Tx, account mail.AccountID) (list []Shown, err error) {
	rows, err := t.SQL().Query(`SELECT id, email_id, thread_id, identity_id, due, canceled FROM submission
		WHERE account_id = $1 AND email_id <> 0 AND hidden = 0 ORDER BY id`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one Shown
		if err := rows.Scan(&one.ID, &one.Email, &one.Thread, &one.Identity, &one.Due, &one.Canceled); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// Hide puts the record of a submission away: JMAP shows it no longer. What is still to be sent is sent. The account is locked.
func (s *Store) Hide(t *tx.Tx, account mail.AccountID, id mail.SubmissionID) error {
	return mark(t, account, id, "hidden", tx.Destroyed)
}

// MarkCanceled notes that a submission was taken back for all recipients. The account is locked.
func (s *Store) MarkCanceled(t *tx.Tx, account mail.AccountID, id mail.SubmissionID) error {
	err := mark(t, account, id, "canceled", tx.Updated)
	if mail.Is(err, mail.NotFound) { // one that JMAP does not show
		_, err = t.SQL().Exec(`UPDATE submission SET canceled = 1 WHERE account_id = $1 AND id = $2`, account, id)
	}
	return err
}

func mark(t *tx.Tx, account mail.AccountID, id mail.SubmissionID, column string, op tx.Op) error {
	n, err := t.SQL().Exec(`UPDATE submission SET `+column+` = 1 WHERE account_id = $1 AND id = $2 AND email_id <> 0 AND hidden = 0`, account, id)
	switch {
	case err != nil:
		return err
	case n == 0:
		return mail.E("submissions.mark", mail.NotFound, fmt.Errorf("there is no submission %v", id))
	}
	t.Changed(tx.Change{Account: account, Kind: tx.KindSubmission, Op: op, Object: int64(id)})
	return nil
}
