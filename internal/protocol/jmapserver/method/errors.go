package method

import (
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// ErrorType is the type of an error of a method, or of one object of a /set (RFC 8620 3.6.2, 5.2 to 5.6; RFC 8621).
type ErrorType string

const (
	ServerUnavailable           ErrorType = "serverUnavailable"
	ServerFail                  ErrorType = "serverFail"
	ServerPartialFail           ErrorType = "serverPartialFail"
	UnknownMethod               ErrorType = "unknownMethod"
	InvalidArguments            ErrorType = "invalidArguments"
	InvalidResultReference      ErrorType = "invalidResultReference"
	Forbidden                   ErrorType = "forbidden"
	AccountNotFound             ErrorType = "accountNotFound"
	AccountNotSupportedByMethod ErrorType = "accountNotSupportedByMethod"
	AccountReadOnly             ErrorType = "accountReadOnly"
	RequestTooLarge             ErrorType = "requestTooLarge"
	StateMismatch               ErrorType = "stateMismatch"
	CannotCalculateChanges      ErrorType = "cannotCalculateChanges"
	TooManyChanges              ErrorType = "tooManyChanges"
	AnchorNotFound              ErrorType = "anchorNotFound"
	UnsupportedSort             ErrorType = "unsupportedSort"
	UnsupportedFilter           ErrorType = "unsupportedFilter"
	FromAccountNotFound         ErrorType = "fromAccountNotFound"
	FromAccountNotSupported     ErrorType = "fromAccountNotSupportedByMethod"

	// Of one object of a /set (RFC 8620 5.3).
	OverQuota         ErrorType = "overQuota"
	TooLarge          ErrorType = "tooLarge"
	RateLimit         ErrorType = "rateLimit"
	NotFound          ErrorType = "notFound"
	InvalidPatch      ErrorType = "invalidPatch"
	WillDestroy       ErrorType = "willDestroy"
	InvalidProperties ErrorType = "invalidProperties"
	Singleton         ErrorType = "singleton"
	AlreadyExists     ErrorType = "alreadyExists" // /copy, Email/import
)

// Error is the answer to a call that failed, or, in a SetResponse, for one object. Other members than these are the capability's own.
type Error struct {
	Type        ErrorType      `json:"type"`
	Description string         `json:"description,omitempty"`
	Properties  []string       `json:"properties,omitempty"` // with invalidProperties
	More        map[string]any `json:",embed"`               // such as existingId (RFC 8620 5.4)
}

func (e *Error) Error() string { return string(e.Type) + ": " + e.Description }

// Fail makes an Error whose description is for a person.
func Fail(t ErrorType, format string, args ...any) *Error {
	return &Error{Type: t, Description: fmt.Sprintf(format, args...)}
}

// Bad is the error of an object some of whose properties are wrong.
func Bad(description string, properties ...string) *Error {
	return &Error{Type: InvalidProperties, Description: description, Properties: properties}
}

// ErrorOf says what a method, or a /set of one object, answers to an error of a room. ok is false for one that says nothing a client
// may know: it is to be logged.
func ErrorOf(err error) (e *Error, ok bool) {
	switch mail.KindOf(err) {
	case mail.Invalid:
		return Fail(InvalidArguments, "%s", mail.Explain(err)), true
	case mail.NotFound, mail.Gone:
		return Fail(NotFound, "%s", mail.Explain(err)), true
	case mail.Exists:
		return Fail(AlreadyExists, "%s", mail.Explain(err)), true
	case mail.Denied, mail.Disabled:
		return Fail(Forbidden, "%s", mail.Explain(err)), true
	case mail.OverQuota:
		return Fail(OverQuota, "%s", mail.Explain(err)), true
	case mail.TooLarge:
		return Fail(TooLarge, "%s", mail.Explain(err)), true
	case mail.Limit:
		return Fail(RateLimit, "%s", mail.Explain(err)), true
	case mail.Conflict:
		return Fail(StateMismatch, "%s", mail.Explain(err)), true
	case mail.Unavailable:
		return Fail(ServerUnavailable, "the server cannot do this now: try again later"), true
	}
	return Fail(ServerFail, "the server has failed; its operator finds the cause in its log"), false
}
