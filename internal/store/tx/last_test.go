package tx_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Whatever is changed, trimmed, rolled back and restored in between, the last change of a kind is what the log says, for one who has
// asked before and one who has not.
func TestLastOf(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		d := open()
		s, _ := fill(t, d)
		rapid.Check(t, func(r *rapid.T) {
			for range rapid.IntRange(1, 6).Draw(r, "steps") {
				stepOfLast(t, r, s, d)
				fresh, err := tx.New(t.Context(), tx.Options{DB: d})
				if err != nil {
					t.Fatal(err)
				}
				for _, kinds := range [][]tx.Kind{{tx.KindEmail}, {tx.KindThread, tx.KindMailbox}, {tx.KindVacation}, {tx.KindArrival}, {tx.KindThread, tx.KindArrival}} {
					a, b := lastOf(t, s, kinds...), lastOf(t, fresh, kinds...)
					if a != b {
						r.Fatalf("of %v: %v, without a memory %v", kinds, a, b)
					}
				}
			}
		})
	})
}

// An arrival is an email that was created, and no other change of one.
func TestLastArrival(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		d := open()
		s, _ := fill(t, d)
		log := func(kind tx.Kind, op tx.Op) (at mail.ModSeq) {
			c := change(10, 1)
			c.Kind, c.Op = kind, op
			if err := s.Write(t.Context(), []mail.AccountID{10}, func(w *tx.Tx) error { at = w.Changed(c); return nil }); err != nil {
				t.Fatal(err)
			}
			return at
		}
		arrived := log(tx.KindEmail, tx.Created)
		log(tx.KindEmail, tx.Updated)
		log(tx.KindThread, tx.Created)
		destroyed := log(tx.KindEmail, tx.Destroyed)
		fresh, err := tx.New(t.Context(), tx.Options{DB: d})
		if err != nil {
			t.Fatal(err)
		}
		for _, store := range []*tx.Store{s, fresh} {
			if got := lastOf(t, store, tx.KindArrival); got != arrived {
				t.Errorf("the last arrival is %v, want %v", got, arrived)
			}
			if got := lastOf(t, store, tx.KindEmail); got != destroyed {
				t.Errorf("the last change of an email is %v, want %v", got, destroyed)
			}
		}
	})
}

func lastOf(t *testing.T, s *tx.Store, kinds ...tx.Kind) (last mail.ModSeq) {
	t.Helper()
	err := s.Read(t.Context(), func(r *tx.Tx) (err error) { last, err = r.LastOf(10, kinds...); return err })
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func stepOfLast(t *testing.T, r *rapid.T, s *tx.Store, d *db.DB) {
	fails := rapid.Bool().Draw(r, "fails")
	changes := rapid.SliceOfN(rapid.SampledFrom([]tx.Kind{tx.KindEmail, tx.KindThread, tx.KindMailbox}), 0, 4).Draw(r, "changes")
	err := s.Write(t.Context(), []mail.AccountID{10}, func(w *tx.Tx) error {
		var want, arrived mail.ModSeq
		for i, kind := range changes {
			c := change(10, int64(i))
			c.Kind = kind
			c.Op = rapid.SampledFrom([]tx.Op{tx.Created, tx.Updated, tx.Destroyed}).Draw(r, "op")
			at := w.Changed(c)
			if kind == tx.KindEmail {
				want = at
				if c.Op == tx.Created {
					arrived = at
				}
			}
		}
		if got, err := w.LastOf(10, tx.KindArrival); err != nil || arrived != 0 && got != arrived {
			t.Errorf("within the write the last arrival is %v (%v), want %v", got, err, arrived)
		}
		if got, err := w.LastOf(10, tx.KindEmail); err != nil || want != 0 && got != want {
			t.Errorf("within the write it is %v (%v), want %v", got, err, want)
		}
		if fails {
			return errOnPurpose
		}
		return nil
	})
	if err != nil && !errors.Is(err, errOnPurpose) {
		t.Fatal(err)
	}
	if rapid.IntRange(0, 3).Draw(r, "trim") > 0 {
		return
	}
	err = d.Write(t.Context(), 0, func(q *db.Tx) error {
		q.Queue(`UPDATE account SET log_floor = modseq - 1, epoch = epoch + 1 WHERE id = 10 AND modseq > 1`)
		q.Queue(`DELETE FROM change WHERE account_id = 10 AND modseq <= (SELECT log_floor FROM account WHERE id = 10)`)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkLastOf asks for a kind that is not in a log of 100,000 lines.
func BenchmarkLastOf(b *testing.B) {
	d := dbtest.OnSQLite(b, schema.Files)()
	addAccount(b, d, 10)
	s, err := tx.New(b.Context(), tx.Options{DB: d})
	if err != nil {
		b.Fatal(err)
	}
	for range 100 {
		err := s.Write(b.Context(), []mail.AccountID{10}, func(w *tx.Tx) error {
			for i := range int64(1000) {
				w.Changed(change(10, i))
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for name, fresh := range map[string]bool{"first": true, "again": false} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if fresh {
					s, _ = tx.New(b.Context(), tx.Options{DB: d})
				}
				err := s.Read(b.Context(), func(r *tx.Tx) error { _, err := r.LastOf(10, tx.KindVacation); return err })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
