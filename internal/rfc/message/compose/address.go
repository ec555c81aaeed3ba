package compose

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// Address is a mailbox of RFC 5322 3.4. Email is what a user has typed, which in a draft may be no address yet.
type Address struct{ Name, Email string }

// Group is a group of RFC 5322 3.4. Addresses that belong to none are in one without a name that is not Named.
type Group struct {
	Named     bool
	Name      string
	Addresses []Address
}

// Addresses makes a field of an address list.
func Addresses(name string, groups []Group) (Field, error) {
	if err := checkName(name); err != nil {
		return Field{}, err
	}
	f := newFolder(name)
	groups = slices.DeleteFunc(slices.Clone(groups), func(g Group) bool { return !g.Named && len(g.Addresses) == 0 })
	count := 0
	for i, g := range groups {
		if err := checkText(name, g.Name); err != nil {
			return Field{}, err
		}
		if count += len(g.Addresses) + 1; count > maxItems {
			return Field{}, invalid(name, errManyIDs)
		}
		last := ","
		if i == len(groups)-1 {
			last = ""
		}
		if g.Named {
			f.phrase(g.Name, ":")
			last = ";" + last
		}
		if g.Named && len(g.Addresses) == 0 {
			f.put("", last)
		}
		for j, a := range g.Addresses {
			end := ","
			if j == len(g.Addresses)-1 {
				end = last
			}
			if err := f.address(a, end); err != nil {
				return Field{}, err
			}
		}
	}
	return f.field(), nil
}

func (f *folder) address(a Address, end string) error {
	if err := checkText(f.name, a.Name, a.Email); err != nil {
		return err
	}
	if a.Name == "" && a.Email == "" {
		return invalid(f.name, errNobody)
	}
	spec := addrSpec(a.Email)
	if len(spec)+len(f.name)+10 > maxLine {
		return invalid(f.name, errLong)
	}
	if a.Name == "" {
		f.word(spec + end)
		return nil
	}
	f.phrase(a.Name, "")
	f.word("<" + spec + ">" + end)
	return nil
}

// addrSpec writes an address as RFC 5322 3.4.1 wants it, the domain in A-labels. What is none becomes a local part alone.
func addrSpec(email string) string {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Domain == "" {
		if local, domain, ok := cutLast(email, '@'); ok && local != "" {
			if ascii, err := smtp.ASCIIDomain(domain); err == nil {
				if a, err := mail.ParseAddress(local + "@" + ascii); err == nil {
					return a.String()
				}
			}
		}
		if email == "" || isDotAtom(email) {
			return email
		}
		return quoted(email)
	}
	if ascii, err := smtp.ASCIIDomain(a.Domain); err == nil && !a.IsLiteral() {
		// Its case is kept: clients compare what they read with what they wrote.
		if _, domain, ok := cutLast(email, '@'); !ok || !strings.EqualFold(domain, ascii) {
			a.Domain = ascii
		} else {
			a.Domain = domain
		}
	}
	return a.String()
}

func cutLast(s string, c byte) (before, after string, ok bool) {
	at := strings.LastIndexByte(s, c)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at+1:], true
}

// phrase writes a display name (RFC 5322 3.2.5) as atoms, else quoted, else in encoded words.
func (f *folder) phrase(s, end string) {
	switch {
	case s == "":
		f.word(`""` + end)
	case !isASCII(s) || len(s) > maxPlain/2 || strings.Contains(s, "=?"):
		f.encoded(s)
		if end != "" {
			f.word(end) // RFC 2047 5 (3): white space parts an encoded word from what is around it
		}
	case isAtoms(s):
		words := strings.Split(s, " ")
		for i, w := range words {
			if i == len(words)-1 {
				w += end
			}
			f.word(w)
		}
	default:
		f.word(quoted(s) + end)
	}
}

const atext = "!#$%&'*+-/=?^_`{|}~"

func isAtom(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(atext, c) >= 0
}

func isAtoms(s string) bool {
	for w := range strings.SplitSeq(s, " ") {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return r >= 0x80 || !isAtom(byte(r)) }) {
			return false
		}
	}
	return true
}

func isDotAtom(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 0x80 && r != '.' && !isAtom(byte(r)) })
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
