package tx

import (
	"context"
	"time"
)

// Clock is about the database's time, see db.DB.Clock: for what happens before a unit of work.
func (s *Store) Clock(ctx context.Context) (time.Time, error) { return s.db.Clock(ctx) }

// ForgetClock has Clock ask again: a unit of work found it to be wrong.
func (s *Store) ForgetClock() { s.db.ForgetClock() }
