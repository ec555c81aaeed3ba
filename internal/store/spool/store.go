package spool

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
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
	Size     int64       // bytes of the content, which is Trace and then the body without its first Skip bytes
	Envelope mail.Envelope
	Created  time.Time

	// Trace are header fields, with their line ends, that only this copy of the body has, and Skip is how many bytes at the
	// front of the body it has not: the Return-Path of those who have the mail in a mailbox here.
	Trace string
	Skip  int64

	// Account and Submission say whose history (store/submissions) tells what becomes of it: that of who handed it in, or, where
	// Add is given none, its own, which Add begins. First is the number that the first recipient of the envelope has there; the
	// others follow.
	Account    mail.AccountID
	Submission mail.SubmissionID
	First      int
}

// Content reads what is sent, from the body.
func (m Message) Content(body io.ReaderAt) io.Reader {
	rest := io.NewSectionReader(body, m.Skip, m.Size-int64(len(m.Trace)))
	if m.Trace == "" {
		return rest
	}
	return io.MultiReader(strings.NewReader(m.Trace), rest)
}

// Recipient is one recipient a message is owed to.
type Recipient struct {
	Message  mail.SpoolID
	Number   int // in the envelope; with the message's id it names the delivery, so that it is done once
	Address  mail.Address
	Due      time.Time
	Attempts int
	Deadline time.Time // when the sender is to be told something, whatever comes until then; zero: not reckoned yet
	Held     bool      // by an operator
	Warned   time.Time // when the sender was told that it takes long; zero: not yet
	Last     string    // what the last attempt said

	Owner string // the node that tries it now, "" for none
	Fence int64
}

// Options are what a Store stands on.
type Options struct {
	// Bodies takes back the hold of mail.SpoolAccount on the body of a message that is done. nil: nothing holds.
	Bodies interface {
		Release(t *tx.Tx, account mail.AccountID, blob mail.BlobID) error
	}
	// Histories begins the history of a message that no account has handed in. nil: none is kept.
	Histories interface {
		Begin(t *tx.Tx, id mail.SpoolID, e *mail.Envelope, size int64) (mail.AccountID, mail.SubmissionID, error)
	}
	// Wake is told, after the commit, that a destination has mail which is due then. It must not block, and may be set
	// later by SetWake. A call that is lost costs delay: see Destinations.
	Wake Wake
}

// Wake is who hears of new dates: how long it is until then, by the database's clock, or that it is due (zero or less). The
// domain is "" for all destinations.
type Wake func(domain string, in time.Duration)

// Store is the spool. It keeps nothing of its own and is safe for concurrent use.
type Store struct {
	o    Options
	wake atomic.Pointer[Wake]
}

// New returns a Store.
func New(o Options) *Store {
	s := &Store{o: o}
	s.SetWake(o.Wake)
	return s
}

// SetWake replaces Options.Wake.
func (s *Store) SetWake(w Wake) {
	if w == nil {
		w = func(string, time.Duration) {}
	}
	s.wake.Store(&w)
}

// wakes rings for the destinations after the commit.
func (s *Store) wakes(t *tx.Tx, due map[string]time.Time) {
	if len(due) == 0 {
		return
	}
	now := t.Now()
	t.AfterCommit(func() {
		wake := *s.wake.Load()
		for domain, at := range due {
			wake(domain, at.Sub(now))
		}
	})
}

// earlier notes a date of a destination where it is the first.
func earlier(due map[string]time.Time, domain string, at time.Time) {
	if known, ok := due[domain]; !ok || at.Before(known) {
		due[domain] = at
	}
}

