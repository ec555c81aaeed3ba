package smtp

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Limits of parameter values.
const (
	maxEnvID    = 100 // RFC 3461 4.4, before decoding
	maxOriginal = 500 // RFC 3461 4.2
)

// ParseMail reads the arguments of MAIL: "FROM:<reverse-path> parameters". Errors are mail.Reply.
func ParseMail(args string, x Extensions) (mail.Envelope, error) {
	var e mail.Envelope
	path, parameters, err := cutArgument(args, "FROM:", reply(501, 5, 1, 7, "the syntax is MAIL FROM:<address>"))
	if err != nil {
		return e, err
	}
	needUTF8 := false
	if path != "" {
		if e.ReversePath, needUTF8, err = parsePath(path); err != nil {
			return e, reply(501, 5, 1, 7, "bad sender address: "+err.Error()) // RFC 3463: X.1.7
		}
	}
	if err := eachParameter(parameters, func(p parameter) error { return setMail(&e, p, x) }); err != nil {
		return e, err
	}
	if needUTF8 && !e.SMTPUTF8 {
		return e, needsUTF8(550)
	}
	return e, checkTimes(&e)
}

// ParseRcpt reads the arguments of RCPT: "TO:<forward-path> parameters". utf8 says that MAIL had SMTPUTF8.
func ParseRcpt(args string, utf8 bool) (mail.Recipient, error) {
	var r mail.Recipient
	path, parameters, err := cutArgument(args, "TO:", reply(501, 5, 1, 3, "the syntax is RCPT TO:<address>"))
	if err != nil {
		return r, err
	}
	needUTF8 := false
	if r.Address, needUTF8, err = parseRecipientPath(path); err != nil {
		return r, reply(501, 5, 1, 3, "bad recipient address: "+err.Error()) // RFC 3463: X.1.3
	}
	if needUTF8 && !utf8 {
		return r, needsUTF8(553)
	}
	return r, eachParameter(parameters, func(p parameter) error { return setRcpt(&r, p) })
}

// needsUTF8 is RFC 6531 3.5's answer: 550 to MAIL, 553 to RCPT; RFC 5248 and the registry say what X.6.7 means.
func needsUTF8(code int) mail.Reply {
	return reply(code, 5, 6, 7, "an address with non-ASCII characters needs SMTPUTF8 in MAIL")
}

// cutArgument takes "FROM:<path>" or "TO:<path>" off the arguments.
func cutArgument(args, name string, syntax mail.Reply) (path, parameters string, err error) {
	if len(args) < len(name) || !strings.EqualFold(args[:len(name)], name) {
		return "", "", syntax
	}
	path, parameters, err = cutPath(strings.TrimLeft(args[len(name):], " "))
	if err != nil {
		syntax.Text += ": " + err.Error()
		return "", "", syntax
	}
	return path, parameters, nil
}

// parameter is one esmtp-param (RFC 5321 4.1.2).
type parameter struct {
	keyword  string // upper case
	value    string
	hasValue bool
}

func (p parameter) bad(right string) error {
	return reply(501, 5, 5, 4, p.keyword+": "+right)
}

// unknown is RFC 5321 4.1.1.11: 555 when the server does not recognize or implement a parameter.
func (p parameter) unknown() error {
	return reply(555, 5, 5, 4, fmt.Sprintf("the parameter %.40s is not known here", p.keyword))
}

// eachParameter splits parameters, each of which may stand once.
func eachParameter(s string, set func(parameter) error) error {
	if s == "" {
		return nil
	}
	seen := make(map[string]bool, 4)
	for word := range strings.FieldsSeq(s) {
		var p parameter
		p.keyword, p.value, p.hasValue = strings.Cut(word, "=")
		if !isKeyword(p.keyword) || p.hasValue && (p.value == "" || strings.Contains(p.value, "=")) {
			return reply(501, 5, 5, 4, fmt.Sprintf("%.60q is not a parameter: the syntax is KEYWORD or KEYWORD=value", word))
		}
		p.keyword = strings.ToUpper(p.keyword)
		if seen[p.keyword] {
			return p.bad("it is given twice")
		}
		seen[p.keyword] = true
		if err := set(p); err != nil {
			return err
		}
	}
	return nil
}

