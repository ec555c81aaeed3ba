package submissions

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxRecipients = 1000
	MaxEvents     = 500
	MaxText       = 512
	MaxPage       = 200
	MaxTraced     = 100 // of one id in logs: a group's mail to 10000

	Kept = 60 * 24 * time.Hour // far beyond the days for which sending is tried
)

// Submission is a message that was handed in.
type Submission struct {
	Account     mail.AccountID
	ID          mail.SubmissionID // given by Add; also the id of the first message that it has in the spool
	Trace       string            // the message's id in logs
	ReversePath mail.Address
	MessageID   string // without angle brackets
	EnvID       string // RFC 3461 4.4, where EnvelopeID has made it
	Size        int64
	Recipients  []Recipient
	Created     time.Time // given by Add
	Due         time.Time // zero with Add: now

	// What JMAP shows of it (RFC 8621 7). Email is the sender's email that was sent, 0 for none.
	Email    mail.EmailID
	Thread   mail.ThreadID
	Identity mail.IdentityID // 0: nobody said
	Envelope []byte          // as its door wrote it; empty: nobody said
	Hidden   bool            // its sender has put the record away
	Canceled bool            // it was taken back for all recipients
}

// Recipient is one recipient of a submission. Its number is its place in Submission.Recipients.
type Recipient struct {
	Address mail.Address // as the sender wrote it
}

// Store is the room. It keeps nothing of its own but whom it wakes, and is safe for concurrent use.
type Store struct {
	wake atomic.Pointer[func(mail.AccountID)]
}

// New returns a Store.
func New() *Store { return &Store{} }

// format1 is the kept form of the recipients: a JSON array of addresses.
const format1 = 1

// Add enters a submission, which is queued for all its recipients from then on. Its account is locked, but for mail.SpoolAccount.
func (s *Store) Add(t *tx.Tx, sub Submission) (mail.SubmissionID, error) {
	const op = "submissions.Add"
	if n := len(sub.Recipients); n == 0 || n > MaxRecipients {
		return 0, mail.E(op, mail.Limit, fmt.Errorf("a submission has 1 to %d recipients, not %d", MaxRecipients, n))
	}
	kept := make([]string, len(sub.Recipients))
	for i, r := range sub.Recipients {
		kept[i] = r.Address.String()
	}
	recipients, err := json.Marshal(kept)
	if err != nil {
		return 0, mail.E(op, mail.Invalid, err)
	}
	if sub.ID == 0 {
		id, err := t.NewID()
		if err != nil {
			return 0, err
		}
		sub.ID = mail.SubmissionID(id)
	}
	now := t.Now()
	if sub.Due.Before(now) {
		sub.Due = now
	}
	t.SQL().Queue(`INSERT INTO submission (account_id, id, format, trace, reverse_path, message_id, env_id, size, recipients, created, due,
			email_id, thread_id, identity_id, envelope, hidden, canceled)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, 0)`,
		sub.Account, sub.ID, format1, sub.Trace, sub.ReversePath.String(), cut(sub.MessageID), sub.EnvID, sub.Size, recipients, now, sub.Due,
		sub.Email, sub.Thread, sub.Identity, append([]byte{}, sub.Envelope...))
	if sub.Email != 0 {
		t.Changed(tx.Change{Account: sub.Account, Kind: tx.KindSubmission, Op: tx.Created, Object: int64(sub.ID)})
	}
	return sub.ID, nil
}

// Begin enters mail that goes on and that no account here has handed in, as a submission of mail.SpoolAccount: what is forwarded, the
// mail of groups, reports. It is spool.Options.Histories.
func (s *Store) Begin(t *tx.Tx, id mail.SpoolID, e *mail.Envelope, size int64) (mail.AccountID, mail.SubmissionID, error) {
	sub := Submission{Account: mail.SpoolAccount, ID: mail.SubmissionID(id), Trace: e.ID, ReversePath: e.ReversePath, Size: size, Due: e.HoldUntil}
	for _, r := range e.Recipients {
		sub.Recipients = append(sub.Recipients, Recipient{r.Address})
	}
	_, err := s.Add(t, sub)
	return sub.Account, sub.ID, err
}

const selectSubmission = `SELECT account_id, id, format, trace, reverse_path, message_id, env_id, size, recipients, created, due,
	email_id, thread_id, identity_id, envelope, hidden, canceled FROM submission `

// Submission returns one, mail.NotFound when it is not there (any more).
func (s *Store) Submission(t *tx.Tx, account mail.AccountID, id mail.SubmissionID) (Submission, error) {
	sub, err := scan(t.SQL().QueryRow(selectSubmission+`WHERE account_id = $1 AND id = $2`, account, id).Scan)
	if errors.Is(err, db.ErrNoRows) {
		err = mail.E("submissions.Submission", mail.NotFound, fmt.Errorf("there is no submission %v", id))
	}
	return sub, err
}

// BySpool returns the one whose first message had an id in the spool, whoever's it is. mail.NotFound when there is none (any more).
func (s *Store) BySpool(t *tx.Tx, id mail.SpoolID) (Submission, error) {
	sub, err := scan(t.SQL().QueryRow(selectSubmission+`WHERE id = $1`, id).Scan)
	if errors.Is(err, db.ErrNoRows) {
		err = notSent("submissions.BySpool", id.String())
	}
	return sub, err
}

