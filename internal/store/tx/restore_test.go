package tx_test

import (
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// However a database comes back to an earlier time, no id is given out that may have been.
func TestSkipIDs(t *testing.T) {
	const block, million = 1 << 16, 1 << 36
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		clock := time.Date(2031, time.May, 1, 0, 0, 0, 0, time.UTC)
		d := open(func(o *db.Options) { o.Now = func() time.Time { return clock } })
		s, _ := fill(t, d)
		counter := func(set int64) (have int64) {
			t.Helper()
			err := d.Write(t.Context(), 0, func(d *db.Tx) error {
				if set > 0 {
					d.Queue(`UPDATE instance SET next_id = $1`, set)
				}
				return d.QueryRow(`SELECT next_id FROM instance`).Scan(&have)
			})
			if err != nil {
				t.Fatal(err)
			}
			return have
		}
		skip := func(seen int64) (first int64) {
			t.Helper()
			first, err := s.SkipIDs(t.Context(), seen)
			if err != nil {
				t.Fatal(err)
			}
			id, err := s.NewID(t.Context())
			if err != nil || id != first {
				t.Errorf("the next id is %d, %v, not %d", id, err, first)
			}
			return first
		}
		backup := counter(0)
		first := skip(0)
		if first < backup+million {
			t.Errorf("%d is not far from %d", first, backup)
		}
		counter(backup)
		clock = clock.Add(time.Second)
		if second := skip(0); second < first+block {
			t.Errorf("the same backup again, a second later: %d, then %d", first, second)
		}
		backup = counter(0)
		if again := skip(0); again < backup+million { // within the second
			t.Errorf("%d is not far from %d", again, backup)
		}
		clock = time.Unix(0, 0)
		backup = counter(0)
		if wrong := skip(0); wrong < backup+million {
			t.Errorf("with a wrong clock %d is not far from %d", wrong, backup)
		}
		seen := counter(0) + 5*million
		if above := skip(seen); above < seen+million {
			t.Errorf("%d is not far from the highest seen, %d", above, seen)
		}
		last := counter(0)
		if other := skip(7<<mail.ShardBits | 1<<47); other > last+2*million {
			t.Errorf("an id of another shard moved the counter to %d", other)
		}
		end := counter(1<<mail.ShardBits - million)
		if _, err := s.SkipIDs(t.Context(), 0); !mail.Is(err, mail.Limit) || counter(0) != end {
			t.Errorf("at the end of the shard: %v, the counter is at %d", err, counter(0))
		}
	})
}

func TestRaiseEpoch(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, _ *db.DB, _ *bell) {
		epochs := func() (out [3]int64) {
			t.Helper()
			err := s.Read(t.Context(), func(r *tx.Tx) (err error) {
				for i := range out {
					if _, out[i], err = r.State(mail.AccountID(10 + i)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		before := epochs()
		err := s.Write(t.Context(), []mail.AccountID{11}, func(w *tx.Tx) error { w.RaiseEpoch(11); return nil })
		if after := epochs(); err != nil || after != [3]int64{before[0], before[1] + 1, before[2]} {
			t.Errorf("epochs %v, were %v (%v)", after, before, err)
		}
		if err := s.Write(t.Context(), []mail.AccountID{11}, func(w *tx.Tx) error { w.RaiseEpoch(12); return nil }); err == nil || epochs()[2] != before[2] {
			t.Errorf("the epoch of an account that is not locked: %v", err)
		}
	})
}
