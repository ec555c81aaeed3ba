package db_test

import (
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// The clock is the database's, and not ahead of it.
func TestClock(t *testing.T) {
	dbtest.EachWith(t, nil, func(t *testing.T, open dbtest.Open) {
		d := open()
		for range 3 {
			got, err := d.Clock(t.Context())
			must(t, err)
			must(t, d.Read(t.Context(), func(tx *db.Tx) error {
				if ahead := got.Sub(tx.Now()); ahead > 0 || ahead < -time.Minute {
					t.Errorf("the clock is %v ahead of the database", ahead)
				}
				return nil
			}))
		}
	})
}

// A clock that tests set is asked each time.
func TestClockOfTests(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000).UTC()
	d := dbtest.OnPostgres(t, nil)(func(o *db.Options) { o.Now = func() time.Time { return now } })
	for range 2 {
		now = now.Add(time.Hour)
		if got, err := d.Clock(t.Context()); err != nil || !got.Equal(now) {
			t.Errorf("the clock says %v, %v; want %v", got, err, now)
		}
	}
}
