package compose

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Limits of a line (RFC 5322 2.1.1), without its end.
const (
	maxLine  = 998
	softLine = 76 // and of a line with encoded words (RFC 2047 2)
)

// Field is a header field that is ready to be written.
type Field struct {
	Name string
	body string // all behind the colon, folded, without the last line end
}

func (f Field) String() string { return f.Name + ":" + f.body + "\r\n" }

var (
	errName     = errors.New("the name of a header field is printable US-ASCII without space and colon")
	errFold     = errors.New("a line end in a header field must be CR LF with a space or tab behind it, which something else follows")
	errControl  = errors.New("a header field may hold no control characters")
	errLong     = fmt.Errorf("a line of a header field has at most %d bytes", maxLine)
	errUTF8     = errors.New("a header field must be UTF-8")
	errID       = errors.New("a message id is one word without angle brackets")
	errURL      = errors.New("a URL is US-ASCII without spaces and angle brackets")
	errNobody   = errors.New("an address needs an email or a name")
	errToken    = errors.New("a MIME token is US-ASCII without spaces and ()<>@,;:\\\"/[]?=")
	errManyIDs  = fmt.Errorf("a header field holds at most %d message ids, URLs or addresses", maxItems)
	errLongName = fmt.Errorf("the name of a header field has at most %d characters", maxName)
)

const (
	maxName  = 76
	maxItems = 10_000
)

func invalid(field string, err error) error {
	return mail.E("compose", mail.Invalid, fmt.Errorf("%.80s: %w", field, err))
}

func checkName(name string) error {
	if len(name) > maxName {
		return invalid(name, errLongName)
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
		return invalid(name, errName)
	}
	return nil
}

// Raw makes a field of a value that is written as it is: all that stands behind the colon, folds included.
func Raw(name, value string) (Field, error) {
	if err := checkName(name); err != nil {
		return Field{}, err
	}
	if !utf8.ValidString(value) {
		return Field{}, invalid(name, errUTF8)
	}
	length := len(name) + 1
	for i, line := range strings.Split(value, "\r\n") {
		if i > 0 && (line == "" || line[0] != ' ' && line[0] != '\t' || strings.Trim(line, " \t") == "") {
			return Field{}, invalid(name, errFold)
		}
		if strings.ContainsAny(line, "\r\n") {
			return Field{}, invalid(name, errFold)
		}
		if hasControl(line) {
			return Field{}, invalid(name, errControl)
		}
		if length += len(line); length > maxLine {
			return Field{}, invalid(name, errLong)
		}
		length = 0
	}
	return Field{name, value}, nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// checkText refuses what no form but Raw may hold: control characters, of which the line ends are some.
func checkText(name string, texts ...string) error {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return invalid(name, errUTF8)
		}
		if hasControl(s) || strings.ContainsAny(s, "\t") {
			return invalid(name, errControl)
		}
	}
	return nil
}

// Text makes a field of unstructured text (RFC 5322 2.2.1).
func Text(name, text string) (Field, error) {
	if err := checkName(name); err != nil {
		return Field{}, err
	}
	if err := checkText(name, text); err != nil {
		return Field{}, err
	}
	f := newFolder(name)
	f.text(text)
	return f.field(), nil
}

// Date makes a field of a date (RFC 5322 3.3).
func Date(name string, at time.Time) (Field, error) {
	const layout = "Mon, 2 Jan 2006 15:04:05 -0700"
	if err := checkName(name); err != nil {
		return Field{}, err
	}
	return Field{name, " " + at.Format(layout)}, nil
}

// MessageIDs makes a field of ids, which have no angle brackets here (RFC 5322 3.6.4).
func MessageIDs(name string, ids []string) (Field, error) {
	return bracketed(name, ids, " ", errID, func(r rune) bool { return false })
}

// URLs makes a field of URLs (RFC 2369).
func URLs(name string, urls []string) (Field, error) {
	return bracketed(name, urls, ", ", errURL, func(r rune) bool { return r >= utf8.RuneSelf })
}

func bracketed(name string, items []string, between string, wrong error, bad func(rune) bool) (Field, error) {
	if err := checkName(name); err != nil {
		return Field{}, err
	}
	if len(items) > maxItems {
		return Field{}, invalid(name, errManyIDs)
	}
	f := newFolder(name)
	for i, s := range items {
		if s == "" || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' || r == '>' || bad(r) }) {
			return Field{}, invalid(name, wrong)
		}
		if len(s) > maxLine-maxName-10 {
			return Field{}, invalid(name, errLong)
		}
		if i < len(items)-1 {
			f.word("<" + s + ">" + strings.TrimRight(between, " "))
		} else {
			f.word("<" + s + ">")
		}
	}
	return f.field(), nil
}

// Parameters makes a field of a token with parameters, such as Content-Disposition (RFC 2045 5.1, RFC 2231).
func Parameters(name, value string, params header.Params) (Field, error) {
	if err := checkName(name); err != nil {
		return Field{}, err
	}
	for token := range strings.SplitSeq(value, "/") {
		if !isToken(token) {
			return Field{}, invalid(name, errToken)
		}
	}
	f := newFolder(name)
	written := []string{value}
	for _, p := range params {
		if !isToken(p.Name) || len(p.Name) > 60 || strings.ContainsAny(p.Name, "*'%") {
			return Field{}, invalid(name, errToken)
		}
		if !utf8.ValidString(p.Value) {
			return Field{}, invalid(name, errUTF8)
		}
		written = append(written, parameter(p)...)
	}
	for i, w := range written {
		if i < len(written)-1 {
			w += ";"
		}
		f.word(w)
	}
	return f.field(), nil
}
