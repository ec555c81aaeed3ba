package mail

import (
	"errors"
	"strings"
)

// Kind is the class of an error. A door translates a Kind into its protocol's reply in one place.
type Kind string

const (
	Other       Kind = ""            // not classified: a fault of ours, the cause is logged, the peer learns nothing of it
	Invalid     Kind = "invalid"     // the caller's input breaks a rule; the text says which and what would be right
	NotFound    Kind = "not found"   // no such account, mailbox, message, domain ...
	Exists      Kind = "exists"      // the name is taken
	Denied      Kind = "denied"      // the caller may not do this
	OverQuota   Kind = "over quota"  // a storage or count limit of the account is reached
	TooLarge    Kind = "too large"   // one item exceeds a size limit
	Limit       Kind = "limit"       // a server limit is reached (rate, count, depth); trying later or less may work
	Conflict    Kind = "conflict"    // the state the caller relied on has changed
	Disabled    Kind = "disabled"    // the account or domain is switched off
	Gone        Kind = "gone"        // what the caller held (a deleted mailbox, a collected change log) is no longer there
	Unavailable Kind = "unavailable" // the store cannot answer now; trying later may work; nothing was changed, unless ErrOutcomeUnknown
)

// ErrOutcomeUnknown is matched by an error, of the kind Unavailable, after which the change may have been made or not: it
// was to be committed, and the answer was lost. Doing it again may do it twice.
var ErrOutcomeUnknown = errors.New("it is unknown whether the change was made")

// Error is the error type of all rooms: operation, class and cause.
type Error struct {
	Op   string // "mailbox.Append": package and operation
	Kind Kind
	Err  error // the cause, may be nil
}

func (e *Error) Error() string {
	s := e.Op
	if e.Kind != Other {
		s += ": " + string(e.Kind)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// E makes an *Error. A nil cause is allowed when the kind says it all.
func E(op string, kind Kind, cause error) error { return &Error{Op: op, Kind: kind, Err: cause} }

// KindOf returns the outermost class named anywhere in err's chain, Other when there is none.
func KindOf(err error) Kind {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return Other
		}
		if e.Kind != Other {
			return e.Kind
		}
		err = e.Err
	}
	return Other
}

// Is reports whether err is of the given class.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// Explain is the text of an error for a person: without the operations and classes that errors of ours name.
func Explain(err error) string { return strip(err.Error(), err) }

// strip takes from a text, which err is in, what the errors of ours in err's tree have put before their causes.
func strip(text string, err error) string {
	switch e := err.(type) {
	case *Error:
		head := e.Op + ": "
		if e.Err != nil {
			head = strings.TrimSuffix(e.Error(), e.Err.Error())
		}
		text = strings.Replace(text, head, "", 1)
		if e.Err != nil {
			text = strip(text, e.Err)
		}
	case interface{ Unwrap() error }:
		if cause := e.Unwrap(); cause != nil {
			text = strip(text, cause)
		}
	case interface{ Unwrap() []error }:
		for _, cause := range e.Unwrap() {
			text = strip(text, cause)
		}
	}
	return text
}
