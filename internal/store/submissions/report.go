package submissions

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// MaxReports is how many reports of a submission are remembered. Later ones are mail like any other: a host that has our envelope id may
// send as many as it likes.
const MaxReports = 100

// Returned is a report about a submission that has come to its sender.
type Returned struct {
	Email   mail.EmailID // it may be gone by now
	Receipt bool         // it is an MDN; else a DSN
}

// AddReturned remembers a report that has come to the account of a submission, which is locked.
func (s *Store) AddReturned(t *tx.Tx, account mail.AccountID, id mail.SubmissionID, r Returned) error {
	receipt := 0
	if r.Receipt {
		receipt = 1
	}
	n, err := t.SQL().Exec(`INSERT INTO submission_report (account_id, submission_id, email_id, receipt)
		SELECT account_id, id, CAST($3 AS BIGINT), CAST($4 AS BIGINT) FROM submission WHERE account_id = $1 AND id = $2
		AND (SELECT COUNT(*) FROM submission_report r WHERE r.account_id = $1 AND r.submission_id = $2) < $5`, account, id, r.Email, receipt, MaxReports)
	if err != nil || n == 0 {
		return err
	}
	return s.changed(t, account, id)
}

// Returned lists the reports about a submission, the oldest first.
func (s *Store) Returned(t *tx.Tx, account mail.AccountID, id mail.SubmissionID) (list []Returned, err error) {
	rows, err := t.SQL().Query(`SELECT email_id, receipt FROM submission_report WHERE account_id = $1 AND submission_id = $2
		ORDER BY email_id LIMIT $3`, account, id, MaxReports)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Returned
		if err := rows.Scan(&r.Email, &r.Receipt); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}
