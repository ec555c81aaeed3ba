package inbound_test

import (
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/inbound"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// bell counts rings by account.
type bell struct {
	mu   sync.Mutex
	rung map[mail.AccountID]int
}

func (b *bell) Ring(c mail.StateChange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = map[mail.AccountID]int{}
	}
	b.rung[c.Account]++
}

func (b *bell) take() map[mail.AccountID]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.rung
	b.rung = nil
	return out
}

// lossyDelivery loses, when it is armed, the answer to the COMMIT that follows it.
type lossyDelivery struct {
	inbound.Delivery
	lose  func()
	armed bool
	runs  int
}

func (l *lossyDelivery) Deliver(t *tx.Tx, m mailflow.Accepted, to []mailflow.Local) ([]mailflow.Delivered, error) {
	out, err := l.Delivery.Deliver(t, m, to)
	if l.armed && l.runs == 0 {
		l.lose()
	}
	l.runs++
	return out, err
}

// The answer to COMMIT is lost: the client hears 250, and there is exactly one copy.
func TestLostAnswerToCommit(t *testing.T) {
	test := func(t *testing.T, d *db.DB, lose func(), runs int, to ...string) {
		lossy, bell := &lossyDelivery{lose: lose}, new(bell)
		r := mailflowtest.New(t, d, mailflowtest.Options{Bell: bell,
			Delivery: func(d inbound.Delivery) inbound.Delivery { lossy.Delivery = d; return lossy }})
		accounts := map[string]mail.AccountID{"ann": r.Account("ann"), "bob": r.Account("bob")}
		r.Send("id1", plain, to...) // prepares the statements: what is lost then is COMMIT
		bell.take()
		e := r.Envelope("id2", to...)
		lossy.armed, lossy.runs = true, 0
		outcomes, err := r.Take(e, strings.NewReader(plain))
		if err != nil || len(outcomes) != len(to) || slices.ContainsFunc(outcomes, func(o mail.Outcome) bool { return o.Status != mail.Delivered }) {
			t.Errorf("%v, %v", outcomes, err)
		}
		if lossy.runs != runs {
			t.Errorf("delivered %d times, want %d", lossy.runs, runs)
		}
		rung := bell.take()
		for _, name := range to {
			account := accounts[name]
			inbox := r.Inbox(account)
			if len(inbox) != 2 || rung[account] != 1 {
				t.Fatalf("account %v has %d messages and was rung %d times", account, len(inbox), rung[account])
			}
			if want := trace("id2") + plain; len(to) == 2 && inbox[1].Content != want || !strings.HasSuffix(inbox[1].Content, plain) {
				t.Errorf("kept %q", inbox[1].Content)
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) { // the sync of the log fails: what was written is not trusted, and written again
		disk := dbtest.NewDisk(t)
		d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + filepath.Join(disk.Folder(), "mail.db")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		if err := d.Migrate(t.Context(), schema.Files); err != nil {
			t.Fatal(err)
		}
		test(t, d, func() { disk.FailSync("-wal", 1) }, 2, "ann", "bob")
	})
	for _, to := range [][]string{{"ann", "bob"}, {"ann"}} { // what is for one account shares commits
		t.Run(fmt.Sprintf("postgres/COMMIT of %d", len(to)), func(t *testing.T) {
			p, d := dbtest.ThroughProxy(t, schema.Files)
			test(t, d, func() { p.Lose(dbtest.Request) }, 2, to...)
		})
		t.Run(fmt.Sprintf("postgres/answer of %d", len(to)), func(t *testing.T) {
			p, d := dbtest.ThroughProxy(t, schema.Files)
			test(t, d, func() { p.Lose(dbtest.Answer) }, 1, to...)
		})
	}
}

// threaded is a message that gives a unit of work the most rows there can be: it names as many others as are noted.
func threaded(id string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Message-ID: <%s@client.example>\r\nSubject: Re: hello\r\nIn-Reply-To: <a%s@x>\r\nReferences:", id, id)
	for i := range 60 {
		fmt.Fprintf(&b, " <r%d%s@x>\r\n", i, id)
	}
	return b.String() + "\r\ntext\r\n"
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("u%d", i)
	}
	return out
}

// RFC 5321 4.5.3.1.8: 100 recipients, and no more accounts than that.
func TestHundredRecipients(t *testing.T) {
	bell := new(bell)
	eachWith(t, mailflowtest.Options{Bell: bell}, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		accounts := r.Accounts(mailflow.MaxLocal + 1)
		tooMany(t, r)
		bell.take()
		inOneCommit(t, r, bell, accounts[:mailflow.MaxLocal])
		inOppositeOrders(t, r, accounts[:mailflow.MaxLocal])
	})
}

