package inbound_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	blobsql "github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// shared counts closures that shared a COMMIT with another.
type shared struct{ n atomic.Int64 }

func (s *shared) Commit(closures int, _ time.Duration, _ error) {
	if closures > 1 {
		s.n.Add(int64(closures))
	}
}

func (*shared) Retry(string) {}

// Deliveries that come at the same time share their commits, and come to the same as those that come one by one.
func TestDeliveriesAtOnce(t *testing.T) {
	test := func(t *testing.T, url string) {
		seen := new(shared)
		d, err := db.Open(t.Context(), db.Options{URL: url, Observe: seen})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		if err := d.Migrate(t.Context(), schema.Files); err != nil {
			t.Fatal(err)
		}
		r := mailflowtest.New(t, d, mailflowtest.Options{Blobs: blobsql.New(d)})
		accounts := r.Accounts(20)
		knowSender(r, accounts[3], accounts[4])
		const rounds = 4
		var wg sync.WaitGroup
		for round := range rounds {
			for i := range accounts {
				wg.Go(func() { r.Send(fmt.Sprintf("r%d-%d", round, i), atOnce(round, i), fmt.Sprint("u", i)) })
			}
		}
		wg.Wait()
		if seen.n.Load() < rounds*int64(len(accounts))/2 {
			t.Errorf("only %d closures shared their commit", seen.n.Load())
		}
		for i, account := range accounts {
			checkAtOnce(t, r, i, account, rounds)
		}
		if _, err := r.Bodies.Check(t.Context(), func(f bodies.Finding) { t.Errorf("%+v", f) }); err != nil {
			t.Error(err)
		}
	}
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+t.TempDir()+"/mail.db") })
	t.Run("postgres", func(t *testing.T) { test(t, dbtest.PostgresURL(t, schema.Files)) })
}

// knowSender has two accounts know who sends: one has not heard the name, the other does not want the mail.
func knowSender(r *mailflowtest.Rooms, knows, blocks mail.AccountID) {
	r.Must(r.Tx.Write(r.T.Context(), []mail.AccountID{knows, blocks}, func(t *tx.Tx) error {
		ann := mailflowtest.Address("ann@client.example")
		if _, err := r.Contacts.Add(t, knows, contacts.Contact{Address: ann}); err != nil {
			return err
		}
		_, err := r.Contacts.Add(t, blocks, contacts.Contact{Address: ann, Blocked: true})
		return err
	}))
}

// atOnce is a message that differs by account in how many it replies to, and in its size. Those of one account are one thread.
func atOnce(round, i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "From: Ann <ann@client.example>\r\nMessage-ID: <m%d-%d@x>\r\nSubject: Re: hello %d\r\n", round, i, i)
	for n := range i % 4 {
		fmt.Fprintf(&b, "%s <root%d-%d@x>\r\n", []string{"References:", "", ""}[n], n, i)
	}
	return b.String() + "\r\n" + strings.Repeat(fmt.Sprintf("text %d-%d\r\n", round, i), 1+i*i*20)
}

func checkAtOnce(t *testing.T, r *mailflowtest.Rooms, i int, account mail.AccountID, rounds int) {
	t.Helper()
	role, inbox := mailbox.RoleInbox, r.Inbox(account)
	if i == 4 {
		role, inbox = mailbox.RoleJunk, r.Junk(account)
	}
	seen := map[string]bool{}
	threads := map[mail.ThreadID]bool{}
	for n, kept := range inbox {
		_, content, _ := strings.Cut(kept.Content, "From: Ann")
		seen[content], threads[kept.Thread] = true, true
		if kept.UID != mail.UID(n+1) {
			t.Errorf("%d: message %d has UID %d", i, n, kept.UID)
		}
	}
	for round := range rounds {
		if _, content, _ := strings.Cut(atOnce(round, i), "From: Ann"); !seen[content] || len(inbox) != rounds {
			t.Errorf("%d: %s has %d messages, that of round %d is there: %v", i, role, len(inbox), round, seen[content])
		}
	}
	if one := i%4 > 0; one != (len(threads) == 1) {
		t.Errorf("%d: %d threads", i, len(threads))
	}
	r.Must(r.Mailbox.Check(t.Context(), account, func(f mailbox.Finding) { t.Error(f) }))
	var created int
	r.Must(r.Tx.Read(t.Context(), func(t *tx.Tx) error {
		created = 0
		return t.ChangesOf(account, 0, []tx.Kind{tx.KindEmail}, func(tx.Change, int) bool { created++; return true })
	}))
	if created != rounds {
		t.Errorf("%d: the log has %d new emails", i, created)
	}
}