// ByTrace returns those with an id in logs: what a user has handed in, and what it became: a group's mail, say. They come in their
// order, the newest MaxTraced of them. mail.NotFound where there is none (any more).
func (s *Store) ByTrace(t *tx.Tx, trace string) ([]Submission, error) {
	rows, err := t.SQL().Query(selectSubmission+`WHERE trace = $1 ORDER BY id DESC LIMIT $2`, trace, MaxTraced)
	if err != nil {
		return nil, err
	}
	out, err := scanAll(rows)
	if err == nil && len(out) == 0 {
		err = notSent("submissions.ByTrace", trace)
	}
	slices.Reverse(out)
	return out, err
}

func notSent(op, id string) error {
	return mail.E(op, mail.NotFound, fmt.Errorf("no mail %.60q was sent from here in the last %d days", id, Kept/(24*time.Hour)))
}

// List returns the submissions of an account from the newest on, at most limit of them. before is the last of the page
// that was read before, the zero Submission at the beginning.
func (s *Store) List(t *tx.Tx, account mail.AccountID, before Submission, limit int) ([]Submission, error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	if before.ID == 0 {
		before.Created, before.ID = t.Now().Add(time.Hour), 0 // a clock that was set back hides none
	}
	rows, err := t.SQL().Query(selectSubmission+`WHERE account_id = $1 AND created <= $2 AND (created < $2 OR id < $3)
		ORDER BY created DESC, id DESC LIMIT $4`, account, before.Created, before.ID, limit)
	if err != nil {
		return nil, err
	}
	return scanAll(rows)
}

func scanAll(rows *db.Rows) (out []Submission, err error) {
	defer rows.Close()
	for rows.Next() {
		sub, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, sub)
	}
	return out, rows.Err()
}

func scan(scan func(...any) error) (sub Submission, err error) {
	var format int64
	var from string
	var recipients []byte
	if err := scan(&sub.Account, &sub.ID, &format, &sub.Trace, &from, &sub.MessageID, &sub.EnvID, &sub.Size, &recipients, &sub.Created, &sub.Due,
		&sub.Email, &sub.Thread, &sub.Identity, &sub.Envelope, &sub.Hidden, &sub.Canceled); err != nil {
		return Submission{}, err
	}
	if len(sub.Envelope) == 0 {
		sub.Envelope = nil
	}
	if format != format1 {
		return Submission{}, mail.E("submissions", mail.Unavailable, fmt.Errorf("submission %v is in format %d, which this version does not know", sub.ID, format))
	}
	var kept []string
	if err := json.Unmarshal(recipients, &kept); err != nil {
		return Submission{}, fmt.Errorf("submissions: the recipients of %v: %w", sub.ID, err)
	}
	if from != "" {
		if sub.ReversePath, err = mail.ParseAddress(from); err != nil {
			return Submission{}, fmt.Errorf("submissions: the reverse-path of %v: %w", sub.ID, err)
		}
	}
	for _, r := range kept {
		to, err := mail.ParseAddress(r)
		if err != nil {
			return Submission{}, fmt.Errorf("submissions: the recipients of %v: %w", sub.ID, err)
		}
		sub.Recipients = append(sub.Recipients, Recipient{to})
	}
	return sub, nil
}

// forgetRows is how many rows of events one step of Forget removes.
const forgetRows = 1000

// Forget removes submissions that were due longer than Kept ago, some of them, and says whether there may be more.
func (s *Store) Forget(t *tx.Tx) (more bool, err error) {
	var account mail.AccountID
	var id mail.SubmissionID
	err = t.SQL().QueryRow(`SELECT account_id, id FROM submission WHERE due < $1 ORDER BY due LIMIT 1`, t.Now().Add(-Kept)).Scan(&account, &id)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	n, err := t.SQL().Exec(`DELETE FROM submission_event WHERE account_id = $1 AND submission_id = $2 AND (recipient, seq) IN
		(SELECT recipient, seq FROM submission_event WHERE account_id = $1 AND submission_id = $2 LIMIT $3)`, account, id, forgetRows)
	if err == nil && n < forgetRows {
		t.SQL().Queue(`DELETE FROM receipt WHERE submission_id = $1`, id)
		t.SQL().Queue(`DELETE FROM submission_news WHERE account_id = $1 AND submission_id = $2`, account, id)
		t.SQL().Queue(`DELETE FROM submission_report WHERE account_id = $1 AND submission_id = $2`, account, id)
		t.SQL().Queue(`DELETE FROM submission WHERE account_id = $1 AND id = $2`, account, id)
	}
	return true, err
}

// Purge removes rows of an account that is being removed, as many as one commit may, and says whether there are more.
func (s *Store) Purge(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	left := int64(forgetRows)
	for _, table := range []struct{ name, key string }{{"submission_event", "submission_id, recipient, seq"}, {"submission", "id"}, {"submission_news", "id"},
		{"submission_report", "submission_id, email_id"}, {"receipt", "email_id"}, {"correspondent", "hash"}, {"sending", "account_id"}} {
		n, err := t.SQL().Exec(`DELETE FROM `+table.name+` WHERE account_id = $1 AND (`+table.key+`) IN
			(SELECT `+table.key+` FROM `+table.name+` WHERE account_id = $1 LIMIT $2)`, account, left)
		if err != nil {
			return false, err
		}
		if left -= n; left <= 0 {
			return true, nil
		}
	}
	return false, nil
}