// tooMany: a commit is for 100 accounts at most. An account that several addresses reach counts once.
func tooMany(t *testing.T, r *mailflowtest.Rooms) {
	all := names(mailflow.MaxLocal + 1)
	r.Alias("first", all[:60]...)
	r.Alias("rest", all[60:]...)
	for _, tt := range []struct {
		taken []string
		next  string
		kind  mail.Kind
	}{
		{all[:99], "u99", mail.Other},
		{all[:100], "u100", mail.Limit},
		{all[:100], "u7", mail.Other},
		{[]string{"first", "first"}, "first", mail.Other},
		{[]string{"first"}, "rest", mail.Limit},
		{[]string{"rest"}, "first", mail.Limit},
		{append([]string{"first"}, all[:60]...), "u60", mail.Other},
	} {
		e := r.Envelope("e", tt.taken...)
		_, err := r.Recipient(t.Context(), r.Session(), e, mail.Recipient{Address: mailflowtest.Address(tt.next)})
		if mail.KindOf(err) != tt.kind {
			t.Errorf("%d recipients and %s: %v, want kind %q", len(tt.taken), tt.next, err, tt.kind)
		}
	}
}

// inOneCommit: all get the message, though it makes the most rows that a message can.
func inOneCommit(t *testing.T, r *mailflowtest.Rooms, bell *bell, accounts []mail.AccountID) {
	r.Send("id1", threaded("id1"), names(len(accounts))...)
	rung := bell.take()
	for _, account := range accounts {
		if inbox := r.Inbox(account); len(inbox) != 1 || inbox[0].Content != trace("id1")+threaded("id1") || rung[account] != 1 {
			t.Fatalf("account %v has %d messages and was rung %d times", account, len(inbox), rung[account])
		}
	}
	if n := r.Objects(); n != 1 {
		t.Errorf("%d bodies are stored", n)
	}
}

// inOppositeOrders: envelopes for the same accounts come at the same time, and all go through to every mailbox.
func inOppositeOrders(t *testing.T, r *mailflowtest.Rooms, accounts []mail.AccountID) {
	forth := names(len(accounts))
	back := slices.Clone(forth)
	slices.Reverse(back)
	const envelopes = 4
	var wg sync.WaitGroup
	for i := range envelopes {
		e := r.Envelope(fmt.Sprint("opposite", i), [][]string{forth, back}[i%2]...)
		wg.Go(func() {
			if _, err := r.Take(e, strings.NewReader(threaded(e.ID))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, account := range accounts {
		inbox := r.Inbox(account)
		if len(inbox) != 1+envelopes {
			t.Fatalf("account %v has %d messages, want %d", account, len(inbox), 1+envelopes)
		}
		for i, m := range inbox {
			if m.UID != mail.UID(i+1) {
				t.Errorf("account %v: message %d has UID %d", account, i+1, m.UID)
			}
		}
	}
}

// A delivery on PostgreSQL is BEGIN with locks and the question for an earlier answer; what is read; all rows with COMMIT.
// It is no more for many accounts than for one.
func TestRoundTrips(t *testing.T) {
	p, d := dbtest.ThroughProxy(t, schema.Files)
	r := mailflowtest.New(t, d, mailflowtest.Options{})
	r.Accounts(20)
	for _, recipients := range []int{1, 20} {
		e := r.Envelope("id", names(recipients)...)
		var trips int64
		for i := range 3 { // the first time statements are prepared, and the ROLLBACK of what was read before is under way
			before := p.Trips()
			_, err := r.Take(e, strings.NewReader(threaded(fmt.Sprint(recipients, i))))
			r.Must(err)
			trips = p.Trips() - before
		}
		if trips != 3 {
			t.Errorf("%d recipients: %d round trips, want 3", recipients, trips)
		}
	}
}

// A message of 50 MB passes through in bounded memory.
func TestMemoryIsBounded(t *testing.T) {
	packs, err := pack.Open(pack.Options{FS: pack.OS(t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	defer packs.Close()
	r := mailflowtest.New(t, dbtest.OnSQLite(t, schema.Files)(), mailflowtest.Options{Blobs: packs})
	r.Account("ann")
	e := r.Envelope("id1", "ann")
	before, most := live(), uint64(0)
	content := []io.Reader{strings.NewReader("Subject: large\r\n\r\n")}
	for range 10 {
		content = append(content, io.LimitReader(&lines{}, 5_000_000), readerFunc(func() { most = max(most, live()) }))
	}
	_, err = r.Take(e, io.MultiReader(content...))
	r.Must(err)
	if most > before+4<<20 {
		t.Errorf("%d bytes are held in the middle of a message, %d before it", most, before)
	}
}

// live is the memory in use.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// lines is endless text.
type lines struct{ n int }

func (l *lines) Read(p []byte) (int, error) {
	for i := range p {
		switch l.n++; l.n % 78 {
		case 0:
			p[i] = '\n'
		case 77:
			p[i] = '\r'
		default:
			p[i] = 'a' + byte(l.n*l.n>>7%26)
		}
	}
	return len(p), nil
}
