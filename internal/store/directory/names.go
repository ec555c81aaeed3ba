package directory

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// idnaProfile maps as UTS 46 wants it for look-ups and for names that people type (upper case, full width), and lets
// underscores be, which mail in use has.
var idnaProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.BidiRule())

// NormalDomain returns a domain in the form it is kept in: A-labels, lower case.
func NormalDomain(name string) (string, error) {
	const op = "directory.NormalDomain"
	d, err := mail.ParseDomain(strings.TrimSuffix(name, "."))
	if err != nil {
		return "", mail.E(op, mail.Invalid, fmt.Errorf("%.80q is not a domain: %w", name, err))
	}
	if strings.HasPrefix(d, "[") {
		return "", mail.E(op, mail.Invalid, fmt.Errorf("%s is an address literal: a domain is a name", d))
	}
	if !isASCII(d) {
		if d, err = idnaProfile.ToASCII(d); err != nil {
			return "", mail.E(op, mail.Invalid, fmt.Errorf("%.80q is not a domain: %w", name, err))
		}
		if d, err = mail.ParseDomain(d); err != nil { // A-labels may be too long
			return "", mail.E(op, mail.Invalid, fmt.Errorf("%.80q is not a domain: %w", name, err))
		}
	}
	return d, nil
}

// ParseAddress reads an address that a person typed, with the domain in the form it is kept in.
func ParseAddress(s string) (mail.Address, error) {
	a, err := mail.ParseAddress(strings.TrimSpace(s))
	if err != nil {
		return mail.Address{}, err
	}
	if a.Local == "" {
		return mail.Address{}, mail.E("directory.ParseAddress", mail.Invalid, errors.New("the local part of an address here is not empty"))
	}
	a.Local = norm.NFC.String(a.Local)
	a.Domain, err = NormalDomain(a.Domain)
	return a, err
}

// key is an address as it is looked up.
type key struct{ local, domain string }

func keyOf(a mail.Address) key {
	k := key{fold(a.Local), a.Domain}
	if !isASCII(k.domain) { // doors hand us A-labels; this is for whoever did not
		if d, err := NormalDomain(k.domain); err == nil {
			k.domain = d
		}
	}
	return k
}

// address is the key as an address, as chained targets are kept.
func (k key) address() mail.Address { return mail.Address{Local: k.local, Domain: k.domain} }

// fold makes local parts that are the same to us equal. Lower case is Unicode's simple mapping: full case folding would
// also make "ß" equal to "ss", which people tell apart.
func fold(local string) string {
	if isASCII(local) {
		return strings.ToLower(local)
	}
	// Lower case of composed text can decompose again (U+0130), hence twice.
	return norm.NFC.String(strings.ToLower(norm.NFC.String(local)))
}

// cutDetail splits user+detail. A plus at the beginning splits nothing.
func cutDetail(local string) (user, detail string, found bool) {
	user, detail, found = strings.Cut(local, "+")
	if user == "" {
		return local, "", false
	}
	return user, detail, found
}

func isRole(local string) bool { return local == "postmaster" || local == "abuse" }

const maxName = 200 // characters of a display name

func checkName(name string) (string, error) {
	name = norm.NFC.String(strings.TrimSpace(name))
	if utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name) {
		return "", fmt.Errorf("a display name has at most %d characters, none of them control characters", maxName)
	}
	return name, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
