package smtp

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Extensions are those with parameters of MAIL that not every door offers. What is not offered is not known.
type Extensions struct {
	Auth          bool          // RFC 4954
	FutureRelease time.Duration // RFC 4865: the longest hold; 0: not offered
	DeliverBy     bool          // RFC 2852
	Priority      bool          // RFC 6710
	RequireTLS    bool          // RFC 8689

	Now time.Time // when MAIL came: intervals count from then
}

// maxSeconds is how many digits the seconds of HOLDFOR and BY have at most (RFC 4865 3, RFC 2852 4).
const maxSeconds = 9

// parameter returns what reads one of the parameters, nil when it is not offered.
func (x Extensions) parameter(keyword string) func(Extensions, *mail.Envelope, parameter) error {
	switch {
	case keyword == "AUTH" && x.Auth:
		return Extensions.auth
	case keyword == "HOLDFOR" && x.FutureRelease > 0:
		return Extensions.holdFor
	case keyword == "HOLDUNTIL" && x.FutureRelease > 0:
		return Extensions.holdUntil
	case keyword == "BY" && x.DeliverBy:
		return Extensions.by
	case keyword == "MT-PRIORITY" && x.Priority:
		return Extensions.priority
	case keyword == "REQUIRETLS" && x.RequireTLS:
		return Extensions.requireTLS
	}
	return nil
}

// auth is RFC 4954 5: who handed the message in first, as some server says. It is read and not believed, which the section
// allows: what counts is who has signed in here.
func (x Extensions) auth(_ *mail.Envelope, p parameter) error {
	identity, err := decodeXtext(p.value)
	if err == nil && identity != "<>" {
		_, err = mail.ParseAddress(identity)
	}
	if err != nil {
		return p.bad("it wants an address as xtext, or <>")
	}
	return nil
}

// holdFor is RFC 4865 4.2: seconds, of nine digits at most.
func (x Extensions) holdFor(e *mail.Envelope, p parameter) error {
	seconds, ok := parseNumber(p.value)
	if !ok || seconds == 0 || len(p.value) > maxSeconds {
		return p.bad("it wants a number of seconds")
	}
	return x.hold(e, p, x.Now.Add(time.Duration(seconds)*time.Second))
}

// holdUntil is RFC 4865 4.2 with its erratum 2040: a date-time of RFC 3339. One that has passed means now.
func (x Extensions) holdUntil(e *mail.Envelope, p parameter) error {
	at, err := time.Parse(time.RFC3339, strings.ToUpper(p.value)) // RFC 3339 5.6: "T" and "Z" may be in lower case
	if err != nil {
		return p.bad("it wants a time like 2026-12-24T18:00:00Z")
	}
	return x.hold(e, p, at.UTC())
}

func (x Extensions) hold(e *mail.Envelope, p parameter, until time.Time) error {
	if !e.HoldUntil.IsZero() { // RFC 4865 4.2: both is an error
		return p.bad("HOLDFOR and HOLDUNTIL exclude each other")
	}
	if until.After(x.Now.Add(x.FutureRelease)) {
		return p.bad(fmt.Sprintf("mail is held for %d seconds at most", int64(x.FutureRelease/time.Second)))
	}
	e.HoldUntil = until
	return nil
}

// by is RFC 2852 4: by-time ";" by-mode [by-trace].
func (x Extensions) by(e *mail.Envelope, p parameter) error {
	right := "it wants seconds;R or seconds;N, and T behind that for a trace"
	number, mode, _ := strings.Cut(strings.ToUpper(p.value), ";")
	digits := strings.TrimLeft(number, "+-")
	seconds, err := strconv.ParseInt(number, 10, 64)
	if err != nil || len(digits) > maxSeconds || len(number)-len(digits) > 1 {
		return p.bad(right)
	}
	d := mail.DeliverBy{Time: x.Now.Add(time.Duration(seconds) * time.Second)}
	switch mode {
	case "R", "RT":
		if seconds <= 0 { // RFC 2852 4.1
			return p.bad("with mode R the time is above zero")
		}
		d.Return = true
	case "N", "NT":
	default:
		return p.bad(right)
	}
	d.Trace = strings.HasSuffix(mode, "T")
	e.DeliverBy = d
	return nil
}

// checkTimes is RFC 4865 4.2: what is held longer than it may take cannot be delivered in time.
func checkTimes(e *mail.Envelope) error {
	if by := e.DeliverBy; by.Return && e.HoldUntil.After(by.Time) {
		return reply(501, 5, 5, 4, "BY: the message would be held beyond the time by which it is to be delivered")
	}
	return nil
}

// Priorities of RFC 6710 3.
const (
	MinPriority = -9
	MaxPriority = 9
)

func (x Extensions) priority(e *mail.Envelope, p parameter) error {
	n, err := strconv.Atoi(p.value)
	if err != nil || n < MinPriority || n > MaxPriority || len(p.value) > len("-9") || p.value[0] == '+' {
		return reply(501, 5, 5, 2, fmt.Sprintf("%s: it wants a number from %d to %d", p.keyword, MinPriority, MaxPriority)) // RFC 6710 4.1
	}
	e.Priority = n
	return nil
}

// requireTLS is RFC 8689 2: the parameter takes no value.
func (x Extensions) requireTLS(e *mail.Envelope, p parameter) error {
	if p.hasValue {
		return p.bad("it takes no value")
	}
	e.RequireTLS = true
	return nil
}
