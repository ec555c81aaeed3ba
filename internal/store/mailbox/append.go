package mailbox

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Message is a message to be kept. Its body is held by the account already (store/bodies, in the same commit).
type Message struct {
	Blob     mail.BlobID
	Size     int64
	Received time.Time // INTERNALDATE; zero: now
	Flags    mail.Flags

	// What reading the content found: Summary is kept as it is and given back; the others choose the thread.
	Summary     []byte
	MessageIDs  []string // Message-ID, then In-Reply-To, then References, without brackets
	BaseSubject string   // RFC 5256 2.1
}

// Appended is where a message came to lie.
type Appended struct {
	Email       mail.EmailID
	Thread      mail.ThreadID
	UID         mail.UID
	UIDValidity uint32
	ModSeq      mail.ModSeq
}

// Append makes a new email with one membership.
func (s *Store) Append(t *tx.Tx, account mail.AccountID, id mail.MailboxID, m Message) (Appended, error) {
	const op = "mailbox.Append"
	if n := len(m.Flags.Keywords); n > mail.MaxKeywords {
		return Appended{}, mail.E(op, mail.Limit, errKeywords)
	}
	email, err := t.NewID()
	if err != nil {
		return Appended{}, err
	}
	a := Appended{Email: mail.EmailID(email)}
	refs := threadRefs(m.MessageIDs, m.BaseSubject)
	known, err := readForAppend(t, account, id, refs, &a)
	if err != nil {
		return Appended{}, err
	}
	if a.UID == maxUID {
		return Appended{}, mail.E(op, mail.Limit, errNoUIDs)
	}
	a.Thread = joinThread(t, account, refs, known, mail.ThreadID(email))
	if m.Received.IsZero() {
		m.Received = t.Now()
	}
	s.insertEmail(t, account, id, m, &a)
	use(t, account, 1, m.Size)
	return a, nil
}

var (
	errKeywords = fmt.Errorf("a message holds at most %d keywords", mail.MaxKeywords)
	errNoUIDs   = errors.New("the mailbox has used up its UIDs: move its messages to a new one")
)

// readForAppend reads in one round trip the numbers of the mailbox, into a, and the threads that refs belong to.
func readForAppend(t *tx.Tx, account mail.AccountID, id mail.MailboxID, refs []int64, a *Appended) (known map[int64]mail.ThreadID, err error) {
	b := t.SQL().Batch()
	defer b.Close()
	b.Query(`SELECT uidnext, uidvalidity FROM mailbox WHERE account_id = $1 AND id = $2 AND parent_id >= 0`, account, id)
	if len(refs) > 0 {
		in, args := inList(refs, account)
		b.Query(`SELECT hash, thread_id FROM thread_ref WHERE account_id = $1 AND hash `+in, args...)
	}
	err = b.QueryRow().Scan(&a.UID, &a.UIDValidity)
	if errors.Is(err, db.ErrNoRows) {
		return nil, mail.E("mailbox.Append", mail.NotFound, errNoMailbox)
	}
	if err != nil || len(refs) == 0 {
		return nil, err
	}
	rows, err := b.Rows()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var hash int64
		var thread mail.ThreadID
		if err := rows.Scan(&hash, &thread); err != nil {
			return nil, err
		}
		if known == nil {
			known = make(map[int64]mail.ThreadID)
		}
		known[hash] = thread
	}
	return known, rows.Err()
}

// insertEmail writes the rows of a new email and its membership under a.UID, and fills in its modseq.
func (s *Store) insertEmail(t *tx.Tx, account mail.AccountID, id mail.MailboxID, m Message, a *Appended) {
	keywords := strings.Join(m.Flags.Keywords, " ")
	received := m.Received.UnixMilli()
	created := t.Changed(tx.Change{Account: account, Kind: tx.KindEmail, Op: tx.Created, Object: int64(a.Email)})
	a.ModSeq = t.Changed(tx.Change{Account: account, Kind: tx.KindMembership, Op: tx.Created, Object: int64(a.Email), Mailbox: id, UID: a.UID})
	sql := t.SQL()
	sql.Queue(`INSERT INTO email (account_id, id, thread_id, blob_id, size, received, flags, keywords, modseq, created_modseq, summary)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)`,
		account, a.Email, a.Thread, m.Blob, m.Size, received, m.Flags.Bits&^mail.Deleted, keywords, created, m.Summary)
	sql.Queue(`INSERT INTO membership (account_id, mailbox_id, uid, email_id, modseq, flags, keywords, size, received, saved)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		account, id, a.UID, a.Email, a.ModSeq, m.Flags.Bits, keywords, m.Size, received, t.Now().UnixMilli())
	touch(t, account, id, 1, countersOf(m.Flags.Bits, m.Size), a.ModSeq)
}
