package spool

import (
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxRecipients = 100 // of one message, as many as RFC 5321 4.5.3.1.8 makes every server take
	MaxEnvelope   = 256 << 10
	MaxPage       = 1000
)

// Message is accepted mail with recipients still to come.
type Message struct {
	ID       mail.SpoolID
	Blob     mail.BlobID // held by mail.SpoolAccount
	Envelope mail.Envelope
	Created  time.Time

	// Account and Submission say who handed it in (store/submissions); 0: it came from elsewhere. First is the number that
	// the first recipient of the envelope has in the submission; the others follow.
	Account    mail.AccountID
	Submission mail.SubmissionID
	First      int
}

// Recipient is one recipient a message is owed to.
type Recipient struct {
	Message  mail.SpoolID
	Number   int // in the envelope; with the message's id it names the delivery, so that it is done once
	Address  mail.Address
	Due      time.Time
	Attempts int
	Last     string // what the last attempt said
}

// Store is the spool. It keeps nothing of its own and is safe for concurrent use.
type Store struct{}

// New returns a Store.
func New() *Store { return &Store{} }

// Add takes over a message for all recipients of its envelope. ID and Created of m are given by Add.
func (s *Store) Add(t *tx.Tx, m Message) (mail.SpoolID, error) {
	const op = "spool.Add"
	if n := len(m.Envelope.Recipients); n == 0 || n > MaxRecipients {
		return 0, mail.E(op, mail.Limit, fmt.Errorf("a message in the spool has 1 to %d recipients, not %d", MaxRecipients, n))
	}
	envelope, err := encode(m.Envelope)
	if err != nil {
		return 0, mail.E(op, mail.Invalid, err)
	}
	if len(envelope) > MaxEnvelope {
		return 0, mail.E(op, mail.TooLarge, fmt.Errorf("the envelope takes %d bytes, the limit is %d", len(envelope), MaxEnvelope))
	}
	id, err := t.NewID()
	if err != nil {
		return 0, err
	}
	now := t.Now()
	t.SQL().Queue(`INSERT INTO spool_message (id, format, trace, blob_id, envelope, created, account_id, submission_id, first)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, id, format1, m.Envelope.ID, m.Blob, envelope, now, m.Account, m.Submission, m.First)
	due := now
	if m.Envelope.HoldUntil.After(now) {
		due = m.Envelope.HoldUntil // RFC 4865
	}
	for i, r := range m.Envelope.Recipients {
		t.SQL().Queue(`INSERT INTO spool_recipient (spool_id, recipient, address, domain, due, attempts, owner, epoch, fence, last)
			VALUES ($1, $2, $3, $4, $5, 0, '', 0, 0, '')`, id, i, r.Address.String(), r.Address.Domain, due)
	}
	return mail.SpoolID(id), nil
}

const selectMessage = `SELECT id, format, trace, blob_id, envelope, created, account_id, submission_id, first FROM spool_message `

// Message returns a message, mail.NotFound when nobody is owed it any more.
func (s *Store) Message(t *tx.Tx, id mail.SpoolID) (Message, error) {
	m, err := scanMessage(t.SQL().QueryRow(selectMessage+`WHERE id = $1`, id).Scan)
	if errors.Is(err, db.ErrNoRows) {
		err = mail.E("spool.Message", mail.NotFound, nil)
	}
	return m, err
}

func scanMessage(scan func(...any) error) (m Message, err error) {
	var format int64
	var trace string
	var envelope []byte
	if err := scan(&m.ID, &format, &trace, &m.Blob, &envelope, &m.Created, &m.Account, &m.Submission, &m.First); err != nil {
		return Message{}, err
	}
	m.Envelope, err = decode(format, envelope)
	m.Envelope.ID = trace
	return m, err
}

// Recipients returns who is owed a message, in the order of the envelope.
func (s *Store) Recipients(t *tx.Tx, id mail.SpoolID) ([]Recipient, error) {
	rows, err := t.SQL().Query(`SELECT spool_id, recipient, address, due, attempts, last FROM spool_recipient WHERE spool_id = $1 ORDER BY recipient`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Recipient
	for rows.Next() {
		var r Recipient
		var address string
		if err := rows.Scan(&r.Message, &r.Number, &address, &r.Due, &r.Attempts, &r.Last); err != nil {
			return nil, err
		}
		if r.Address, err = mail.ParseAddress(address); err != nil {
			return nil, fmt.Errorf("spool: a recipient of message %d: %w", id, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Messages lists the ids of messages after one, at most limit of them.
func (s *Store) Messages(t *tx.Tx, after mail.SpoolID, limit int) ([]mail.SpoolID, error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	rows, err := t.SQL().Query(`SELECT id FROM spool_message WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []mail.SpoolID
	for rows.Next() {
		var id mail.SpoolID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// Holds calls each with every body that messages here are on, in order of id, and how many are: what mail.SpoolAccount
// must hold.
func (s *Store) Holds(t *tx.Tx, each func(blob mail.BlobID, messages int64) error) error {
	rows, err := t.SQL().Query(`SELECT blob_id, COUNT(*) FROM spool_message GROUP BY blob_id ORDER BY blob_id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var blob mail.BlobID
		var n int64
		if err := rows.Scan(&blob, &n); err != nil {
			return err
		}
		if err := each(blob, n); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Finding is something in the spool's rows that does not agree.
type Finding struct {
	Message mail.SpoolID
	What    string
}

// Check reports messages that nobody is owed, recipients without a message, and envelopes that cannot be read or do not
// name their recipients. It reads a message at a time.
func (s *Store) Check(t *tx.Tx, report func(Finding)) error {
	for after := mail.SpoolID(0); ; {
		ids, err := s.Messages(t, after, 0)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		for _, after = range ids {
			if err := s.checkMessage(t, after, report); err != nil {
				return err
			}
		}
	}
	rows, err := t.SQL().Query(`SELECT DISTINCT r.spool_id FROM spool_recipient r LEFT JOIN spool_message m ON m.id = r.spool_id WHERE m.id IS NULL ORDER BY r.spool_id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id mail.SpoolID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		report(Finding{id, "recipients are owed a message that is not there"})
	}
	return rows.Err()
}

func (s *Store) checkMessage(t *tx.Tx, id mail.SpoolID, report func(Finding)) error {
	m, err := s.Message(t, id)
	switch {
	case errors.Is(err, ErrFormat):
		return nil // a newer version's to check
	case err != nil && db.IsUnavailable(err):
		return err
	case err != nil:
		report(Finding{id, err.Error()})
		return nil
	}
	recipients, err := s.Recipients(t, id)
	if err != nil {
		return err
	}
	if len(recipients) == 0 {
		report(Finding{id, "nobody is owed the message any more"})
	}
	for _, r := range recipients {
		if to := m.Envelope.Recipients; r.Number < 0 || r.Number >= len(to) || to[r.Number].Address != r.Address {
			report(Finding{id, fmt.Sprintf("recipient %d is %s, which the envelope does not name there", r.Number, r.Address)})
		}
	}
	return nil
}
