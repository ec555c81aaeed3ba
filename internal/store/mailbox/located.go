package mailbox

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Located is one place where an email lies, with what its row there says of the email.
type Located struct {
	Membership
	Email    mail.EmailID
	Thread   mail.ThreadID
	Received int64 // unix milliseconds
}

const locatedColumns = `m.email_id, m.thread_id, m.received, m.mailbox_id, m.uid, m.modseq, m.flags, m.keywords, m.saved`

// Located calls each with the places of some emails, those of one email after the other. Deleted mailboxes are left out.
func (s *Store) Located(t *tx.Tx, account mail.AccountID, ids []mail.EmailID, each func(*Located)) error {
	return eachIn(t, `SELECT `+locatedColumns+` FROM membership m
		JOIN mailbox b ON b.account_id = m.account_id AND b.id = m.mailbox_id AND b.parent_id >= 0
		WHERE m.account_id = $1 AND m.email_id %s ORDER BY m.email_id, m.mailbox_id`, []any{account}, ids, locatedRow(each))
}

// LocatedInThreads calls each with the places of the emails of some threads, those of one email after the other.
func (s *Store) LocatedInThreads(t *tx.Tx, account mail.AccountID, threads []mail.ThreadID, each func(*Located)) error {
	const places = `SELECT ` + locatedColumns + ` FROM email e
		JOIN membership m ON m.account_id = e.account_id AND m.email_id = e.id
		JOIN mailbox b ON b.account_id = m.account_id AND b.id = m.mailbox_id AND b.parent_id >= 0
		WHERE e.account_id = $1 AND `
	// A thread has the id of its first email, which the index of threads has not.
	err := eachIn(t, places+`e.id %s AND e.thread_id = e.id ORDER BY m.email_id, m.mailbox_id`, []any{account}, threads, locatedRow(each))
	if err != nil {
		return err
	}
	return eachIn(t, places+`e.thread_id <> e.id AND e.thread_id %s ORDER BY m.email_id, m.mailbox_id`, []any{account}, threads, locatedRow(each))
}

// EmailsOf calls each for the emails whose body is one of some. It looks through the rows of all emails.
func (s *Store) EmailsOf(t *tx.Tx, account mail.AccountID, blobs []mail.BlobID, each func(mail.EmailID, mail.ThreadID, mail.BlobID)) error {
	names := make([][]byte, len(blobs))
	for i := range blobs {
		names[i] = blobs[i][:]
	}
	var id mail.EmailID
	var thread mail.ThreadID
	var name []byte
	return eachIn(t, `SELECT id, thread_id, blob_id FROM email WHERE account_id = $1 AND blob_id %s`, []any{account}, names, func(r *db.Rows) error {
		if err := r.Scan(&id, &thread, &name); err != nil {
			return err
		}
		each(id, thread, mail.BlobID(name))
		return nil
	})
}

func locatedRow(each func(*Located)) func(*db.Rows) error {
	var l Located
	var keywords string
	into := []any{&l.Email, &l.Thread, &l.Received, &l.Mailbox, &l.UID, &l.ModSeq, &l.Flags.Bits, &keywords, &l.Saved}
	return func(r *db.Rows) error {
		if err := r.Scan(into...); err != nil {
			return err
		}
		l.Flags.Keywords = strings.Fields(keywords)
		each(&l)
		return nil
	}
}

// ThreadEmail is an email of a thread.
type ThreadEmail struct {
	ID            mail.EmailID
	Thread        mail.ThreadID
	CreatedModSeq mail.ModSeq
}

// EmailsOfThreads calls each with the emails of some threads, wherever they lie.
func (s *Store) EmailsOfThreads(t *tx.Tx, account mail.AccountID, threads []mail.ThreadID, each func(ThreadEmail)) error {
	row := func(r *db.Rows) error {
		var e ThreadEmail
		err := r.Scan(&e.ID, &e.Thread, &e.CreatedModSeq)
		each(e)
		return err
	}
	const emails = `SELECT id, thread_id, created_modseq FROM email WHERE account_id = $1 AND `
	if err := eachIn(t, emails+`id %s AND thread_id = id`, []any{account}, threads, row); err != nil {
		return err
	}
	return eachIn(t, emails+`thread_id <> id AND thread_id %s`, []any{account}, threads, row)
}

// EmailIDs lists the emails of an account in order of id, at most limit.
func (s *Store) EmailIDs(t *tx.Tx, account mail.AccountID, limit int) ([]mail.EmailID, error) {
	rows, err := t.SQL().Query(`SELECT id FROM email WHERE account_id = $1 ORDER BY id LIMIT $2`, account, limit)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *db.Rows) (id mail.EmailID, err error) { return id, r.Scan(&id) })
}
