package imapurl

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// URL names a message or a part of one.
type URL struct {
	Server      *Server // nil: the URL names none
	Mailbox     string  // UTF-8, in Normalization Form C
	UIDValidity uint32  // 0: not given
	UID         mail.UID
	Section     imap.Section
	Partial     *imap.Partial // nil: all octets; a Count of MaxInt64 is those up to the end
}

// Server is where a URL leads.
type Server struct {
	User string // "" when not given
	Host string // in lower case
	Port int    // 0 when not given
}

var (
	errScheme    = errors.New("the scheme is not imap")
	errNoMailbox = errors.New("no mailbox is selected that this could be relative to")
	errNoMessage = errors.New("this names no message: /mailbox/;UID=n does")
	errAuth      = errors.New("URLAUTH is not supported")
	errQuery     = errors.New("a search is no message")
	errServer    = errors.New("the server is written [user[;AUTH=mechanism]@]host[:port]")
	errEncoding  = errors.New("a percent sign stands before two hexadecimal digits")
	errOctet     = errors.New("control characters, spaces and octets above 127 must be percent-encoded")
	errText      = errors.New("the text is not UTF-8")
	errNumber    = errors.New("UID and UIDVALIDITY are numbers between 1 and 4294967295")
	errPartial   = errors.New("PARTIAL is an offset, and a dot and a count above 0 where it ends")
)

// Parse reads a URL, absolute or relative to a base of Base, which is "" when there is none.
func Parse(ref, base string) (URL, error) {
	for i := range len(ref) {
		if ref[i] <= ' ' || ref[i] >= 0x7f {
			return URL{}, errOctet
		}
	}
	server, path, err := split(ref, base)
	if err != nil {
		return URL{}, err
	}
	u, err := parsePath(path)
	if err != nil || server == nil {
		return u, err
	}
	u.Server, err = parseServer(*server)
	return u, err
}

// Base is what URLs relative to a mailbox are resolved with.
func Base(mailbox string, uidValidity uint32) string {
	return fmt.Sprintf("/%s;UIDVALIDITY=%d/", encode(mailbox), uidValidity)
}

// split finds the path of a reference (RFC 3986 5.2), and its server where it has one.
func split(ref, base string) (server *string, path string, err error) {
	if head, _, _ := strings.Cut(ref, "/"); strings.Contains(head, ":") { // a scheme: no mailbox can stand before a colon there
		scheme, rest, _ := strings.Cut(ref, ":")
		if !strings.EqualFold(scheme, "imap") || !strings.HasPrefix(rest, "//") {
			return nil, "", errScheme
		}
		ref = rest
	}
	switch {
	case strings.HasPrefix(ref, "//"):
		host, path, _ := strings.Cut(ref[2:], "/")
		return &host, "/" + path, nil
	case strings.HasPrefix(ref, "/"):
		return nil, ref, nil
	case base == "":
		return nil, "", errNoMailbox
	}
	return nil, base[:strings.LastIndexByte(base, '/')+1] + ref, nil
}

// parseServer reads iserver (RFC 5092 11). How the user signs in is of no interest here.
func parseServer(s string) (*Server, error) {
	out := &Server{}
	if user, host, found := strings.Cut(s, "@"); found {
		name, auth, hasAuth := strings.Cut(user, ";")
		if hasAuth && (len(auth) < 6 || !strings.EqualFold(auth[:5], "AUTH=")) {
			return nil, errServer
		}
		var err error
		if out.User, err = decode(name); err != nil {
			return nil, err
		}
		s = host
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return nil, errServer
		}
		out.Port = int(n)
	}
	if host == "" || strings.ContainsAny(host, "@;/%") {
		return nil, errServer
	}
	out.Host = strings.ToLower(host)
	return out, nil
}

