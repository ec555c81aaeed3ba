package spool

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Taken is what TakeBack took out of the spool.
type Taken struct {
	Recipients []int         // their numbers in the submission
	Blobs      []mail.BlobID // of each message that nobody is owed any more: mail.SpoolAccount holds it once less
}

// TakeBack removes the recipients of a submission that nobody has leased, whoever else may be owed it. Those who are
// leased may be hearing the message at this moment, and stay. The caller has locked mail.SpoolAccount, so that nobody else
// finishes with a message meanwhile.
func (s *Store) TakeBack(t *tx.Tx, account mail.AccountID, submission mail.SubmissionID) (taken Taken, err error) {
	messages, err := s.ofSubmission(t, account, submission)
	if err != nil {
		return Taken{}, err
	}
	for _, m := range messages {
		if taken.Recipients, err = takeRecipients(t, m, taken.Recipients); err != nil {
			return Taken{}, err
		}
		n, err := t.SQL().Exec(`DELETE FROM spool_message WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM spool_recipient WHERE spool_id = $1)`, m.ID)
		if err != nil {
			return Taken{}, err
		}
		if n > 0 {
			taken.Blobs = append(taken.Blobs, m.Blob)
		}
	}
	return taken, nil
}

func takeRecipients(t *tx.Tx, m Message, numbers []int) ([]int, error) {
	rows, err := t.SQL().Query(`DELETE FROM spool_recipient WHERE spool_id = $1 AND owner = '' RETURNING recipient`, m.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		numbers = append(numbers, m.First+n)
	}
	return numbers, rows.Err()
}

// ofSubmission returns the messages of a submission, without their envelopes.
func (s *Store) ofSubmission(t *tx.Tx, account mail.AccountID, submission mail.SubmissionID) (messages []Message, err error) {
	rows, err := t.SQL().Query(`SELECT id, blob_id, first FROM spool_message
		WHERE account_id = $1 AND submission_id = $2 AND submission_id <> 0 ORDER BY id`, account, submission)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m Message
		if err := rows.Scan(&m.ID, &m.Blob, &m.First); err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, rows.Err()
}