// Add takes over a message for all recipients of its envelope, and wakes the queue when the commit stands. ID and Created of
// m are given by Add.
func (s *Store) Add(t *tx.Tx, m Message) (mail.SpoolID, error) {
	const op = "spool.Add"
	if n := len(m.Envelope.Recipients); n == 0 || n > MaxRecipients {
		return 0, mail.E(op, mail.Limit, fmt.Errorf("a message in the spool has 1 to %d recipients, not %d", MaxRecipients, n))
	}
	if err := checkAddresses(&m.Envelope); err != nil {
		return 0, mail.E(op, mail.Invalid, err)
	}
	envelope, err := encode(m)
	if err != nil {
		return 0, mail.E(op, mail.Invalid, err)
	}
	if len(envelope) > MaxEnvelope {
		return 0, mail.E(op, mail.TooLarge, fmt.Errorf("the envelope takes %d bytes, the limit is %d", len(envelope), MaxEnvelope))
	}
	id, err := s.begin(t, &m)
	if err != nil {
		return 0, err
	}
	now := t.Now()
	t.SQL().Queue(`INSERT INTO spool_message (id, format, trace, blob_id, size, envelope, created, account_id, submission_id, first, owed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		id, format1, m.Envelope.ID, m.Blob, m.Size, envelope, now, m.Account, m.Submission, m.First, len(m.Envelope.Recipients))
	due := now
	if m.Envelope.HoldUntil.After(now) {
		due = m.Envelope.HoldUntil // RFC 4865
	}
	wakes := make(map[string]time.Time)
	for i, r := range m.Envelope.Recipients {
		t.SQL().Queue(`INSERT INTO spool_recipient (spool_id, recipient, address, domain, turn, due, attempts, deadline, held, warned, owner, epoch, fence, last)
			VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, 0, '', 0, 0, '')`, id, i, r.Address.String(), r.Address.Domain, -m.Envelope.Priority, due)
		earlier(wakes, r.Address.Domain, due)
	}
	s.wakes(t, wakes)
	return id, nil
}

// begin gives a message its id and its history. The history has the id of its first message, so that it is found by that also
// when the message has left.
func (s *Store) begin(t *tx.Tx, m *Message) (mail.SpoolID, error) {
	if m.Submission != 0 && m.First == 0 {
		return mail.SpoolID(m.Submission), nil
	}
	n, err := t.NewID()
	id := mail.SpoolID(n)
	if err == nil && m.Submission == 0 && s.o.Histories != nil {
		m.Account, m.Submission, err = s.o.Histories.Begin(t, id, &m.Envelope, m.Size)
	}
	return id, err
}

const selectMessage = `SELECT id, format, trace, blob_id, size, envelope, created, account_id, submission_id, first FROM spool_message `

// Message returns a message, mail.NotFound when nobody is owed it any more. One whose envelope cannot be read (ErrFormat,
// ErrUnreadable) is returned without it, beside the error.
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
	if err := scan(&m.ID, &format, &trace, &m.Blob, &m.Size, &envelope, &m.Created, &m.Account, &m.Submission, &m.First); err != nil {
		return Message{}, err
	}
	err = m.decode(format, envelope)
	m.Envelope.ID = trace
	return m, err
}

const selectRecipient = `SELECT spool_id, recipient, address, due, attempts, deadline, held, warned, last, owner, fence FROM spool_recipient `

// Recipients returns who is owed a message, in the order of the envelope.
func (s *Store) Recipients(t *tx.Tx, id mail.SpoolID) ([]Recipient, error) {
	rows, err := t.SQL().Query(selectRecipient+`WHERE spool_id = $1 ORDER BY recipient`, id)
	if err != nil {
		return nil, err
	}
	return scanRecipients(rows)
}

func scanRecipients(rows *db.Rows) (out []Recipient, err error) {
	defer rows.Close()
	for rows.Next() {
		var r Recipient
		var address string
		var deadline, warned int64
		if err := rows.Scan(&r.Message, &r.Number, &address, &r.Due, &r.Attempts, &deadline, &r.Held, &warned, &r.Last, &r.Owner, &r.Fence); err != nil {
			return nil, err
		}
		r.Deadline, r.Warned = fromMillis(deadline), fromMillis(warned)
		if r.Address, err = mail.ParseAddress(address); err != nil {
			return nil, fmt.Errorf("spool: recipient %d of message %d: %w", r.Number, r.Message, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Messages lists the ids of messages after one, at most limit of them.
func (s *Store) Messages(t *tx.Tx, after mail.SpoolID, limit int) ([]mail.SpoolID, error) {
	rows, err := t.SQL().Query(`SELECT id FROM spool_message WHERE id > $1 ORDER BY id LIMIT $2`, after, page(limit))
	if err != nil {
		return nil, err
	}
	return scanIDs(rows)
}

func page(limit int) int {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return limit
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
