package queue

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// destination is a domain that has work, or of which something is known. Its fields belong to Queue.mu.
type destination struct {
	domain string

	due     bool // the spool may have something due that was not taken
	woken   int  // counts the times it was said to be due, so that one is not lost while we look
	taking  bool
	jobs    []*job // taken and not begun
	running int

	limit    float64 // deliveries at a time
	proven   bool    // it has taken something, and not failed since
	failures int     // in a row
	failed   time.Time
	until    time.Time  // it is left alone until then
	answer   mail.Event // what the last failure was

	starting, hungry bool // in Queue.start or Queue.hungry
}

func newDestination(domain string) *destination {
	return &destination{domain: domain, limit: FirstLimit}
}

// most is how many deliveries it may have at a time.
func (d *destination) most() int { return max(1, int(d.limit)) }

// dead reports whether it is left alone.
func (d *destination) dead(now time.Time) bool { return now.Before(d.until) }

// wants reports how many messages should be taken for it: enough to go on while the next are taken.
func (d *destination) wants() int {
	if !d.due || d.taking || len(d.jobs) > d.most()/2 {
		return 0
	}
	return 2*d.most() - len(d.jobs)
}

// idle reports whether nothing is left to do.
func (d *destination) idle() bool {
	return !d.due && !d.taking && len(d.jobs) == 0 && d.running == 0
}

// succeeded notes that it has taken a message.
func (d *destination) succeeded(begun time.Time) {
	if begun.Before(d.failed) { // of the failure that came meanwhile this says nothing
		return
	}
	d.failures, d.until, d.proven = 0, time.Time{}, true
	d.limit = min(MaxPerDestination, d.limit+1/d.limit) // one more for each round
}

// fail notes that it fails as a whole. What was under way at the same time fails with it and counts once.
func (d *destination) fail(now time.Time, answer mail.Event) {
	d.answer, d.proven = answer, false
	if d.dead(now) {
		return
	}
	d.failures++
	d.failed, d.until = now, now.Add(pause(d.failures, FirstPause, LastPause))
	d.limit = max(1, d.limit/2)
}

// forget has it tried as if it had not failed.
func (d *destination) forget() { d.failures, d.until = 0, time.Time{} }

// spread is over how long a time what is put off is spread: about as long as it has been failing.
func (d *destination) spread() time.Duration {
	return min(LastRetry, time.Minute<<min(d.failures, 8))
}

// fifo is a queue of destinations, each at most once (see the flags of destination).
type fifo []*destination

func (f *fifo) push(d *destination) { *f = append(*f, d) }

func (f *fifo) pop() *destination {
	d := (*f)[0]
	(*f)[0] = nil
	*f = (*f)[1:]
	return d
}
