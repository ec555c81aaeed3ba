package unsubscribing

import (
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// maxCounted is how many accounts are counted at a time; beyond it all counts are forgotten.
const maxCounted = 1 << 16

// budget counts what accounts have sent in the present hour.
type budget struct {
	now func() time.Time

	mu   sync.Mutex
	hour time.Time
	sent map[mail.AccountID]int
}

func newBudget(now func() time.Time) *budget { return &budget{now: now} }

// take counts one more, unless there are MaxSends already.
func (b *budget) take(account mail.AccountID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if hour := b.now().Truncate(time.Hour); !hour.Equal(b.hour) || len(b.sent) >= maxCounted {
		b.hour, b.sent = hour, map[mail.AccountID]int{}
	}
	if b.sent[account] >= MaxSends {
		return false
	}
	b.sent[account]++
	return true
}
