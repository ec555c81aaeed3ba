package dbtest

import (
	"sync"
	"time"
)

// Clock is one that a test turns, for db.Options.Now and for who else has to believe it. Many goroutines may ask it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that stands at a moment long ago.
func NewClock() *Clock { return ClockAt(time.UnixMilli(1_700_000_000_000)) }

// ClockAt makes a clock that stands at a moment.
func ClockAt(t time.Time) *Clock { return &Clock{now: t} }

// Now is what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance turns the clock forward, or back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
