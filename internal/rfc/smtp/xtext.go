package smtp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// decodeXtext decodes RFC 3461 4: printable ASCII but "+" and "=", and "+HH" with upper-case hexadecimal digits. Control
// characters have no business in a report; bytes that are not ASCII may come out.
func decodeXtext(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			if i+2 >= len(s) || !isUpperHex(s[i+1]) || !isUpperHex(s[i+2]) {
				return "", errors.New("a + is followed by two upper-case hexadecimal digits")
			}
			n, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
			c = byte(n)
			i += 2
		case c == '=' || c <= ' ' || c >= 0x7f:
			return "", errors.New("it is not xtext")
		}
		b.WriteByte(c)
	}
	for _, r := range b.String() {
		if r < ' ' || r == 0x7f {
			return "", errors.New("it holds a character that is not printable")
		}
	}
	return b.String(), nil
}

// EncodeXtext is the opposite, for text of printable ASCII.
func EncodeXtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f && c != '+' && c != '=' {
			b.WriteByte(c)
		} else {
			b.WriteByte('+')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
		}
	}
	return b.String()
}

func isUpperHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

// decodeUTF8Address decodes the utf-8 address type of RFC 6533 3: utf-8-addr-xtext or utf-8-addr-unitext, in which
// "\x{HEX}" stands for a character.
func decodeUTF8Address(s string) (string, error) {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '\\':
			var err error
			if r, n, err = embeddedRune(s); err != nil {
				return "", err
			}
		case r == '+' || r == '=' || r <= ' ':
			return "", errors.New("it holds a character that must be written as \\x{HEX}")
		}
		if unicode.IsControl(r) || r == utf8.RuneError {
			return "", errors.New("it holds a control character or bad UTF-8")
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String(), nil
}

// EncodeUTF8Address is the opposite: utf-8-addr-unitext for a server that takes SMTPUTF8, else utf-8-addr-xtext, which is ASCII.
func EncodeUTF8Address(s string, unitext bool) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r > ' ' && r < 0x7f && r != '+' && r != '=' && r != '\\', r >= 0x80 && unitext:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\x{%02X}`, r)
		}
	}
	return b.String()
}

// embeddedRune reads \x{HEX}, two to six upper-case digits.
func embeddedRune(s string) (r rune, length int, err error) {
	digits, ok := strings.CutPrefix(s, `\x{`)
	end := strings.IndexByte(digits, '}')
	if !ok || end < 2 || end > 6 {
		return 0, 0, errors.New("a backslash begins \\x{HEX} with two to six digits")
	}
	n, err := strconv.ParseUint(digits[:end], 16, 32)
	if err != nil || strings.ToUpper(digits[:end]) != digits[:end] || !utf8.ValidRune(rune(n)) {
		return 0, 0, errors.New("\\x{HEX} does not name a character")
	}
	return rune(n), len(`\x{`) + end + 1, nil
}
