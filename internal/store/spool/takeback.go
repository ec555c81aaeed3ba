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
// leased may be hearing the message at this moment, and stay.
func (s *Store) TakeBack(t *tx.Tx, account mail.AccountID, submission mail.SubmissionID) (taken Taken, err error) {
	messages, err := s.ofSubmission(t, account, submission)
	if err != nil {
		return Taken{}, err
	}
	for _, m := range messages {
		gone, _, err := s.remove(t, m.ID, nil, func(last leased) error { taken.Blobs = append(taken.Blobs, last.blob); return nil })
		if err != nil && !mail.Is(err, mail.NotFound) { // NotFound: it has just been finished
			return Taken{}, err
		}
		for _, r := range gone {
			taken.Recipients = append(taken.Recipients, m.First+r.Number)
		}
	}
	return taken, nil
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