func isKeyword(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' && i > 0) {
			return false
		}
	}
	return s != ""
}

func setMail(e *mail.Envelope, p parameter, x Extensions) error {
	switch p.keyword {
	case "SIZE": // RFC 1870 4
		n, ok := parseNumber(p.value)
		if !ok {
			return p.bad("it wants a number of bytes")
		}
		e.Size = n
	case "BODY": // RFC 6152 2, RFC 3030 3
		e.Body = mail.BodyType(strings.ToUpper(p.value))
		if e.Body != mail.Body7Bit && e.Body != mail.Body8BitMIME && e.Body != mail.BodyBinary {
			return p.bad("it is one of 7BIT, 8BITMIME, BINARYMIME")
		}
	case "SMTPUTF8": // RFC 6531 3.4: takes no value
		if p.hasValue {
			return p.bad("it takes no value")
		}
		e.SMTPUTF8 = true
	case "RET": // RFC 3461 4.3
		e.Ret = mail.Ret(strings.ToUpper(p.value))
		if e.Ret != mail.RetFull && e.Ret != mail.RetHeaders {
			return p.bad("it is one of FULL, HDRS")
		}
	case "ENVID": // RFC 3461 4.4
		id, err := decodeXtext(p.value)
		if err != nil || id == "" || !isASCII(id) || len(p.value) > maxEnvID {
			return p.bad(fmt.Sprintf("it wants 1 to %d characters of xtext", maxEnvID))
		}
		e.EnvID = id
	default:
		if set := x.parameter(p.keyword); set != nil {
			return set(x, e, p)
		}
		return p.unknown()
	}
	return nil
}

func setRcpt(r *mail.Recipient, p parameter) error {
	switch p.keyword {
	case "NOTIFY":
		notify, ok := parseNotify(p.value)
		if !ok {
			return p.bad("it is NEVER, or some of SUCCESS,FAILURE,DELAY")
		}
		r.Notify = notify
	case "ORCPT":
		original, err := parseOriginal(p.value)
		if err != nil {
			return p.bad(err.Error())
		}
		r.Original = original
	default:
		return p.unknown()
	}
	return nil
}

// parseNotify reads RFC 3461 4.1.
func parseNotify(value string) (mail.Notify, bool) {
	var set mail.Notify
	for word := range strings.SplitSeq(strings.ToUpper(value), ",") {
		switch word {
		case "NEVER":
			return mail.NotifyNever, len(value) == len(word)
		case "SUCCESS":
			set |= mail.NotifySuccess
		case "FAILURE":
			set |= mail.NotifyFailure
		case "DELAY":
			set |= mail.NotifyDelay
		default:
			return 0, false
		}
	}
	return set, true
}

// parseOriginal reads RFC 3461 4.2: address type, semicolon, the address as xtext. The type utf-8 is RFC 6533's.
func parseOriginal(value string) (mail.OriginalRecipient, error) {
	kind, encoded, _ := strings.Cut(value, ";")
	kind = strings.ToLower(kind)
	if len(value) > maxOriginal || !isKeyword(kind) || encoded == "" {
		return mail.OriginalRecipient{}, fmt.Errorf("it wants type;address with at most %d characters", maxOriginal)
	}
	decode := decodeXtext
	if kind == "utf-8" {
		decode = decodeUTF8Address
	}
	address, err := decode(encoded)
	switch {
	case err != nil:
		return mail.OriginalRecipient{}, err
	case isASCII(address):
	case !utf8.ValidString(address):
		return mail.OriginalRecipient{}, errors.New("it holds bytes that are neither ASCII nor UTF-8")
	case kind == "rfc822":
		kind = "utf-8" // RFC 6533 3 has this type for it; Postfix 3.7 writes UTF-8 as xtext of the other
	}
	return mail.OriginalRecipient{Type: kind, Address: address}, nil
}
