package submissions

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// What an account may send in Window where nobody has said otherwise.
const (
	DefaultRecipients = 2000
	DefaultStrangers  = 600 // more than the recipients of one message

	Window  = 24 * time.Hour
	NoLimit = -1

	maxLimit = 100_000_000
	maxUndo  = time.Hour
)

// Sending is what an account may send, and how it likes it.
type Sending struct {
	MaxRecipients int // in Window; 0: DefaultRecipients, NoLimit
	MaxStrangers  int // 0: DefaultStrangers, NoLimit

	SentCopy bool          // what it submits is put into its mailbox Sent
	Undo     time.Duration // each message is held so long, in which it can be taken back
}

// Sending returns what holds for an account.
func (s *Store) Sending(t *tx.Tx, account mail.AccountID) (Sending, error) {
	row, err := readSending(t, account)
	return row.Sending, err
}

// SetSending changes it. What was used stays used. The account is locked.
func (s *Store) SetSending(t *tx.Tx, account mail.AccountID, to Sending) error {
	const op = "submissions.SetSending"
	for _, n := range []int{to.MaxRecipients, to.MaxStrangers} {
		if n < NoLimit || n > maxLimit {
			return mail.E(op, mail.Invalid, fmt.Errorf("a limit of recipients is a number up to %d, 0 for the server's own, %d for none", maxLimit, NoLimit))
		}
	}
	if to.Undo < 0 || to.Undo > maxUndo {
		return mail.E(op, mail.Invalid, fmt.Errorf("mail can be held for undoing up to %v", maxUndo))
	}
	row, err := readSending(t, account)
	if err != nil {
		return err
	}
	row.Sending = to
	row.write(t, account)
	return nil
}

// sending is a row.
type sending struct {
	Sending
	recipients bucket
	strangers  bucket
	at         time.Time
}

// bucket is what was used of a budget, in thousandths of a recipient.
type bucket int64

const whole = 1000

func readSending(t *tx.Tx, account mail.AccountID) (row sending, err error) {
	var undo int64
	err = t.SQL().QueryRow(`SELECT max_recipients, max_strangers, recipients, strangers, at, sent_copy, undo FROM sending WHERE account_id = $1`, account).
		Scan(&row.MaxRecipients, &row.MaxStrangers, &row.recipients, &row.strangers, &row.at, &row.SentCopy, &undo)
	if errors.Is(err, db.ErrNoRows) {
		err = nil
		row.at = t.Now()
	}
	row.Undo = time.Duration(undo) * time.Millisecond
	if elapsed := t.Now().Sub(row.at); elapsed > 0 {
		row.recipients.melt(elapsed, limit(row.MaxRecipients, DefaultRecipients))
		row.strangers.melt(elapsed, limit(row.MaxStrangers, DefaultStrangers))
		row.at = t.Now()
	}
	return row, err
}

func (row *sending) write(t *tx.Tx, account mail.AccountID) {
	t.SQL().Queue(`INSERT INTO sending (account_id, max_recipients, max_strangers, recipients, strangers, at, sent_copy, undo)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (account_id) DO UPDATE SET max_recipients = excluded.max_recipients, max_strangers = excluded.max_strangers,
			recipients = excluded.recipients, strangers = excluded.strangers, at = excluded.at, sent_copy = excluded.sent_copy, undo = excluded.undo`,
		account, row.MaxRecipients, row.MaxStrangers, row.recipients, row.strangers, row.at, row.SentCopy, row.Undo.Milliseconds())
}

func limit(own, otherwise int) int {
	if own == 0 {
		return otherwise
	}
	return own
}

// melt gives back what a time gives back.
func (b *bucket) melt(elapsed time.Duration, limit int) {
	if limit < 0 || elapsed >= Window {
		*b = 0
		return
	}
	*b = max(0, *b-bucket(float64(limit)*whole*elapsed.Seconds()/Window.Seconds()))
}

