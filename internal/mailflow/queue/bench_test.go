package queue

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// BenchmarkRelay hands messages of 10 KiB to one destination that takes everything at once: mail that goes on, and mail that an
// account has submitted, whose history is told to it meanwhile.
func BenchmarkRelay(b *testing.B) {
	b.Run("onward", func(b *testing.B) { benchmarkRelay(b, false) })
	b.Run("submitted", func(b *testing.B) { benchmarkRelay(b, true) })
}

func benchmarkRelay(b *testing.B, submitted bool) {
	for engine, open := range map[string]dbtest.Open{"sqlite": dbtest.OnSQLite(b, schema.Files), "postgres": dbtest.OnPostgres(b, schema.Files)} {
		b.Run(engine, func(b *testing.B) {
			w := newWorld(b, open())
			var relayedMail atomic.Int64
			done := make(chan struct{})
			w.deliver = func(ctx context.Context, j mailflow.Job) []mailflow.Attempt {
				body, err := j.Open(ctx)
				w.Must(err)
				io.Copy(io.Discard, body)
				body.Close()
				if relayedMail.Add(1) == int64(b.N) {
					close(done)
				}
				return all(j, relayed())
			}
			w.addMany(b, b.N, strings.Repeat("x", 10<<10), func(i int) string { return fmt.Sprintf("u%d@one.example", i) }, 0)
			if submitted {
				w.submitAll(b)
			}
			var telling sync.WaitGroup
			ctx, cancel := context.WithCancel(context.Background())
			defer telling.Wait()
			defer cancel()
			telling.Go(func() { w.Tracking.Run(ctx) })
			b.ResetTimer()
			stop := w.run()
			<-done
			stop()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			if left := w.left(); len(left) > 0 {
				b.Errorf("%d are left", len(left))
			}
		})
	}
}

// submitAll makes all mail in the spool the submissions of twenty accounts.
func (w *world) submitAll(t testing.TB) {
	t.Helper()
	var accounts []mail.AccountID
	for range 20 {
		accounts = append(accounts, w.Account(strings.ToLower(rand.Text())))
	}
	var after mail.SpoolID
	for n := 0; ; n++ {
		var ids []mail.SpoolID
		w.Must(w.Tx.Write(t.Context(), accounts, func(t *tx.Tx) (err error) {
			if ids, err = w.spool.Messages(t, after, 100); err != nil {
				return err
			}
			for i, id := range ids {
				account := accounts[(i+n)%len(accounts)]
				to := []submissions.Recipient{{Address: mailflowtest.Address("u@one.example")}}
				if _, err := w.subs.Add(t, submissions.Submission{Account: account, ID: mail.SubmissionID(id) << 1, Email: 1, Recipients: to}); err != nil {
					return err
				}
				t.SQL().Queue(`UPDATE spool_message SET account_id = $2, submission_id = $3 WHERE id = $1`, id, account, int64(id)<<1)
			}
			return nil
		}))
		if len(ids) == 0 {
			return
		}
		after = ids[len(ids)-1]
	}
}

// addMany adds n messages, from several goroutines.
func (w *world) addMany(t testing.TB, n int, text string, to func(i int) string, later time.Duration) {
	t.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				m := msg(fmt.Sprint("m", i), to(i))
				if later > 0 {
					m.Envelope.HoldUntil = time.Now().Add(later)
				}
				w.addWith(m, fmt.Sprintf("%sMessage-ID: <%d@example.org>\r\n\r\n%s", letter[:strings.Index(letter, "\r\n\r\n")+2], i, text))
			}
		})
	}
	wg.Wait()
}

var many = flag.Int("many", 100_000, "messages that wait in the spool of BenchmarkIdle")

// BenchmarkIdle has very many messages wait for later, and measures what that costs while nothing happens.
func BenchmarkIdle(b *testing.B) {
	for engine, open := range map[string]dbtest.Open{"sqlite": dbtest.OnSQLite(b, schema.Files), "postgres": dbtest.OnPostgres(b, schema.Files)} {
		b.Run(engine, func(b *testing.B) {
			w := newWorld(b, open())
			w.fill(b, *many)
			stop := w.run()
			time.Sleep(3 * time.Second) // the first look
			runtime.GC()
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			before := processTime(b)
			begun := time.Now()
			for b.Loop() {
				time.Sleep(10 * time.Second)
			}
			used := processTime(b) - before
			b.ReportMetric(100*used.Seconds()/time.Since(begun).Seconds(), "%cpu")
			b.ReportMetric(float64(memory.HeapAlloc)/(1<<20), "MB-heap")
			b.ReportMetric(float64(memory.Sys)/(1<<20), "MB-from-system")
			if n := len(w.tried()); n > 0 {
				b.Errorf("%d were tried", n)
			}
			stop()
		})
	}
}

// fill puts n deferred messages to a thousand destinations into the spool, in the rows that the spool makes.
func (w *world) fill(t testing.TB, n int) {
	const rows = 400
	body, err := w.Bodies.Put(t.Context(), strings.NewReader(letter))
	w.Must(err)
	var blob mail.BlobID
	w.Must(w.Tx.Write(t.Context(), nil, func(t *tx.Tx) (err error) { blob, err = w.Bodies.Hold(t, mail.SpoolAccount, body); return err }))
	for from := 0; from < n; from += rows {
		w.Must(w.Tx.Write(t.Context(), nil, func(t *tx.Tx) error {
			for i := from; i < min(from+rows, n); i++ {
				m := msg(fmt.Sprint("m", i), fmt.Sprintf("user%d@d%d.example", i, i%1000))
				m.Blob, m.Size, m.Envelope.HoldUntil = blob, body.Size, t.Now().Add(time.Hour)
				if _, err := w.spool.Add(t, m); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// processTime is how long the process has used processors.
func processTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
