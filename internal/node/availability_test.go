package node

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What a node does when the database, or its lease, is away for some time.
func TestAvailability(t *testing.T) {
	type fault struct {
		from, to time.Duration
		silent   bool // the database is reached, and does not answer
		lease    bool // what is away is the lease
	}
	for name, tt := range map[string]struct {
		faults      []fault
		away, again time.Duration // 0: never
		why         string
	}{
		"nothing is wrong":        {},
		"a change of the primary": {faults: []fault{{from: 4500 * time.Millisecond, to: 8900 * time.Millisecond}}},
		"refused":                 {faults: []fault{{from: 4500 * time.Millisecond, to: 20 * time.Second}}, away: 9 * time.Second, again: 21 * time.Second, why: databaseAway},
		"a black hole":            {faults: []fault{{from: 4500 * time.Millisecond, to: 20 * time.Second, silent: true}}, away: 9 * time.Second, again: 22 * time.Second, why: databaseAway},
		"the lease":               {faults: []fault{{from: 4500 * time.Millisecond, to: 9500 * time.Millisecond, lease: true}}, away: 5 * time.Second, again: 11 * time.Second, why: leaseLost},
		"comes and goes": {faults: []fault{{from: 4500 * time.Millisecond, to: 20 * time.Second}, {from: 20500 * time.Millisecond, to: 30500 * time.Millisecond}},
			away: 9 * time.Second, again: 32 * time.Second, why: databaseAway},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				now := func(lease bool) (f fault, ok bool) {
					at := time.Since(begun)
					for _, f := range tt.faults {
						if f.lease == lease && at >= f.from && at < f.to {
							return f, true
						}
					}
					return f, false
				}
				var away, again time.Duration
				var why string
				var times atomic.Int32
				a := &availability{log: slog.New(slog.DiscardHandler),
					ask: func(ctx context.Context) error {
						f, ok := now(false)
						if ok && f.silent {
							<-ctx.Done()
						}
						if ok {
							return errors.New("away")
						}
						return nil
					},
					holds: func() bool { _, lost := now(true); return !lost },
					away:  func(reason string) { away, why = time.Since(begun), reason; times.Add(1) },
					back:  func() { again = time.Since(begun); times.Add(1) },
				}
				ctx, cancel := context.WithCancel(t.Context())
				go a.run(ctx)
				time.Sleep(time.Minute)
				cancel()
				synctest.Wait()
				if away != tt.away || again != tt.again || why != tt.why || times.Load() > 2 {
					t.Errorf("away after %v (%s) and back after %v, %d times; want %v (%s) and %v", away, why, again, times.Load(), tt.away, tt.why, tt.again)
				}
			})
		})
	}
}