// room says how long it takes until there is room for n more; 0 when there is.
func (b bucket) room(n, limit int) (wait time.Duration) {
	over := int64(b) + int64(n)*whole - int64(limit)*whole
	if n == 0 || limit < 0 || over <= 0 {
		return 0
	}
	return max(time.Second, time.Duration(float64(over)/(float64(limit)*whole)*float64(Window)))
}

// Allow reports whether an account may write to some more recipients, so many of them strangers: nil, or mail.Limit with a
// text for the sender.
func (s *Store) Allow(t *tx.Tx, account mail.AccountID, recipients, strangers int) error {
	row, err := readSending(t, account)
	if err != nil {
		return err
	}
	return row.allow(recipients, strangers)
}

func (row *sending) allow(recipients, strangers int) error {
	if err := refuse(row.recipients, recipients, limit(row.MaxRecipients, DefaultRecipients), "recipients"); err != nil {
		return err
	}
	return refuse(row.strangers, strangers, limit(row.MaxStrangers, DefaultStrangers), "recipients that it never wrote to before")
}

func refuse(used bucket, n, limit int, what string) error {
	wait := used.room(n, limit)
	if wait == 0 {
		return nil
	}
	text := fmt.Errorf("the account may write to %d %s in a day; there is room in %v", limit, what, roundUp(wait))
	if n > limit {
		text = fmt.Errorf("the account may write to %d %s in a day, and these are %d", limit, what, n)
	}
	return mail.E("submissions.Allow", mail.Limit, text)
}

func roundUp(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Truncate(time.Second) + time.Second
	}
	return d.Truncate(time.Minute) + time.Minute
}

// Charge takes recipients from the budgets of an account, which is locked: so many here, who are strangers to nobody, and
// others, who are remembered. When they do not fit it is mail.Limit, and nothing is charged.
func (s *Store) Charge(t *tx.Tx, account mail.AccountID, here int, others ...mail.Address) error {
	known, err := s.Known(t, account, others...)
	if err != nil {
		return err
	}
	row, err := readSending(t, account)
	if err != nil {
		return err
	}
	fresh := map[int64]bool{}
	for i, to := range others {
		if !known[i] {
			fresh[hash(to)] = true
		}
	}
	if err := row.allow(here+len(others), len(fresh)); err != nil {
		return err
	}
	row.recipients += bucket(here+len(others)) * whole
	row.strangers += bucket(len(fresh)) * whole
	row.write(t, account)
	for h := range fresh {
		t.SQL().Queue(`INSERT INTO correspondent (account_id, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING`, account, h)
	}
	return nil
}

// hash stands for an address in what is remembered, whatever the case it is written in.
func hash(a mail.Address) int64 {
	sum := sha256.Sum256([]byte(strings.ToLower(a.String())))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// knownPage is how many addresses are asked for in one statement.
const knownPage = 100

// Known says of each address whether the account has written there before.
func (s *Store) Known(t *tx.Tx, account mail.AccountID, addresses ...mail.Address) ([]bool, error) {
	found := map[int64]bool{}
	for rest := addresses; len(rest) > 0; {
		page := rest[:min(len(rest), knownPage)]
		rest = rest[len(page):]
		if err := readKnown(t, account, page, found); err != nil {
			return nil, err
		}
	}
	out := make([]bool, len(addresses))
	for i, a := range addresses {
		out[i] = found[hash(a)]
	}
	return out, nil
}

func readKnown(t *tx.Tx, account mail.AccountID, page []mail.Address, found map[int64]bool) error {
	var in strings.Builder
	args := []any{account}
	for _, a := range page {
		args = append(args, hash(a))
		fmt.Fprintf(&in, ", $%d", len(args))
	}
	rows, err := t.SQL().Query(`SELECT hash FROM correspondent WHERE account_id = $1 AND hash IN (`+in.String()[2:]+`)`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var h int64
		if err := rows.Scan(&h); err != nil {
			return err
		}
		found[h] = true
	}
	return rows.Err()
}
