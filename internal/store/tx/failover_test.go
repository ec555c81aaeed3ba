package tx_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/test/cluster/postgres"
	"github.com/mailmesh/mailmesh/test/cluster/wire"
)

// commits counts the commits whose answer was lost.
type commits struct{ failed atomic.Int64 }

func (c *commits) Retry(string) {}
func (c *commits) Commit(_ int, _ time.Duration, err error) {
	if err != nil {
		c.failed.Add(1)
	}
}

// loseCommits opens the database of a pair through wires that lose the answer to one COMMIT in eight.
func loseCommits(t *testing.T, p *postgres.Pair) (*db.DB, *commits, []*wire.Wire) {
	t.Helper()
	var wires []*wire.Wire
	for _, s := range []*postgres.Server{p.A, p.B} {
		w, err := wire.New(s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Close)
		wires = append(wires, w)
	}
	observed := new(commits)
	d, err := db.Open(t.Context(), db.Options{URL: postgres.URL(postgres.User, wires[0].Addr(), wires[1].Addr()), Observe: observed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Migrate(t.Context(), schema.Files); err != nil {
		t.Fatal(err)
	}
	return d, observed, wires
}

// The primary is killed and its standby promoted, or it is frozen and comes back as a second one, while answers to COMMIT are lost: what Once has
// acknowledged is there once, on the primary of now, and nothing is there twice.
func TestOnceThroughFailover(t *testing.T) {
	ctx := context.Background()
	for name, fall := range map[string]func(*postgres.Server) error{"killed": (*postgres.Server).Kill, "frozen": (*postgres.Server).Freeze} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := postgres.ForTest(t, postgres.Options{})
			d, lost, wires := loseCommits(t, p)
			s, _ := fill(t, d)
			for _, w := range wires {
				w.Set(wire.Fault{LoseAnswer: "COMMIT", LoseEach: 8})
			}
			const writers, each = 6, 40
			var acknowledged [writers * each]bool
			var done atomic.Int64
			var writing sync.WaitGroup
			for i := range writers {
				writing.Go(func() {
					account := mail.AccountID(10 + i%3)
					for n := range each {
						object := i*each + n
						_, err := tx.Once(ctx, s, tx.NewKey(), []mail.AccountID{account}, func(w *tx.Tx) (int, error) {
							w.Changed(change(account, int64(object)))
							return object, nil
						})
						acknowledged[object] = err == nil
						done.Add(1)
					}
				})
			}
			for done.Load() < writers*each/3 {
				time.Sleep(time.Millisecond)
			}
			old := p.Primary()
			if err := fall(old); err != nil {
				t.Fatal(err)
			}
			if err := p.Promote(ctx); err != nil {
				t.Fatal(err)
			}
			if name == "frozen" {
				if err := old.Thaw(); err != nil {
					t.Fatal(err)
				}
			}
			writing.Wait()
			for _, w := range wires {
				w.Mend()
			}
			times := map[int64]int{}
			for account := mail.AccountID(10); account <= 12; account++ {
				for _, c := range log(t, s, account, 0) {
					times[c.Object]++
				}
			}
			refused := 0
			for object, ok := range acknowledged {
				if n := times[int64(object)]; n > 1 || ok && n != 1 {
					t.Errorf("object %d, acknowledged %v, is there %d times", object, ok, n)
				}
				if !ok {
					refused++
				}
			}
			t.Logf("%d written, %d without an answer in the end, %d answers to COMMIT were lost", len(acknowledged), refused, lost.failed.Load())
			if lost.failed.Load() < 10 || refused > 3 {
				t.Errorf("%d answers were lost, %d writes got none", lost.failed.Load(), refused)
			}
		})
	}
}

// The wait of a COMMIT for the synchronous standby is given up, so that its changes are on the primary only. The repeat finds them there and
// still waits for the standby before it acknowledges them.
func TestARepeatWaitsForTheStandby(t *testing.T) {
	p := postgres.ForTest(t, postgres.Options{})
	d, err := db.Open(t.Context(), db.Options{URL: p.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Migrate(t.Context(), schema.Files); err != nil {
		t.Fatal(err)
	}
	s, _ := fill(t, d)
	admin, err := pgx.Connect(t.Context(), p.Primary().URL(postgres.User))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	once := func(accounts ...mail.AccountID) error {
		_, err := tx.Once(context.Background(), s, tx.NewKey(), accounts, func(*tx.Tx) (int, error) { return 1, nil })
		return err
	}
	for name, write := range map[string]func() error{
		"once, of an account": func() error { return once(10) },
		"once, of none":       func() error { return once() },
		"what is done by then": func() error {
			return s.Write(context.Background(), nil, func(w *tx.Tx) error {
				_, err := w.SQL().Exec(`DELETE FROM account WHERE id = 12`)
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := p.Standby().Freeze(); err != nil {
				t.Fatal(err)
			}
			answer := make(chan error, 1)
			go func() { answer <- write() }()
			first := commitThatWaits(t, admin, answer, "")
			if _, err := admin.Exec(t.Context(), "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"); err != nil {
				t.Fatal(err)
			}
			commitThatWaits(t, admin, answer, first)
			if err := p.Standby().Thaw(); err != nil {
				t.Fatal(err)
			}
			if err := <-answer; err != nil {
				t.Error(err)
			}
		})
	}
}

// commitThatWaits returns the beginning of a transaction other than one that waits for the standby.
func commitThatWaits(t *testing.T, admin *pgx.Conn, answer chan error, other string) (began string) {
	t.Helper()
	for {
		select {
		case err := <-answer:
			t.Fatalf("answered without the standby: %v", err)
		default:
		}
		const sql = "SELECT xact_start::text FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND xact_start::text <> $1"
		if err := admin.QueryRow(t.Context(), sql, other).Scan(&began); err == nil {
			return began
		}
	}
}
