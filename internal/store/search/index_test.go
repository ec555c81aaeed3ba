package search_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func text(subject, body string) string {
	return "Subject: " + subject + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body + "\r\n"
}

func anywhere(s string) *search.Query {
	return search.Plan(search.Text{In: search.Anywhere, Value: s}, search.Scope{})
}

func body(s string) *search.Query {
	return search.Plan(search.Text{In: search.Body, Value: s}, search.Scope{})
}

// want compares what a search finds, and how many bodies it read for that.
func (s *store) want(q *search.Query, account mail.AccountID, matches, read int) {
	s.t.Helper()
	found, opened := s.search(account, q)
	if len(found) != matches || opened != read || !slices.Equal(found, s.scan(account, q)) {
		s.t.Errorf("found %d messages and read %d, want %d and %d; a scan finds %d", len(found), opened, matches, read, len(s.scan(account, q)))
	}
}

// What is in the index is not read, what is younger is, and either is found.
func TestIndexFollowsTheLog(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		s.want(anywhere("hello"), alice, 0, 0)
		s.deliver(text("one", "Hello World"), alice)
		s.want(anywhere("hello"), alice, 1, 1)
		s.catchUp(alice)
		s.want(anywhere("hello"), alice, 1, 0)
		s.want(body("ONE"), alice, 0, 0)
		s.want(anywhere("one"), alice, 1, 0)
		s.deliver(text("two", "hello again"), alice, bob)
		s.want(anywhere("hello"), alice, 2, 1)
		s.catchUp(alice)
		s.catchUp(bob)
		s.want(anywhere("hello"), alice, 2, 0)
		s.want(anywhere("hello"), bob, 1, 0)
		s.want(anywhere("world"), bob, 0, 0)
	})
}

// One walk and the log after it give each email once, however many there were before the index.
func TestWalk(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		const before = 700
		for i := range before {
			s.deliver(text(fmt.Sprint("n", i), strings.Repeat("word ", i)), alice)
		}
		more, err := s.index.Step(t.Context(), alice, false) // begins
		s.must(err)
		s.deliver(text("meanwhile", "word"), alice)
		s.expunge(alice, imap.Set{{Start: 1, Stop: 10}})
		for more {
			more, err = s.index.Step(t.Context(), alice, false)
			s.must(err)
			s.want(anywhere("n77\n"), alice, 1, s.notYet(alice))
		}
		s.want(anywhere("meanwhile"), alice, 1, 0)
		if n := s.indexed(alice); n != before-10+1 {
			t.Errorf("%d entries, want %d", n, before-9)
		}
		if n := s.rows("text_segment", alice); n > 30 {
			t.Errorf("%d segments", n)
		}
	})
}

// notYet is how many emails the index does not hold.
func (s *store) notYet(account mail.AccountID) int {
	return len(s.letters(account)) - s.indexed(account)
}

// indexed counts the emails that a search finds in the index.
func (s *store) indexed(account mail.AccountID) (n int) {
	letters := s.letters(account)
	ids := make([]mail.EmailID, len(letters))
	for i, l := range letters {
		ids[i] = l.facts.Email
	}
	s.lookup(account, anywhere("x"), ids, func(search.Found) { n++ })
	return n
}

// The text of destroyed mail goes: soon where it is much, else when asked to clean.
func TestDestroyedMail(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		for i := range 20 {
			s.deliver(text(fmt.Sprint(i), "secret"), alice)
		}
		s.catchUp(alice)
		s.expunge(alice, imap.Set{{Start: 1, Stop: 1}})
		s.catchUp(alice)
		if n := s.entries(alice); n != 20 {
			t.Errorf("%d entries, want 20: one gone is not worth writing a segment", n)
		}
		s.must(s.index.Clean(t.Context(), alice))
		if n := s.entries(alice); n != 19 {
			t.Errorf("%d entries after cleaning, want 19", n)
		}
		s.expunge(alice, imap.Set{{Start: 2, Stop: 9}})
		s.catchUp(alice)
		if n := s.entries(alice); n != 11 {
			t.Errorf("%d entries, want 11", n)
		}
		s.want(anywhere("secret"), alice, 11, 0)
		s.expunge(alice, imap.Set{{Start: 1, Stop: 20}})
		s.catchUp(alice)
		if n := s.rows("text_segment", alice); n != 0 {
			t.Errorf("%d segments of nothing", n)
		}
	})
}

// entries counts what all segments hold, alive or not.
func (s *store) entries(account mail.AccountID) (n int) {
	checked, err := s.index.Check(s.t.Context(), account)
	s.must(err)
	return checked.Emails
}

// Making an index anew keeps answers right at every moment, and leaves nothing of the old one.
func TestRebuild(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		for i := range 30 {
			s.deliver(text(fmt.Sprint(i), "word"), alice)
		}
		s.catchUp(alice)
		s.must(s.index.Rebuild(t.Context(), alice))
		s.want(anywhere("word"), alice, 30, 30)
		s.deliver(text("x", "word"), alice)
		s.catchUp(alice)
		s.want(anywhere("word"), alice, 31, 0)
		if n := s.entries(alice); n != 31 {
			t.Errorf("%d entries, want 31", n)
		}
	})
}

