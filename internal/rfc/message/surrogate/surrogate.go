// Package surrogate makes a message with an internationalized header (RFC 6532) fit for programs that understand only
// RFC 5322: RFC 6856 2.1 calls the result a surrogate message.
//
// It loses nothing that a reader would see. Text and names become encoded words (RFC 2047), parameters become extended
// ones (RFC 2231), domains A-labels; an address whose local part is not ASCII stands encoded in the display name beside
// an address that cannot be answered (RFC 6858 2.1.1 does alike). In other fields, which programs read and people do not,
// each octet above 127 becomes a question mark.
//
// Fields that are ASCII pass byte for byte, and so do those that are not UTF-8: they are not RFC 6532's, and every
// program has its own way with them. The body, the headers of its parts included, is never touched.
//
// At most MaxHeader octets are held and looked at; a longer header passes from there on as it is.
package surrogate

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// MaxHeader is how much of a message is taken for its header.
const MaxHeader = 1 << 20

const firstRead = 4 << 10

// Reader reads a message, and as its surrogate where it needs one, which changed tells. Its errors are content's.
func Reader(content io.Reader) (r io.Reader, changed bool, err error) {
	read, end, err := readHeader(content)
	if err != nil {
		return nil, false, err
	}
	block, needed := Header(read[:end])
	if !needed {
		return io.MultiReader(bytes.NewReader(read), content), false, nil
	}
	return io.MultiReader(bytes.NewReader(block), bytes.NewReader(read[end:]), content), true, nil
}

