package mailbox

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Email is what never changes of a message, whatever mailboxes it is in.
type Email struct {
	ID            mail.EmailID
	Thread        mail.ThreadID
	Blob          mail.BlobID
	Size          int64
	Received      int64 // unix milliseconds
	CreatedModSeq mail.ModSeq
	Summary       []byte
}

const emailColumns = `id, thread_id, blob_id, size, received, created_modseq, summary`

// emailScanner reads rows into one Email, whose Summary is gone with the row. Plain types stand between, since scanning into
// others costs more.
type emailScanner struct {
	Email
	id, thread, created int64
	blob, summary       db.Borrowed
	dest                []any
}

func newEmailScanner() *emailScanner {
	s := new(emailScanner)
	s.dest = []any{&s.id, &s.thread, &s.blob, &s.Size, &s.Received, &s.created, &s.summary}
	return s
}

func (s *emailScanner) scan(r *db.Rows) error {
	if err := r.Scan(s.dest...); err != nil {
		return err
	}
	copy(s.Blob[:], s.blob)
	s.ID, s.Thread, s.CreatedModSeq, s.Summary = mail.EmailID(s.id), mail.ThreadID(s.thread), mail.ModSeq(s.created), s.summary
	return nil
}

// Email returns one email of an account.
func (s *Store) Email(t *tx.Tx, account mail.AccountID, id mail.EmailID) (Email, error) {
	var e Email
	err := t.SQL().QueryRow(`SELECT `+emailColumns+` FROM email WHERE account_id = $1 AND id = $2`, account, id).
		Scan(&e.ID, &e.Thread, &e.Blob, &e.Size, &e.Received, &e.CreatedModSeq, &e.Summary)
	return e, notFound("mailbox.Email", err)
}

// Membership is a place where an email lies.
type Membership struct {
	Mailbox mail.MailboxID
	UID     mail.UID
	ModSeq  mail.ModSeq
	Flags   mail.Flags // the same in all memberships of an email, but for \Deleted
	Saved   int64      // unix milliseconds (RFC 8514)
}

// Memberships lists where an email lies, by mailbox.
func (s *Store) Memberships(t *tx.Tx, account mail.AccountID, id mail.EmailID) ([]Membership, error) {
	rows, err := t.SQL().Query(`SELECT m.mailbox_id, m.uid, m.modseq, m.flags, m.keywords, m.saved
		FROM membership m JOIN mailbox b ON b.account_id = m.account_id AND b.id = m.mailbox_id AND b.parent_id >= 0
		WHERE m.account_id = $1 AND m.email_id = $2 ORDER BY m.mailbox_id, m.uid`, account, id)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *db.Rows) (m Membership, err error) {
		var keywords string
		err = r.Scan(&m.Mailbox, &m.UID, &m.ModSeq, &m.Flags.Bits, &keywords, &m.Saved)
		m.Flags.Keywords = strings.Fields(keywords)
		return m, err
	})
}

// errStop ends a reading early.
var errStop = errors.New("stop")

// Summaries calls each for the emails of ids that exist, in the order of ids, until it returns false. The Email and its
// Summary are valid during the call only. However many ids there are, few rows are in memory at a time.
func (s *Store) Summaries(t *tx.Tx, account mail.AccountID, ids []mail.EmailID, each func(*Email) bool) error {
	r := summaryReader{t: t, account: account, each: each, email: newEmailScanner()}
	var err error
	for len(ids) > 0 && err == nil {
		n := 1 // ids[:n] ascend
		for n < len(ids) && ids[n] > ids[n-1] {
			n++
		}
		if n >= longRange || n == len(ids) {
			err = r.ascending(ids[:n])
		} else {
			n = min(maxIn, len(ids))
			err = r.mixed(ids[:n])
		}
		ids = ids[n:]
	}
	if errors.Is(err, errStop) {
		err = nil
	}
	return err
}

type summaryReader struct {
	t       *tx.Tx
	account mail.AccountID
	each    func(*Email) bool
	email   *emailScanner
}

// ascending reads emails in the order of the table: by one scan where they lie close together.
func (r *summaryReader) ascending(ids []mail.EmailID) error {
	for len(ids) > 0 {
		n := 1
		// A row passed over costs less than a seek. Ids that are next to each other in the account are not next to each
		// other as numbers: 64 is what may lie between in a busy server.
		for n < len(ids) && ids[n]-ids[n-1] < 64 {
			n++
		}
		var err error
		if n >= longRange {
			err = r.scan(ids[:n])
		} else {
			n = min(maxIn, len(ids))
			err = eachIn(r.t, `SELECT `+emailColumns+` FROM email WHERE account_id = $1 AND id %s ORDER BY id`,
				[]any{r.account}, ids[:n], r.row)
		}
		if err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// scan reads all emails between the first and the last id and passes over those not asked for.
func (r *summaryReader) scan(ids []mail.EmailID) error {
	rows, err := r.t.SQL().Query(`SELECT `+emailColumns+` FROM email WHERE account_id = $1 AND id BETWEEN $2 AND $3 ORDER BY id`,
		r.account, ids[0], ids[len(ids)-1])
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id, nil, nil, nil, nil, nil, nil); err != nil {
			return err
		}
		for len(ids) > 0 && int64(ids[0]) < id {
			ids = ids[1:]
		}
		if len(ids) == 0 || int64(ids[0]) != id {
			continue
		}
		if err := r.row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// mixed reads at most maxIn emails and hands them on in the order of ids.
func (r *summaryReader) mixed(ids []mail.EmailID) error {
	found := make(map[mail.EmailID]*Email, len(ids))
	err := eachIn(r.t, `SELECT `+emailColumns+` FROM email WHERE account_id = $1 AND id %s`, []any{r.account},
		slices.Compact(slices.Sorted(slices.Values(ids))), func(rows *db.Rows) error {
			err := r.email.scan(rows)
			e := r.email.Email
			e.Summary = bytes.Clone(e.Summary)
			found[e.ID] = &e
			return err
		})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if e := found[id]; e != nil && !r.each(e) {
			return errStop
		}
	}
	return nil
}

func (r *summaryReader) row(rows *db.Rows) error {
	if err := r.email.scan(rows); err != nil {
		return err
	}
	if !r.each(&r.email.Email) {
		return errStop
	}
	return nil
}
