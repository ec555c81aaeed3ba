package search_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The accounts of every test.
const (
	alice mail.AccountID = 10
	bob   mail.AccountID = 11
)

// store is the rooms that the index stands on, and the index.
type store struct {
	t       testing.TB
	db      *db.DB
	tx      *tx.Store
	bodies  *bodies.Store
	mailbox *mailbox.Store
	index   *search.Index
	inbox   map[mail.AccountID]mail.MailboxID
}

// each runs a test on every engine.
func each(t *testing.T, test func(t *testing.T, s *store)) {
	t.Parallel()
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) { test(t, newStore(t, open())) })
}

func newStore(t testing.TB, d *db.DB) *store {
	s := &store{t: t, db: d, inbox: map[mail.AccountID]mail.MailboxID{}}
	var err error
	s.tx, err = tx.New(t.Context(), tx.Options{DB: d})
	s.must(err)
	s.bodies, err = bodies.New(bodies.Options{Tx: s.tx, Blobs: new(blobtest.Memory), MasterKey: make([]byte, bodies.MasterKeySize)})
	s.must(err)
	s.mailbox = mailbox.New(mailbox.Options{Tx: s.tx, Bodies: s.bodies})
	s.index = search.NewIndex(search.Options{Tx: s.tx, Bodies: s.bodies})
	for _, id := range []mail.AccountID{alice, bob} {
		key, err := s.bodies.NewAccountKey(id)
		s.must(err)
		s.must(d.Write(t.Context(), 0, func(d *db.Tx) error {
			_, err := d.Exec(`INSERT INTO account (id, state, epoch, modseq, log_floor, last_uidvalidity, quota_bytes, quota_messages,
				used_bytes, used_messages, wrapped_key) VALUES ($1, 'here', 1, 0, 0, 0, 0, 0, 0, 0, $2)`, id, key)
			return err
		}))
		s.inbox[id] = s.create(id, "INBOX")
	}
	return s
}

func (s *store) must(err error) {
	if err != nil {
		s.t.Helper()
		s.t.Fatal(err)
	}
}

func (s *store) create(account mail.AccountID, path string) (id mail.MailboxID) {
	s.t.Helper()
	s.must(s.tx.Write(s.t.Context(), []mail.AccountID{account}, func(t *tx.Tx) error {
		m, err := s.mailbox.Create(t, account, path, "")
		id = m.ID
		return err
	}))
	return id
}

// deliver puts one message into the INBOX of each account, on one body.
func (s *store) deliver(content string, to ...mail.AccountID) {
	s.t.Helper()
	summary, err := message.Summarize(strings.NewReader(content))
	s.must(err)
	m, err := mailbox.Summarized(summary)
	s.must(err)
	body, err := s.bodies.Put(s.t.Context(), strings.NewReader(content))
	s.must(err)
	s.must(s.tx.Write(s.t.Context(), to, func(t *tx.Tx) error {
		for _, account := range to {
			if m.Blob, err = s.bodies.Hold(t, account, body); err != nil {
				return err
			}
			if _, err := s.mailbox.Append(t, account, s.inbox[account], m); err != nil {
				return err
			}
		}
		return nil
	}))
}

// catchUp steps until there is nothing more to do.
func (s *store) catchUp(account mail.AccountID) {
	s.t.Helper()
	for more := true; more; {
		var err error
		more, err = s.index.Step(s.t.Context(), account, false)
		s.must(err)
	}
}

// letters are the messages of an account, as a door sees them.
func (s *store) letters(account mail.AccountID) (list []*letter) {
	s.must(s.tx.Read(s.t.Context(), func(t *tx.Tx) error {
		var ids []mail.EmailID
		rows, err := t.SQL().Query(`SELECT id FROM email WHERE account_id = $1 ORDER BY id`, account)
		if err != nil {
			return err
		}
		for rows.Next() {
			var id mail.EmailID
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		list = nil
		return s.mailbox.Summaries(t, account, ids, func(e *mailbox.Email) bool {
			l := &letter{store: s, account: account, facts: search.Facts{Email: e.ID}, blob: e.Blob, summary: new(message.Summary)}
			s.must(l.summary.UnmarshalBinary(e.Summary))
			list = append(list, l)
			return true
		})
	}))
	return list
}

// letter is a search.Message.
type letter struct {
	store   *store
	account mail.AccountID
	facts   search.Facts
	blob    mail.BlobID
	summary *message.Summary
	opened  int
}

func (l *letter) Facts() search.Facts                { return l.facts }
func (l *letter) Thread() (mail.ThreadID, error)     { return 0, nil }
func (l *letter) Summary() (*message.Summary, error) { return l.summary, nil }
func (l *letter) Content() (io.ReaderAt, error) {
	l.opened++
	return l.store.bodies.Open(context.Background(), l.account, l.blob)
}

// scan says what a query finds without the index, and search with it. read is how many messages it had to open.
func (s *store) scan(account mail.AccountID, q *search.Query) (found []mail.EmailID) {
	for _, l := range s.letters(account) {
		is, err := q.Match(l, search.Hits{})
		s.must(err)
		if is {
			found = append(found, l.facts.Email)
		}
	}
	return found
}

func (s *store) search(account mail.AccountID, q *search.Query) (found []mail.EmailID, read int) {
	letters := s.letters(account)
	ids := make([]mail.EmailID, len(letters))
	for i, l := range letters {
		ids[i] = l.facts.Email
	}
	known := map[mail.EmailID]search.Hits{}
	s.lookup(account, q, ids, func(f search.Found) { known[f.Email] = f.Hits.Clone() })
	for _, l := range letters {
		is, err := q.Match(l, known[l.facts.Email])
		s.must(err)
		if is {
			found = append(found, l.facts.Email)
		}
		read += l.opened
	}
	return found, read
}

// lookup asks the index to its end.
func (s *store) lookup(account mail.AccountID, q *search.Query, ids []mail.EmailID, each func(search.Found)) {
	l := s.index.Lookup(account, q, ids)
	for more := true; more; {
		var err error
		more, err = l.Next(s.t.Context(), func(f search.Found) error { each(f); return nil })
		s.must(err)
	}
}

func (s *store) expunge(account mail.AccountID, uids imap.Set) {
	_, err := s.mailbox.Remove(s.t.Context(), account, s.inbox[account], uids)
	s.must(err)
}

// rows counts the rows of a table that an account has.
func (s *store) rows(table string, account mail.AccountID) (n int) {
	s.must(s.tx.Read(s.t.Context(), func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT count(*) FROM `+table+` WHERE account_id = $1`, account).Scan(&n)
	}))
	return n
}
