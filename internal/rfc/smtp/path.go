package smtp

import (
	"errors"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// cutPath takes "<...>" from the front of s; parameters follow it after a space. A quoted local part may hold ">".
func cutPath(s string) (path, rest string, err error) {
	if !strings.HasPrefix(s, "<") {
		return "", s, errors.New("the address stands in angle brackets")
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			if i+1 < len(s) && s[i+1] != ' ' {
				return "", s, errors.New("a space separates the address from its parameters")
			}
			return s[1:i], strings.TrimLeft(s[i+1:], " "), nil
		}
	}
	return "", s, errors.New("the angle bracket is not closed")
}

// parsePath reads what stands between the angle brackets and brings the domain to A-labels. needUTF8 says that it
// may only be given together with SMTPUTF8 (RFC 6531 3.5).
func parsePath(path string) (a mail.Address, needUTF8 bool, err error) {
	if strings.HasPrefix(path, "@") {
		if path, err = dropRoute(path); err != nil {
			return mail.Address{}, false, err
		}
	}
	if a, err = mail.ParseAddress(path); err != nil {
		var e *mail.Error
		if errors.As(err, &e) { // the client knows what it called
			err = e.Err
		}
		return mail.Address{}, false, err
	}
	needUTF8 = !a.IsASCII()
	a.Domain, err = ASCIIDomain(a.Domain)
	if err == nil && len(a.String()) > mail.MaxAddressLength {
		err = errors.New("the address is too long")
	}
	return a, needUTF8, err
}

// dropRoute takes a source route, "@one.example,@two.example:", off a path. RFC 5321 3.3, appendix C: it must be
// accepted and should be ignored.
func dropRoute(path string) (string, error) {
	route, address, found := strings.Cut(path, ":")
	if !found {
		return "", errors.New("the source route does not end with a colon")
	}
	for host := range strings.SplitSeq(route, ",") {
		domain, isHost := strings.CutPrefix(host, "@")
		if !isHost {
			return "", errors.New("each host of a source route begins with @")
		}
		if _, err := mail.ParseDomain(domain); err != nil {
			return "", err
		}
	}
	return address, nil
}

// parseRecipientPath also knows "<Postmaster>" without a domain (RFC 5321 4.1.1.3).
func parseRecipientPath(path string) (a mail.Address, needUTF8 bool, err error) {
	if strings.EqualFold(path, "postmaster") {
		return mail.Address{Local: path}, false, nil
	}
	return parsePath(path)
}
