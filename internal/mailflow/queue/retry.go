package queue

import (
	"math/rand/v2"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// dates are when the sender of a message must be told something, if it has not come to an end by then.
type dates struct {
	warn   time.Time // that it takes long
	expire time.Time // that it is over
}

// datesOf reckons from when the message was due for the first time.
func datesOf(created time.Time, e *mail.Envelope) dates {
	start := created
	if e.HoldUntil.After(start) { // RFC 4865: the time it was held does not count
		start = e.HoldUntil
	}
	d := dates{start.Add(WarnAfter), start.Add(GiveUpAfter)}
	by := e.DeliverBy
	switch {
	case by.Time.IsZero():
	case by.Return && by.Time.Before(d.expire): // RFC 2852 4.1: "R" requests that the message not be delivered after that
		d.expire = by.Time
	case !by.Return && by.Time.Before(d.warn): // "N": a notice, and go on
		d.warn = by.Time
	}
	return d
}

// next is what follows a failed attempt.
type next struct {
	expired  bool // there is no other
	warn     bool // the sender is told now that it takes long
	due      time.Time
	deadline time.Time
}

// after says what follows the failed attempt with this number, from 1, where the first pause is so long.
func (d dates) after(attempt int, first time.Duration, warned bool, now time.Time) next {
	if !now.Before(d.expire) {
		return next{expired: true}
	}
	n := next{warn: !warned && !now.Before(d.warn), deadline: d.expire}
	if !warned && !n.warn && d.warn.Before(d.expire) {
		n.deadline = d.warn
	}
	n.due = now.Add(pause(attempt, first, LastRetry))
	if n.deadline.Before(n.due) {
		n.due = n.deadline
	}
	return n
}

// pause is first, doubled with every time but the first, at most last; a quarter more or less by chance, so that what failed
// together does not come again together.
func pause(times int, first, last time.Duration) time.Duration {
	d := first
	for range min(times, 30) - 1 {
		if d *= 2; d >= last {
			d = last
			break
		}
	}
	return d*3/4 + rand.N(d/2)
}