// parsePath reads "/" mailbox [";UIDVALIDITY=" n] "/;UID=" n ["/;SECTION=" s] ["/;PARTIAL=" p].
func parsePath(path string) (u URL, err error) {
	if strings.Contains(path, "?") {
		return u, errQuery
	}
	mailbox, params, found := strings.Cut(path[1:], "/;")
	if !found {
		return u, errNoMessage
	}
	name, validity, hasValidity := strings.Cut(mailbox, ";")
	if hasValidity {
		if u.UIDValidity, err = number(validity, "UIDVALIDITY="); err != nil {
			return u, err
		}
	}
	if name, err = decode(name); err != nil {
		return u, err
	}
	if u.Mailbox, err = (imap.Dialect{UTF8Accept: true}).MailboxName(name); err != nil {
		return u, err
	}
	if strings.Contains(strings.ReplaceAll(params, "/;", ""), ";") { // ";EXPIRE=" and ";URLAUTH=" stand at the end
		return u, errAuth
	}
	all := strings.Split(params, "/;")
	uid, err := number(all[0], "UID=")
	if err != nil {
		return u, err
	}
	u.UID = mail.UID(uid)
	return u, u.parsePart(all[1:])
}

// parsePart reads what follows the UID.
func (u *URL) parsePart(params []string) (err error) {
	for i, p := range params {
		name, value, _ := strings.Cut(p, "=")
		switch {
		case i == 0 && strings.EqualFold(name, "SECTION") && value != "":
			if value, err = decode(value); err == nil {
				u.Section, err = imap.ParseSection(value)
			}
		case i == len(params)-1 && strings.EqualFold(name, "PARTIAL"):
			u.Partial, err = parsePartial(value)
		default:
			return errNoMessage
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parsePartial(s string) (*imap.Partial, error) {
	offset, count, hasCount := strings.Cut(s, ".")
	p := &imap.Partial{Count: math.MaxInt64}
	var err error
	if p.Offset, err = digits(offset, 63); err == nil && hasCount {
		p.Count, err = digits(count, 63)
	}
	if err != nil || p.Count == 0 {
		return nil, errPartial
	}
	return p, nil
}

// number reads a parameter that is a number above 0.
func number(param, name string) (uint32, error) {
	if len(param) < len(name) || !strings.EqualFold(param[:len(name)], name) {
		return 0, errNoMessage
	}
	n, err := digits(param[len(name):], 32)
	if err != nil || n == 0 {
		return 0, errNumber
	}
	return uint32(n), nil
}

// digits reads a number without a sign.
func digits(s string, bits int) (int64, error) {
	n, err := strconv.ParseUint(s, 10, bits)
	return int64(n), err
}

// decode undoes the percent-encoding of a text.
func decode(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errEncoding
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", errEncoding
		}
		b = append(b, byte(n))
		i += 2
	}
	if !utf8.Valid(b) {
		return "", errText
	}
	return string(b), nil
}

// encode percent-encodes what is not bchar (RFC 5092 11).
func encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!$'()*+,&=:@/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// String writes the URL, relative to its server when it names none.
func (u URL) String() string {
	var b strings.Builder
	if s := u.Server; s != nil {
		b.WriteString("imap://")
		if s.User != "" {
			b.WriteString(strings.NewReplacer(":", "%3A", "@", "%40", "/", "%2F").Replace(encode(s.User)) + "@")
		}
		b.WriteString(s.Host)
		if s.Port != 0 {
			fmt.Fprintf(&b, ":%d", s.Port)
		}
	}
	b.WriteString("/" + encode(u.Mailbox))
	if u.UIDValidity != 0 {
		fmt.Fprintf(&b, ";UIDVALIDITY=%d", u.UIDValidity)
	}
	fmt.Fprintf(&b, "/;UID=%d", u.UID)
	if section := u.Section.AppendTo(nil); len(section) > 0 {
		b.WriteString("/;SECTION=" + encode(string(section)))
	}
	if p := u.Partial; p != nil {
		fmt.Fprintf(&b, "/;PARTIAL=%d", p.Offset)
		if p.Count != math.MaxInt64 {
			fmt.Fprintf(&b, ".%d", p.Count)
		}
	}
	return b.String()
}
