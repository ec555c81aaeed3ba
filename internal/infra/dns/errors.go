package dns

import (
	"errors"
	"fmt"
)

// Reason is why there is no answer.
type Reason int

const (
	NoName      Reason = iota + 1 // the name does not exist (NXDOMAIN), or cannot
	NoData                        // the name exists, and has no record of the type
	Unavailable                   // nobody knows now: asking later may help
)

// Error is the type of all errors of a Resolver.
type Error struct {
	Name, Type string
	Reason     Reason
	Authentic  bool  // of NoName and NoData: that there is nothing was validated (RFC 4035 5.4)
	Err        error // what was wrong; nil where Reason says it all
}

func (e *Error) Error() string {
	what := map[Reason]string{NoName: "the name does not exist", NoData: "there is none", Unavailable: "no answer"}[e.Reason]
	if e.Err != nil {
		what += ": " + e.Err.Error()
	}
	return fmt.Sprintf("DNS: %s of %.255s: %s", e.Type, e.Name, what)
}

func (e *Error) Unwrap() error { return e.Err }

// NotFound reports whether err says that there is no such record: NoName or NoData.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Reason != Unavailable
}

// Temporary reports whether err says that asking later may help.
func Temporary(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Reason == Unavailable
}