// readHeader reads at least the header and says where it ends.
func readHeader(content io.Reader) (read []byte, end int, err error) {
	read = make([]byte, 0, firstRead)
	line := 0 // where the line under way begins
	for len(read) < MaxHeader {
		if len(read) == cap(read) {
			read = append(make([]byte, 0, 4*cap(read)), read...)
		}
		n, err := content.Read(read[len(read):cap(read)])
		read = read[:len(read)+n]
		for {
			i := bytes.IndexByte(read[line:], '\n')
			if i < 0 {
				break
			}
			next := line + i + 1
			if header.IsBlank(read[line:next]) {
				return read, next, nil
			}
			line = next
		}
		if errors.Is(err, io.EOF) {
			return read, len(read), nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return read, len(read), nil
}

// Header returns a header block as it is in the surrogate. needed is false where that is the same.
func Header(block []byte) (out []byte, needed bool) {
	if !international(block) {
		return block, false
	}
	at := 0
	for f := range header.Fields(block) {
		if !international(f.Raw) || !utf8.Valid(f.Raw) {
			continue
		}
		out = append(append(out, block[at:f.Offset]...), convert(f)...)
		at = f.Offset + f.Length
	}
	return append(out, block[at:]...), at > 0
}

func international(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// kind is how the value of a field is read.
type kind int

const (
	unstructured kind = iota // which those are that nobody knows
	addresses
	parameters
	opaque
)

var kinds = map[string]kind{
	"from": addresses, "sender": addresses, "reply-to": addresses, "to": addresses, "cc": addresses, "bcc": addresses,
	"resent-from": addresses, "resent-sender": addresses, "resent-reply-to": addresses, "resent-to": addresses,
	"resent-cc": addresses, "resent-bcc": addresses, "mail-followup-to": addresses, "disposition-notification-to": addresses,
	"content-type": parameters, "content-disposition": parameters,
	"received": opaque, "return-path": opaque, "delivered-to": opaque, "date": opaque, "resent-date": opaque,
	"message-id": opaque, "resent-message-id": opaque, "in-reply-to": opaque, "references": opaque,
	"mime-version": opaque, "content-transfer-encoding": opaque, "content-id": opaque, "content-location": opaque,
	"dkim-signature": opaque, "arc-seal": opaque, "arc-message-signature": opaque, "arc-authentication-results": opaque,
	"authentication-results": opaque, "received-spf": opaque,
}

// convert writes a field in ASCII.
func convert(f header.Field) []byte {
	value := ""
	switch kinds[strings.ToLower(string(f.Name))] {
	case addresses:
		value = convertAddresses(f.Value())
	case parameters:
		value = convertParameters(string(f.Name), f.Value())
	case unstructured:
		value = words(len(f.Name)+len(": "), f.Value(), false)
	}
	if value == "" {
		return masked(f)
	}
	return append(append(append(append([]byte(nil), f.Name...), ": "...), value...), "\r\n"...)
}

// masked is the field with a question mark for each octet that is not ASCII.
func masked(f header.Field) []byte {
	out := append(append(append([]byte(nil), f.Name...), ':'), f.Raw...)
	for i, c := range out {
		if c >= utf8.RuneSelf {
			out[i] = '?'
		}
	}
	return out
}

const (
	maxLine     = 76 // RFC 2047 2, of a line with encoded words
	longestName = len("Disposition-Notification-To: ")
)

// words encodes a text, which begins at a column. Encoded words that it has already are decoded first. RFC 2047 5 (3): the
// specials may not stand in a word that is part of a display name.
func words(column int, text string, name bool) string {
	encoder := mime.QEncoding
	if text = header.DecodeWords(text); 2*len(text) > 3*utf8.RuneCountInString(text) || name && strings.ContainsAny(text, `()<>[]:;@\,."`) {
		encoder = mime.BEncoding
	}
	encoded := strings.ReplaceAll(encoder.Encode("utf-8", text), "?= =?", "?=\r\n =?")
	if first, _, _ := strings.Cut(encoded, "\r\n"); column+len(first) > maxLine {
		return "\r\n " + encoded
	}
	return encoded
}

// unanswerable stands for an address that cannot be written in ASCII. RFC 2606 2: nobody has the domain.
const unanswerable = "invalid@internationalized-address.invalid"

func convertAddresses(value string) string {
	var b strings.Builder
	inGroup, first := false, true
	for _, a := range header.ParseAddresses(value, header.MaxAddresses) {
		if a.Kind == header.GroupEnd {
			b.WriteString(";")
			inGroup = false
			continue
		}
		if !first {
			b.WriteString(",\r\n ")
		}
		if first = false; a.Kind == header.GroupStart {
			b.WriteString(phrase(a.Name) + ": ")
			inGroup, first = true, true
			continue
		}
		b.WriteString(convertAddress(a))
	}
	if inGroup {
		b.WriteString(";")
	}
	return b.String()
}

func convertAddress(a header.Address) string {
	name, spec := a.Name, mail.Address{Local: a.Local, Domain: a.Domain}
	if domain, err := idna.Lookup.ToASCII(a.Domain); err == nil {
		spec.Domain = domain
	}
	if spec.IsASCII() && a.Domain != "" {
		if name == "" {
			return spec.String()
		}
		return phrase(name) + " <" + spec.String() + ">"
	}
	return phrase(strings.TrimSpace(name+" <"+a.Spec()+">")) + " <" + unanswerable + ">"
}

// phrase writes a display name (RFC 5322 3.2.5).
func phrase(name string) string {
	if international([]byte(name)) || strings.Contains(name, "=?") {
		return words(longestName, name, true)
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

func convertParameters(name, value string) string {
	if strings.EqualFold(name, "content-disposition") {
		disposition, params := header.ParseDisposition(value)
		return formatParameters(disposition, params)
	}
	main, sub, params, ok := header.ParseMediaType(value)
	if !ok {
		return ""
	}
	return formatParameters(main+"/"+sub, params)
}

func formatParameters(value string, params header.Params) string {
	named := map[string]string{}
	for _, p := range params.Decoded() {
		named[p.Name] = params.Get(p.Name)
	}
	return strings.ReplaceAll(mime.FormatMediaType(value, named), "; ", ";\r\n ")
}
