package smtp

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// toASCII maps U-labels the way lookups do (UTS 46, non-transitional) and refuses what no registry would give out.
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.BidiRule())

// ASCIIDomain turns the U-labels of a domain into A-labels, lower case: the one form in which domains are compared and
// kept. ASCII domains and address literals come back as mail.ParseDomain has them.
func ASCIIDomain(domain string) (string, error) {
	domain, err := mail.ParseDomain(domain)
	if err != nil || isASCII(domain) {
		return domain, err
	}
	ascii, err := toASCII.ToASCII(domain)
	if err != nil {
		return "", fmt.Errorf("%.80q is not an internationalized domain name: %w", domain, err)
	}
	return mail.ParseDomain(ascii)
}

// DisplayDomain turns A-labels into U-labels for people; what cannot be turned stays.
func DisplayDomain(domain string) string {
	if display, err := idna.Display.ToUnicode(domain); err == nil {
		return display
	}
	return domain
}

// CheckHello checks the argument of EHLO, HELO or LHLO. RFC 5321 4.1.1.1 wants a domain or address literal; names in use
// have underscores and worse, and RFC 5321 4.1.4 forbids to refuse mail over them. What it must be is one printable word.
func CheckHello(arg string) error {
	switch {
	case arg == "":
		return errors.New("give your domain or address literal")
	case len(arg) > mail.MaxDomainLength:
		return fmt.Errorf("the name has more than %d bytes", mail.MaxDomainLength)
	}
	for i := range len(arg) {
		if c := arg[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),;<>@\`, c) >= 0 {
			return errors.New("the name is neither a domain nor an address literal")
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
