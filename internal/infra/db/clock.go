package db

import (
	"context"
	"sync"
	"time"
)

// clockAge is how long PostgreSQL's time is reckoned on from when it was asked.
const clockAge = time.Minute

// clock knows the database's time without asking for it each time.
type clock struct {
	mu    sync.Mutex
	asked time.Time // by the clock of this machine; zero: never
	time  time.Time // by the database's
}

// reckon returns the database's time as of now, if it was asked not long ago.
func (c *clock) reckon(now time.Time) (time.Time, bool) {
	age := now.Sub(c.asked)
	wall := now.Round(0).Sub(c.asked.Round(0))
	// What this machine measures leaves out when it was asleep, and its clock on the wall does not.
	if c.asked.IsZero() || age < 0 || age >= clockAge || (wall-age).Abs() > time.Second {
		return time.Time{}, false
	}
	return c.time.Add(age).Truncate(time.Millisecond), true
}

// Clock is about the database's time, for what happens outside of a transaction and is later held against Tx.Now: it is not
// ahead of it, and hardly behind, unless the database's clock was set in the last minute. Tx.Now decides.
func (d *DB) Clock(ctx context.Context) (time.Time, error) {
	if d.now != nil {
		return d.now().UTC().Truncate(time.Millisecond), nil
	}
	c := &d.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.reckon(time.Now()); ok {
		return at, nil
	}
	var now time.Time
	if err := d.Read(ctx, func(tx *Tx) error { now = tx.Now(); return nil }); err != nil {
		return time.Time{}, err
	}
	c.asked, c.time = time.Now(), now
	return now, nil
}

// ForgetClock has Clock ask again: it was found to be wrong.
func (d *DB) ForgetClock() {
	d.clock.mu.Lock()
	defer d.clock.mu.Unlock()
	d.clock.asked = time.Time{}
}
