package s3

import (
	"time"

	"github.com/minio/minio-go/v7"
)

// The library pauses after an attempt that failed, although it makes no other.
func init() { minio.DefaultRetryUnit = time.Millisecond }

// Impatient shortens what is waited for: an attempt, and room in memory.
func (s *Store) Impatient(attempt, room time.Duration) { s.attemptTime, s.memory.wait = attempt, room }

// Held is how many chunks of memory Puts hold.
func (s *Store) Held() int { return len(s.memory.tokens) }
