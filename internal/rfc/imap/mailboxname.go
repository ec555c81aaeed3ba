package imap

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Inbox is the one name that is compared without case (RFC 9051 5.1).
const Inbox = "INBOX"

// MaxMailboxName is the longest mailbox name accepted, in octets of UTF-8.
const MaxMailboxName = 1000

var (
	errMailboxEmpty   = errors.New("a mailbox name must not be empty")
	errMailboxLong    = errors.New("a mailbox name has at most 1000 octets")
	errMailboxUTF8    = errors.New("a mailbox name must be valid UTF-8")
	errMailboxControl = errors.New("a mailbox name must not hold control characters, line or paragraph separators")
	errUTF7           = errors.New("the mailbox name is not valid modified UTF-7; an ampersand is written &-")
)

// mailboxBase64 is the alphabet of RFC 3501 5.1.3: base64 with "," for "/", unpadded, spare bits zero.
var mailboxBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

// DecodeUTF7 turns modified UTF-7 (RFC 3501 5.1.3, RFC 9051 A.1) into UTF-8. There is one spelling for each name and
// every other is an error, so that no mailbox can be reached under two names.
func DecodeUTF7(s string) (string, error) {
	if isPlainUTF7(s) {
		return s, nil
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		plain, shifted, found := strings.Cut(rest, "&")
		b.WriteString(plain)
		if !found {
			break
		}
		encoded, after, closed := strings.Cut(shifted, "-")
		if !closed {
			return "", errUTF7
		}
		if err := decodeShift(&b, encoded); err != nil {
			return "", err
		}
		rest = after
	}
	if name := b.String(); EncodeUTF7(name) == s {
		return name, nil
	}
	return "", errUTF7
}

// decodeShift appends what stands between "&" and "-".
func decodeShift(b *strings.Builder, encoded string) error {
	if encoded == "" {
		b.WriteByte('&')
		return nil
	}
	raw, err := mailboxBase64.DecodeString(encoded)
	if err != nil || len(raw)%2 != 0 {
		return errUTF7
	}
	for i := 0; i < len(raw); i += 2 {
		r := rune(raw[i])<<8 | rune(raw[i+1])
		if utf16.IsSurrogate(r) {
			if i += 2; i >= len(raw) {
				return errUTF7
			}
			if r = utf16.DecodeRune(r, rune(raw[i])<<8|rune(raw[i+1])); r == utf8.RuneError {
				return errUTF7
			}
		}
		b.WriteRune(r)
	}
	return nil
}

// EncodeUTF7 turns UTF-8 into modified UTF-7. Invalid UTF-8 comes out as U+FFFD.
func EncodeUTF7(s string) string {
	if isPlainUTF7(s) {
		return s
	}
	return string(AppendUTF7(nil, s))
}

// AppendUTF7 appends s in modified UTF-7.
func AppendUTF7(b []byte, s string) []byte {
	var raw []byte // UTF-16BE of the characters waiting to be shifted
	for _, r := range s {
		if r < ' ' || r > '~' {
			if r >= 0x10000 {
				high, low := utf16.EncodeRune(r)
				raw = append(raw, byte(high>>8), byte(high))
				r = low
			}
			raw = append(raw, byte(r>>8), byte(r))
			continue
		}
		if len(raw) > 0 {
			b = appendShift(b, raw)
			raw = raw[:0]
		}
		if b = append(b, byte(r)); r == '&' {
			b = append(b, '-')
		}
	}
	if len(raw) > 0 {
		b = appendShift(b, raw)
	}
	return b
}

func appendShift(b, raw []byte) []byte {
	return append(mailboxBase64.AppendEncode(append(b, '&'), raw), '-')
}

// isPlainUTF7 reports whether s stands for itself.
func isPlainUTF7(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '&' {
			return false
		}
	}
	return true
}

// MailboxName turns a mailbox name as the client wrote it into UTF-8 in Normalization Form C, with INBOX in capitals.
//
// A client that has not enabled UTF-8 writes modified UTF-7; a name with octets above 127 can only be meant as UTF-8
// and is taken as that (RFC 6855 3: such names MUST be accepted). Names that are not normalized are normalized, in every
// command alike (RFC 9051 5.1).
func (d Dialect) MailboxName(s string) (string, error) {
	name, _, err := d.canonicalName(s)
	return name, err
}

// canonicalName is MailboxName that also returns the name as it was given, in UTF-8.
func (d Dialect) canonicalName(s string) (name, given string, err error) {
	given, err = d.decodeName(s)
	if err != nil {
		return "", "", err
	}
	if strings.EqualFold(given, Inbox) && len(given) == len(Inbox) {
		return Inbox, given, nil
	}
	name = norm.NFC.String(given)
	return name, given, CheckMailboxName(name)
}

// decodeName turns a name, a pattern or a reference into UTF-8.
func (d Dialect) decodeName(s string) (string, error) {
	if len(s) > 4*MaxMailboxName {
		return "", errMailboxLong
	}
	if isASCII(s) {
		if d.UTF8() {
			return s, nil
		}
		decoded, err := DecodeUTF7(s)
		switch {
		case err != nil && strings.ContainsFunc(s, unicode.IsControl):
			return "", errMailboxControl // which is what is wrong, whatever it does to the encoding
		case err != nil:
			return "", err
		}
		s = decoded
	}
	if !utf8.ValidString(s) {
		return "", errMailboxUTF8
	}
	return s, nil
}

// CheckMailboxName says what is wrong with a name in UTF-8: RFC 6855 3 wants Net-Unicode without control characters.
func CheckMailboxName(name string) error {
	switch {
	case name == "":
		return errMailboxEmpty
	case len(name) > MaxMailboxName:
		return errMailboxLong
	case !utf8.ValidString(name):
		return errMailboxUTF8
	}
	for _, r := range name {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return errMailboxControl
		}
	}
	return nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
