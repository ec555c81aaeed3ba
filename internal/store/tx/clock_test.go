package tx_test

import (
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The clock is the database's, whatever this machine's says, and never ahead of it.
func TestClock(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		s, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			got, err := s.Clock(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			err = s.Read(t.Context(), func(t2 *tx.Tx) error {
				if ahead := got.Sub(t2.Now()); ahead > 0 || ahead < -time.Minute {
					t.Errorf("the clock is %v ahead of the database", ahead)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A database whose time jumps is noticed when the clock is forgotten, and in a minute at most without that.
func TestClockIsAskedAgain(t *testing.T) {
	var ahead time.Duration
	d := dbtest.OnSQLite(t, schema.Files)(func(o *db.Options) { o.Now = func() time.Time { return time.Now().Add(ahead) } })
	s, err := tx.New(t.Context(), tx.Options{DB: d})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Duration {
		got, err := s.Clock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return time.Until(got).Round(time.Minute)
	}
	if got := clock(); got != 0 {
		t.Fatalf("the clock is %v off", got)
	}
	ahead = 2 * time.Hour
	if got := clock(); got != 0 {
		t.Errorf("the clock was asked at once: %v", got)
	}
	s.ForgetClock()
	if got := clock(); got != 2*time.Hour {
		t.Errorf("asked again the clock is %v ahead, want 2h", got)
	}
}
