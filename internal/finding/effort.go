package finding

import (
	"fmt"
	"io"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Effort is what one command or call that looks through messages may still do.
type Effort struct {
	Done, Goal uint64 // messages, counted by who looks

	all, left int64 // octets of work
	every     time.Duration
	next      time.Time // of a look at the client
	look      func(done, goal uint64) error
}

// What looking at a message costs in octets of content, for each key of a search: a key is compared with a number or a
// flag, or with a header field that is decoded.
const (
	CostOfFacts = 16
	CostOfRow   = 128
)

// NewEffort begins one of so many octets. look is called now and then: its error ends the work, since nobody waits for it.
func NewEffort(octets int64, every time.Duration, look func(done, goal uint64) error) *Effort {
	return &Effort{all: octets, left: octets, every: every, next: time.Now().Add(every), look: look}
}

// Spend counts work, and looks now and then whether anybody waits for it.
func (e *Effort) Spend(octets int64) error {
	if e.left -= octets; e.left < 0 {
		return mail.E("finding.Spend", mail.Limit, fmt.Errorf("this search has looked through %d MiB and is not done: "+
			"search in steps, or name fewer messages by date, size or number", e.all>>20))
	}
	now := time.Now()
	if now.Before(e.next) {
		return nil
	}
	e.next = now.Add(e.every)
	return e.look(e.Done, e.Goal)
}

// metered is content whose reading is an effort.
type metered struct {
	io.ReaderAt
	effort *Effort
}

func (m metered) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.ReaderAt.ReadAt(p, off)
	if tired := m.effort.Spend(int64(n)); tired != nil {
		return 0, tired
	}
	return n, err
}
