package node

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// However often sizes are asked for, they are measured seldom, and nobody waits for a measurement.
func TestSizesAreMeasuredSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		count, takes, broken := 0, time.Second, error(nil)
		var failures []error
		s := &sizes{now: time.Now, failed: func(err error) { failures = append(failures, err) }}
		s.measure = func(ctx context.Context) (measured, error) {
			select {
			case <-ctx.Done():
				return measured{}, ctx.Err()
			case <-time.After(takes):
			}
			count++
			return measured{database: int64(count)}, broken
		}
		ask := func(want int64) {
			t.Helper()
			begun := time.Now()
			if got := s.get(); got.database != want {
				t.Errorf("got measurement %d, want %d", got.database, want)
			}
			if took := time.Since(begun); took > 0 {
				t.Errorf("it took %v", took)
			}
		}
		ask(0)
		ask(0) // under way
		time.Sleep(2 * time.Second)
		for range 10 {
			time.Sleep(time.Second)
			ask(1)
		}
		time.Sleep(sizesShare * takes) // longer than sizesKept
		ask(1)                         // due, but this answer is at once
		time.Sleep(2 * takes)
		ask(2)

		broken = errors.New("disk on fire")
		time.Sleep(time.Minute)
		ask(2)
		time.Sleep(time.Minute)
		if ask(2); len(failures) != 1 {
			t.Errorf("told of %v", failures)
		}
		if s.close(); len(failures) != 1 { // ends the one that runs, of which nothing is told
			t.Errorf("told of %v", failures)
		}
		time.Sleep(time.Hour)
		if ask(2); count != 3 {
			t.Errorf("%d measurements", count)
		}
	})
}
