package imap

import (
	"errors"
	"time"
)

// DateTimeLayout is IMAP's date-time (RFC 9051 9) in the words of package time.
const DateTimeLayout = "_2-Jan-2006 15:04:05 -0700"

const dateLayout = "2-Jan-2006"

var (
	errDateTime = errors.New(`a date-time looks like "17-Jul-1996 02:44:25 -0700"`)
	errDate     = errors.New("a date looks like 1-Feb-1994")
)

// ParseDateTime reads a date-time without its quotes. The day has two places, the first of which may be a space.
func ParseDateTime(s string) (time.Time, error) {
	if len(s) != len(DateTimeLayout) || s[12-1] != ' ' {
		return time.Time{}, errDateTime
	}
	t, err := time.Parse(DateTimeLayout, s)
	if err != nil {
		return time.Time{}, errDateTime
	}
	return t, nil
}

// AppendDateTime appends a date-time without quotes. The grammar has four digits for the year; a year it cannot hold is
// moved to the nearest one that it can.
func AppendDateTime(b []byte, t time.Time) []byte {
	switch y := t.Year(); {
	case y < 0:
		t = time.Date(0, time.January, 2, 0, 0, 0, 0, time.UTC)
	case y > 9999:
		t = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	}
	return t.AppendFormat(b, DateTimeLayout)
}

// ParseDate reads a date. The result is the midnight, in UTC, with which that day begins; only the day counts.
func ParseDate(s string) (time.Time, error) {
	if n := len(s); n < len("1-Feb-1994") || n > len("01-Feb-1994") {
		return time.Time{}, errDate
	}
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return time.Time{}, errDate
	}
	return t, nil
}

// AppendDate appends a date.
func AppendDate(b []byte, t time.Time) []byte { return t.AppendFormat(b, dateLayout) }