// A log that no longer reaches back makes a new index.
func TestTrimmedLog(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		s.deliver(text("one", "word"), alice)
		s.catchUp(alice)
		s.deliver(text("two", "word"), alice)
		s.must(s.tx.Write(t.Context(), nil, func(t *tx.Tx) error {
			t.SQL().Queue(`UPDATE account SET log_floor = modseq WHERE id = $1`, alice)
			t.SQL().Queue(`DELETE FROM change WHERE account_id = $1`, alice)
			return nil
		}))
		s.catchUp(alice)
		s.want(anywhere("word"), alice, 2, 0)
	})
}

// What the index does not hold in full is read: encrypted text, and very long text.
func TestLeftOpen(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		s.deliver(text("pgp", "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA1\r\n-----END PGP MESSAGE-----"), alice)
		s.deliver(text("long", strings.Repeat("a long text ", 30_000)+"the end"), alice)
		s.deliver("X-Long: "+strings.Repeat("header ", 40_000)+"\r\n\r\nbody\r\n", alice)
		s.catchUp(alice)
		s.want(anywhere("hqema1"), alice, 1, 3)
		s.want(anywhere("the end"), alice, 1, 3)
		s.want(anywhere("pgp"), alice, 1, 2)
		s.want(search.Plan(search.Header{Name: "subject", Value: "long"}, search.Scope{}), alice, 1, 1)
	})
}

// meanwhile lets something happen while a body is opened.
type meanwhile struct {
	search.Bodies
	do func()
}

func (m *meanwhile) Open(ctx context.Context, account mail.AccountID, id mail.BlobID) (blob.Reader, error) {
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return m.Bodies.Open(ctx, account, id)
}

// Mail that comes one by one does not leave a segment each, and every message stays findable, once.
func TestTrickle(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		const n = 80
		for i := range n {
			s.deliver(text(fmt.Sprintf("n%d.", i), strings.Repeat("some words ", 50*(1+i%3))), alice)
			s.catchUp(alice)
		}
		if rows := s.rows("text_segment", alice); rows > 16 {
			t.Errorf("%d segments", rows)
		}
		if e := s.entries(alice); e != n {
			t.Errorf("%d entries, want %d", e, n)
		}
		s.want(anywhere("n7."), alice, 1, 0)
	})
}

// CleanAll finds the accounts that have something to be cleaned of.
func TestCleanAll(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		for range 20 {
			s.deliver(text("one", "secret"), alice, bob)
		}
		for _, account := range []mail.AccountID{alice, bob} {
			s.catchUp(account)
			s.expunge(account, imap.Set{{Start: 5, Stop: 5}})
			s.catchUp(account)
		}
		s.must(s.index.CleanAll(t.Context()))
		if a, b := s.entries(alice), s.entries(bob); a != 19 || b != 19 {
			t.Errorf("%d and %d entries, want 19", a, b)
		}
	})
}

// Two workers at one account do its work once: who comes later with the same step has not done it.
func TestTwoWorkers(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		for i := range 50 {
			s.deliver(text(fmt.Sprint(i), "word"), alice)
		}
		other := &meanwhile{Bodies: s.bodies, do: func() { s.catchUp(alice) }}
		late := search.NewIndex(search.Options{Tx: s.tx, Bodies: other})
		for more := true; more; {
			var err error
			more, err = late.Step(t.Context(), alice, false)
			s.must(err)
		}
		if n := s.entries(alice); n != 50 || other.do != nil {
			t.Errorf("%d entries, want 50", n)
		}
	})
}

// Nothing of a removed account stays, and nothing comes back.
func TestPurge(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		s.deliver(text("one", "word"), alice, bob)
		s.catchUp(alice)
		s.catchUp(bob)
		s.must(s.tx.Write(t.Context(), nil, func(t *tx.Tx) error {
			t.SQL().Queue(`UPDATE account SET state = 'gone' WHERE id = $1`, alice)
			_, err := s.index.Purge(t, alice)
			return err
		}))
		s.catchUp(alice)
		if n := s.rows("text_segment", alice) + s.rows("text_index", alice); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		s.want(anywhere("word"), bob, 1, 0)
	})
}

// A row that was changed is noticed and answers nothing; the mail does.
func TestDamagedSegment(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		s.deliver(text("one", "word"), alice, bob)
		s.catchUp(alice)
		s.catchUp(bob)
		s.must(s.tx.Write(t.Context(), nil, func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE text_segment SET text = (SELECT text FROM text_segment WHERE account_id = $2) WHERE account_id = $1`, alice, bob)
			return err
		}))
		s.want(anywhere("word"), alice, 1, 1)
		if _, err := s.index.Check(t.Context(), alice); err == nil {
			t.Error("a check finds nothing wrong")
		}
	})
}

// Emails of another account are not found, whoever asks for them.
func TestIdsOfAnotherAccountFindNothing(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		s.deliver(text("one", "word"), alice)
		s.deliver(text("two", "word"), bob)
		s.catchUp(alice)
		s.catchUp(bob)
		var ids []mail.EmailID
		for _, l := range append(s.letters(alice), s.letters(bob)...) {
			ids = append(ids, l.facts.Email)
		}
		for account, own := range map[mail.AccountID]mail.EmailID{alice: ids[0], bob: ids[1]} {
			s.lookup(account, anywhere("word"), ids, func(f search.Found) {
				if f.Email != own {
					t.Errorf("account %v is told of email %v", account, f.Email)
				}
			})
		}
	})
}
