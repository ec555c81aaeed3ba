package submissions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// MaxNews is how many pieces of news TakeNews takes at a time, and of how many accounts WithNews tells.
const MaxNews = 100

// SetWake says who is told, after the commit, that there is news of an account. It must not block. A call that is lost costs
// delay: WithNews finds what waits.
func (s *Store) SetWake(wake func(mail.AccountID)) {
	if wake == nil {
		s.wake.Store(nil)
		return
	}
	s.wake.Store(&wake)
}

// changed leaves news of a submission: its account need not be locked. Each piece has a row of its own, so that two commits never wait
// for each other here. A submission without an email is shown to nobody.
func (s *Store) changed(t *tx.Tx, account mail.AccountID, id mail.SubmissionID) error {
	if account == mail.SpoolAccount {
		return nil
	}
	n, err := t.NewID()
	if err != nil {
		return err
	}
	t.SQL().Queue(`INSERT INTO submission_news (account_id, id, submission_id) SELECT account_id, CAST($3 AS BIGINT), id FROM submission
		WHERE account_id = $1 AND id = $2 AND email_id <> 0`, account, id, n)
	t.AfterCommit(func() {
		if wake := s.wake.Load(); wake != nil {
			(*wake)(account)
		}
	})
	return nil
}

// TakeNews enters the news of an account, which is locked, into its change log, at most MaxNews of them, and returns what it was about.
// There is more to be taken perhaps.
func (s *Store) TakeNews(t *tx.Tx, account mail.AccountID) (ids []mail.SubmissionID, more bool, err error) {
	rows, err := t.SQL().Query(`SELECT n.id, n.submission_id, s.hidden FROM submission_news n
		JOIN submission s ON s.account_id = n.account_id AND s.id = n.submission_id
		WHERE n.account_id = $1 ORDER BY n.id LIMIT $2`, account, MaxNews)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	args := []any{account}
	var taken strings.Builder
	for rows.Next() {
		var number int64
		var id mail.SubmissionID
		var hidden bool
		if err := rows.Scan(&number, &id, &hidden); err != nil {
			return nil, false, err
		}
		args = append(args, number)
		fmt.Fprintf(&taken, ", $%d", len(args))
		if slices.Contains(ids, id) {
			continue
		}
		if ids = append(ids, id); !hidden {
			t.Changed(tx.Change{Account: account, Kind: tx.KindSubmission, Op: tx.Updated, Object: int64(id)})
		}
	}
	if err := rows.Err(); err != nil || len(ids) == 0 {
		return nil, false, err
	}
	rows.Close()
	// By id: what a commit adds meanwhile may have a lower one than the last of these.
	t.SQL().Queue(`DELETE FROM submission_news WHERE account_id = $1 AND id IN (`+taken.String()[2:]+`)`, args...)
	return ids, len(args)-1 == MaxNews, nil
}

// WithNews lists accounts that have news, from behind one on, at most MaxNews.
func (s *Store) WithNews(t *tx.Tx, after mail.AccountID) (accounts []mail.AccountID, err error) {
	rows, err := t.SQL().Query(`SELECT DISTINCT account_id FROM submission_news WHERE account_id > $1 ORDER BY account_id LIMIT $2`, after, MaxNews)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id mail.AccountID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		accounts = append(accounts, id)
	}
	return accounts, rows.Err()
}

// SetEmail says which email is the sender's copy of a submission that had none. The account is locked.
func (s *Store) SetEmail(t *tx.Tx, account mail.AccountID, id mail.SubmissionID, email mail.EmailID, thread mail.ThreadID) error {
	n, err := t.SQL().Exec(`UPDATE submission SET email_id = $3, thread_id = $4 WHERE account_id = $1 AND id = $2 AND email_id = 0`, account, id, email, thread)
	if err != nil || n == 0 {
		return err
	}
	t.Changed(tx.Change{Account: account, Kind: tx.KindSubmission, Op: tx.Created, Object: int64(id)})
	return s.changed(t, account, id) // the copy is to be told what has happened so far
}
