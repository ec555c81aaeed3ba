package mail

import (
	"errors"
	"fmt"
	"strings"
)

var errTooManyKeywords = fmt.Errorf("a message holds at most %d keywords", MaxKeywords)

// checkKeyword accepts an IMAP flag-keyword: an atom (RFC 9051 9), not a system flag.
func checkKeyword(name string) error {
	switch {
	case name == "":
		return E("mail.ParseFlags", Invalid, errors.New("a keyword must not be empty"))
	case len(name) > MaxKeywordLength:
		return E("mail.ParseFlags", Limit, fmt.Errorf("a keyword has at most %d bytes", MaxKeywordLength))
	case name[0] == '\\':
		return E("mail.ParseFlags", Invalid, fmt.Errorf("%.40s is not a system flag", name))
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return E("mail.ParseFlags", Invalid, fmt.Errorf("a keyword may not hold the character %q", c))
		}
	}
	return nil
}

// compareFold orders names without regard to ASCII case.
func compareFold(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
