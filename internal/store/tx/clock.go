package tx

import (
	"context"
	"sync"
	"time"
)

// clockAge is how long the database's time is reckoned on from when it was asked. A machine's own measure of durations is
// good for longer, except where it was asleep.
const clockAge = time.Minute

// clock knows the database's time without asking for it each time.
type clock struct {
	mu    sync.Mutex
	asked time.Time // by the clock of this machine, which measures how long ago that is; zero: never
	time  time.Time // by the database's
}

// Clock is about the database's time, for what happens outside of a unit of work and is later held against Tx.Now: it is never
// ahead of it, and behind it by no more than an answer took, or this machine was asleep in the last minute. Tx.Now decides.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	c := &s.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := time.Since(c.asked); !c.asked.IsZero() && age >= 0 && age < clockAge {
		return c.time.Add(age).Truncate(time.Millisecond), nil
	}
	var now time.Time
	if err := s.Read(ctx, func(t *Tx) error { now = t.Now(); return nil }); err != nil {
		return time.Time{}, err
	}
	c.asked, c.time = time.Now(), now
	return now, nil
}

// ForgetClock has Clock ask again: it was found to be wrong.
func (s *Store) ForgetClock() {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	s.clock.asked = time.Time{}
}
