package mailbox

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The benchmarks run on SQLite; what they measure is named in docs and by `make bench` end to end.

// BenchmarkAppend is 64 deliverers to 200 mailboxes, each append a commit of its own that is synced.
func BenchmarkAppend(b *testing.B) {
	r := &room{db: dbtest.OnSQLite(b, schema.Files)()}
	r.init(b)
	const accounts, deliverers = 200, 64
	inboxes := make([]mail.MailboxID, accounts)
	for i := range inboxes {
		id := mail.AccountID(1000 + i)
		r.addAccount(id)
		inboxes[i] = r.path(id, Inbox).ID
	}
	summary := make([]byte, 600)
	var n atomic.Int64
	b.ResetTimer()
	var wg sync.WaitGroup
	for range deliverers {
		wg.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				at := int(i) % accounts
				m := testMessage(fmt.Sprint(i))
				m.Summary = summary
				err := r.write(mail.AccountID(1000+at), func(t *tx.Tx) error {
					if err := hold(t, mail.AccountID(1000+at), m.Blob); err != nil {
						return err
					}
					_, err := r.Append(t, mail.AccountID(1000+at), inboxes[at], m)
					return err
				})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// filled is a room with n messages in alice's INBOX, each with a summary of usual size.
func filled(b *testing.B, n int) (*room, Mailbox) {
	r := &room{db: dbtest.OnSQLite(b, schema.Files)()}
	r.init(b)
	in := r.path(alice, Inbox)
	r.fill(alice, in.ID, n)
	return r, in
}

func BenchmarkViewLoad(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, in := filled(b, n)
			b.ReportAllocs()
			for b.Loop() {
				r.views = newViewCache(DefaultViewBytes, r.refresh)
				r.view(alice, in.ID)
			}
		})
	}
}

// BenchmarkStoreFlags gives and takes a flag of all messages in turn.
func BenchmarkStoreFlags(b *testing.B) {
	for _, flag := range []string{`\Flagged`, `\Deleted`} {
		b.Run(flag, func(b *testing.B) {
			r, in := filled(b, 10_000)
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				c := FlagChange{Op: AddFlags + FlagOp(i%2), Flags: flags(flag)}
				done, err := r.StoreFlags(b.Context(), alice, in.ID, set("1:10000"), c)
				if err != nil || done.Changed != 10_000 {
					b.Fatal(done, err)
				}
			}
		})
	}
}

func BenchmarkCopyMoveExpunge(b *testing.B) {
	r, in := filled(b, 10_000)
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		to := r.create(alice, fmt.Sprint("copy", i))
		b.StartTimer()
		if _, err := r.Copy(b.Context(), alice, in.ID, to.ID, set("1:10000")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSummaries(b *testing.B) {
	r, in := filled(b, 10_000)
	ids := make([]mail.EmailID, 0, 10_000)
	for _, e := range r.view(alice, in.ID).All() {
		ids = append(ids, e.Email)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		r.read(func(t *tx.Tx) error {
			return r.Summaries(t, alice, ids, func(e *Email) bool { n++; return true })
		})
		if n != len(ids) {
			b.Fatal(n)
		}
	}
}

func BenchmarkList(b *testing.B) {
	r := &room{db: dbtest.OnSQLite(b, schema.Files)()}
	r.init(b)
	for i := range 1000 {
		r.create(alice, fmt.Sprintf("a%d/b%d", i%30, i))
	}
	for b.Loop() {
		r.paths(alice)
	}
}
