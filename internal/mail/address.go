package mail

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of RFC 5321 4.5.3.1, in bytes of the form that String writes, so that what was accepted can be passed on.
const (
	MaxLocalLength   = 64  // RFC 5321 4.5.3.1.1
	MaxDomainLength  = 255 // RFC 5321 4.5.3.1.2
	MaxAddressLength = 254 // RFC 5321 4.5.3.1.3: 256 with the angle brackets
)

// Address is a mail address: RFC 5321's Mailbox, with the UTF-8 of RFC 6531. The zero Address is the null reverse-path
// "<>". An Address without a domain is the bare "<Postmaster>" of RFC 5321 4.5.1.
type Address struct {
	// Local is the part before the @, without quotes and backslashes: what is compared and looked up. Its case is kept
	// (RFC 5321 2.4: only the host that receives it may interpret it).
	Local string
	// Domain is lower case without a trailing dot, or an address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]". The doors
	// turn U-labels into A-labels (package rfc/smtp) before an address goes further, so equal domains are equal strings.
	Domain string
}

// ParseAddress reads local@domain, without angle brackets. It is liberal where mail in use is: dots may stand anywhere
// in an unquoted local part, and labels may hold an underscore; String writes the first of these quoted, as the grammar
// wants it.
func ParseAddress(s string) (Address, error) {
	local, rest, err := cutLocal(s)
	if err != nil {
		return Address{}, badAddress(s, err)
	}
	if rest == "" {
		return Address{}, badAddress(s, errors.New(`no "@domain" after the local part`))
	}
	domain, err := ParseDomain(rest[len("@"):])
	if err != nil {
		return Address{}, badAddress(s, err)
	}
	a := Address{local, domain}
	if err := a.checkLength(); err != nil {
		return Address{}, badAddress(s, err)
	}
	return a, nil
}

func badAddress(s string, cause error) error {
	return E("mail.ParseAddress", Invalid, fmt.Errorf("%.80q is not an address: %w", s, cause))
}

func (a Address) checkLength() error {
	if n := len(quoteLocal(a.Local)); n > MaxLocalLength {
		return fmt.Errorf("the local part has %d bytes, the limit is %d", n, MaxLocalLength)
	}
	if n := len(a.String()); n > MaxAddressLength {
		return fmt.Errorf("it has %d bytes, the limit is %d", n, MaxAddressLength)
	}
	return nil
}

// cutLocal takes the local part, a Dot-string or a Quoted-string (RFC 5321 4.1.2), from the front of s, up to the end or
// an @.
func cutLocal(s string) (local, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		if local, rest, err = cutQuoted(s); err == nil && rest != "" && rest[0] != '@' {
			err = fmt.Errorf("%q follows the quoted local part; what follows is @ and the domain", first(rest))
		}
		return local, rest, err
	}
	end := 0
	for end < len(s) {
		r, n := utf8.DecodeRuneInString(s[end:])
		if r != '.' && !isAtext(r, n) {
			break
		}
		end += n
	}
	switch local, rest = s[:end], s[end:]; {
	case rest != "" && rest[0] != '@':
		return "", s, fmt.Errorf("the local part may not hold %q outside quotes", first(rest))
	case local == "":
		return "", s, errors.New("the local part is empty")
	}
	return local, rest, nil
}

