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

	// And what lists are made by.
	Sent          time.Time // of the Date field; zero: that of arrival
	HasAttachment bool
}

// Place is where an account is to keep a message.
type Place struct {
	Account mail.AccountID
	Mailbox mail.MailboxID // 0: INBOX
	Message Message
}

// Appended is where a message came to lie.
type Appended struct {
	Mailbox     mail.MailboxID
	Email       mail.EmailID
	Thread      mail.ThreadID
	UID         mail.UID
	UIDValidity uint32
	ModSeq      mail.ModSeq
}

// Append makes a new email with one membership.
func (s *Store) Append(t *tx.Tx, account mail.AccountID, id mail.MailboxID, m Message) (Appended, error) {
	out, err := s.AppendEach(t, []Place{{account, id, m}})
	if err != nil {
		return Appended{}, err
	}
	return out[0], nil
}

// AppendEach makes a new email with one membership in each of the places, which are of different accounts. It waits for the
// database once.
func (s *Store) AppendEach(t *tx.Tx, places []Place) ([]Appended, error) {
	all, err := readForAppend(t, places)
	if err != nil {
		return nil, err
	}
	out := make([]Appended, len(places))
	for i := range places {
		if err := s.append(t, &places[i], &all[i]); err != nil {
			return nil, err
		}
		out[i] = all[i].Appended
	}
	return out, nil
}

// appending is one message on its way into a mailbox.
type appending struct {
	Appended
	role  Role
	refs  []int64
	known map[int64]mail.ThreadID
	muted map[mail.ThreadID]bool // of the known ones
}

func (s *Store) append(t *tx.Tx, p *Place, a *appending) error {
	if a.UID == maxUID {
		return mail.E("mailbox.Append", mail.Limit, errNoUIDs)
	}
	email, err := t.NewID()
	if err != nil {
		return err
	}
	a.Email = mail.EmailID(email)
	a.Thread = joinThread(t, p.Account, a.refs, a.known, mail.ThreadID(email))
	m := p.Message
	m.muteWith(a.muted[a.Thread])
	s.insertEmail(t, p.Account, a.Mailbox, m, &a.Appended)
	use(t, p.Account, 1, p.Message.Size)
	if a.role == RoleSent && len(m.MessageIDs) > 0 {
		return s.sent(t, p.Account, m.MessageIDs[0], a.Appended)
	}
	return nil
}

var (
	errKeywords = fmt.Errorf("a message holds at most %d keywords", mail.MaxKeywords)
	errNoUIDs   = errors.New("the mailbox has used up its UIDs: move its messages to a new one")
	errTwice    = errors.New("an account stands twice among the places of one message")
)

func checkPlaces(places []Place) error {
	for i := range places {
		if len(places[i].Message.Flags.Keywords) > mail.MaxKeywords {
			return mail.E("mailbox.Append", mail.Limit, errKeywords)
		}
		for j := range i {
			if places[j].Account == places[i].Account {
				return mail.E("mailbox.Append", mail.Invalid, errTwice)
			}
		}
	}
	return nil
}

// readForAppend reads in one round trip the numbers of the mailboxes and the threads that the messages belong to.
func readForAppend(t *tx.Tx, places []Place) ([]appending, error) {
	const op = "mailbox.Append"
	if err := checkPlaces(places); err != nil {
		return nil, err
	}
	all := make([]appending, len(places))
	b := t.SQL().Batch()
	defer b.Close()
	for i := range places {
		p := &places[i]
		if p.Mailbox == 0 {
			b.QueryText(&inboxText, p.Account, RoleInbox)
		} else {
			b.Query(`SELECT id, uidnext, uidvalidity, role FROM mailbox WHERE account_id = $1 AND id = $2 AND parent_id >= 0`, p.Account, p.Mailbox)
		}
		if all[i].refs = threadRefs(p.Message.MessageIDs, p.Message.BaseSubject); len(all[i].refs) > 0 {
			queryThreads(b, p.Account, all[i].refs)
		}
	}
	for i := range all {
		a := &all[i]
		err := b.QueryRow().Scan(&a.Mailbox, &a.UID, &a.UIDValidity, &a.role)
		if errors.Is(err, db.ErrNoRows) {
			err = mail.E(op, mail.NotFound, errNoMailbox)
		}
		if err == nil && len(a.refs) > 0 {
			a.known, a.muted, err = readThreads(b)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// queryThreads asks for the threads that references belong to. Most messages have one reference, their own.
func queryThreads(b *db.Batch, account mail.AccountID, refs []int64) {
	if len(refs) == 1 {
		b.QueryText(&threadText, account, refs[0])
		return
	}
	in, args := inList(refs, account)
	b.Query(`SELECT hash, thread_id, `+isMuted+` FROM thread_ref r WHERE account_id = $1 AND hash `+in, args...)
}

const isMuted = `CASE WHEN EXISTS (SELECT 1 FROM muted_thread m
	WHERE m.account_id = r.account_id AND m.thread_id = r.thread_id) THEN 1 ELSE 0 END`

// readThreads reads the threads that references belong to, and which of them are muted; nil when there are none.
func readThreads(b *db.Batch) (known map[int64]mail.ThreadID, muted map[mail.ThreadID]bool, err error) {
	rows, err := b.Rows()
	if err != nil {
		return nil, nil, err
	}
	for rows.Next() {
		var hash int64
		var thread mail.ThreadID
		var quiet bool
		if err := rows.Scan(&hash, &thread, &quiet); err != nil {
			return nil, nil, err
		}
		if known == nil {
			known = make(map[int64]mail.ThreadID)
		}
		if known[hash] = thread; quiet {
			if muted == nil {
				muted = make(map[mail.ThreadID]bool)
			}
			muted[thread] = true
		}
	}
	return known, muted, rows.Err()
}

// insertEmail writes the rows of a new email and its membership under a.UID, and fills in its modseq.
func (s *Store) insertEmail(t *tx.Tx, account mail.AccountID, id mail.MailboxID, m Message, a *Appended) {
	keywords := strings.Join(m.Flags.Keywords, " ")
	if m.Received.IsZero() {
		m.Received = t.Now()
	}
	if m.Sent.IsZero() {
		m.Sent = m.Received
	}
	received := m.Received.UnixMilli()
	created := t.Changed(tx.Change{Account: account, Kind: tx.KindEmail, Op: tx.Created, Object: int64(a.Email)})
	a.ModSeq = t.Changed(tx.Change{Account: account, Kind: tx.KindMembership, Op: tx.Created, Object: int64(a.Email), Mailbox: id, UID: a.UID})
	sql := t.SQL()
	sql.QueueText(&emailText, account, a.Email, a.Thread, m.Blob, m.Size, received, created, m.Summary)
	sql.QueueText(&membershipText, account, id, a.UID, a.Email, a.ModSeq, m.Flags.Bits, keywords, m.Size, received, t.Now().UnixMilli(),
		a.Thread, m.Sent.UnixMilli(), m.HasAttachment)
	touch(t, account, id, 1, countersOf(m.Flags.Bits, m.Size), a.ModSeq)
}