// first is the first character of s, or its first byte if that is not UTF-8.
func first(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

// cutQuoted takes a Quoted-string. RFC 5321 4.1.2 has no control characters in it, RFC 6531 3.3 adds all of UTF-8.
func cutQuoted(s string) (local, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); {
		if s[i] == '"' {
			return b.String(), s[i+1:], nil
		}
		if s[i] == '\\' {
			i++
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if n == 0 {
			break
		}
		if !isText(r, n) {
			return "", s, errors.New("a quoted local part holds a control character or bad UTF-8")
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return "", s, errors.New("the quote before the local part is never closed")
}

// isText reports whether r, decoded from n bytes, is printable ASCII, space, or UTF-8 that is not a control.
func isText(r rune, n int) bool {
	return !unicode.IsControl(r) && (r != utf8.RuneError || n > 1)
}

// isAtext is RFC 5322's atext plus RFC 6531's UTF8-non-ascii.
func isAtext(r rune, n int) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	case r < utf8.RuneSelf:
		return strings.IndexByte("!#$%&'*+-/=?^_`{|}~", byte(r)) >= 0
	}
	return isText(r, n) && !unicode.IsSpace(r)
}

// ParseDomain checks a domain name or an address literal in brackets, and returns it in the form Address holds: ASCII
// in lower case, literals as Go's netip prints them. U-labels stay what they are.
func ParseDomain(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("the domain is empty")
	case s[0] == '[':
		return parseLiteral(s)
	case len(s) > MaxDomainLength:
		return "", fmt.Errorf("the domain has %d bytes, the limit is %d", len(s), MaxDomainLength)
	case !utf8.ValidString(s):
		return "", errors.New("the domain is not UTF-8")
	}
	for label := range strings.SplitSeq(s, ".") {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	return strings.ToLower(s), nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("the domain has an empty label (a dot at its start or end, or two in a row)")
	case len(label) > 63 && isASCII(label): // U-labels are measured as A-labels, where they are converted
		return fmt.Errorf("a label of the domain has %d bytes, the limit is 63", len(label))
	case label[0] == '-' || label[len(label)-1] == '-':
		return errors.New("a label of the domain begins or ends with a hyphen")
	}
	for _, r := range label {
		if r < utf8.RuneSelf && r != '-' && (!isAtext(r, 1) || strings.IndexByte("!#$%&'*+/=?^`{|}~", byte(r)) >= 0) ||
			r >= utf8.RuneSelf && (unicode.IsControl(r) || unicode.IsSpace(r)) {
			return fmt.Errorf("a domain may not hold %q", r)
		}
	}
	return nil
}

// parseLiteral reads an IPv4 or IPv6 address literal (RFC 5321 4.1.3). No other kind has ever been registered.
func parseLiteral(s string) (string, error) {
	text, found := strings.CutSuffix(s[1:], "]")
	if found {
		if tag := "IPv6:"; len(text) > len(tag) && strings.EqualFold(text[:len(tag)], tag) {
			ip, err := netip.ParseAddr(text[len(tag):])
			if err == nil && ip.Is6() && ip.Zone() == "" {
				return "[" + tag + ip.String() + "]", nil
			}
		} else if ip, err := netip.ParseAddr(text); err == nil && ip.Is4() {
			return "[" + ip.String() + "]", nil
		}
	}
	return "", fmt.Errorf("%.60q is not an address literal like [192.0.2.1] or [IPv6:2001:db8::1]", s)
}

// String writes the address as SMTP wants it inside the angle brackets, the local part quoted where it must be. The
// null reverse-path is the empty string.
func (a Address) String() string {
	switch {
	case a.IsNull():
		return ""
	case a.Domain == "":
		return quoteLocal(a.Local)
	}
	return quoteLocal(a.Local) + "@" + a.Domain
}

// IsNull reports whether a is the null reverse-path "<>", which failure reports carry (RFC 5321 4.5.5).
func (a Address) IsNull() bool { return a == Address{} }

// IsLiteral reports whether the domain is an address literal.
func (a Address) IsLiteral() bool { return strings.HasPrefix(a.Domain, "[") }

// IsASCII reports whether the address can travel without SMTPUTF8 (RFC 6531).
func (a Address) IsASCII() bool { return isASCII(a.Local) && isASCII(a.Domain) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// quoteLocal returns local as a Dot-string where the grammar of RFC 5321 4.1.2 lets it, else as a Quoted-string.
func quoteLocal(local string) string {
	if isDotString(local) {
		return local
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(local) {
		if local[i] == '"' || local[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(local[i])
	}
	b.WriteByte('"')
	return b.String()
}

func isDotString(s string) bool {
	atStart := true
	for i, r := range s {
		if r == '.' {
			if atStart {
				return false
			}
			atStart = true
			continue
		}
		if n := utf8.RuneLen(r); r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") || !isAtext(r, n) {
			return false
		}
		atStart = false
	}
	return !atStart
}
