package field

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Of gives the property's value from the fields of a header, which are in order: null or, with All, an empty array where
// none has the name.
func (p Property) Of(fields []header.Field) any {
	if !p.All {
		for i := len(fields) - 1; i >= 0; i-- {
			if p.names(fields[i]) {
				return p.Form.Value(fields[i].Raw)
			}
		}
		return nil
	}
	all := []any{}
	for _, f := range fields {
		if p.names(f) {
			all = append(all, p.Form.Value(f.Raw))
		}
	}
	return all
}

func (p Property) names(f header.Field) bool {
	return len(f.Name) == len(p.Name) && strings.EqualFold(string(f.Name), p.Name)
}

// Value gives a field's value, all that stands after its colon, in a form. Nothing fails on content: what cannot be read is null
// where RFC 8621 4.1.2 allows it, or as much as could be understood. All text is valid UTF-8 without NUL. A value is as long as its
// field, whose bytes the caller bounds; Addresses has at most header.MaxAddresses.
//
// Octets that are no UTF-8 become U+FFFD in the Raw form; the others read them as Windows-1252, as all of the server does: users
// see their names. Names of addresses are decoded inside quotes, too, where RFC 2047 5 forbids encoded words and much mail has them.
func (f Form) Value(raw []byte) any {
	switch f {
	case Raw:
		return RawText(raw)
	case Text:
		return norm.NFC.String(header.DecodeText(header.Unfold(raw)))
	case Addresses:
		return addressList(ParseAddresses(raw))
	case GroupedAddresses:
		return ParseGroups(raw)
	case MessageIDs:
		return orNull(header.ParseMessageIDs(header.Unfold(raw), 0))
	case Date:
		t, ok := header.ParseDate(header.Unfold(raw))
		if s := FormatDate(t); ok && s != "" {
			return s
		}
		return nil
	case URLs:
		return orNull(parseURLs(header.Unfold(raw)))
	}
	return nil
}

// orNull is the list, null where it has nothing: then the field could not be read.
func orNull(list []string) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

// RawText is the Raw form (RFC 8621 4.1.2.1): the value without the line end that terminates it, with its folds.
func RawText(raw []byte) string {
	s := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// FormatDate writes a Date (RFC 8620 1.4), "" for a time that has no such form.
func FormatDate(t time.Time) string {
	if y := t.Year(); y < 0 || y > 9999 {
		return ""
	}
	return t.Format("2006-01-02T15:04:05Z07:00")
}

// ParseAddresses is the Addresses form.
func ParseAddresses(raw []byte) []Address {
	list := []Address{}
	for _, a := range header.ParseAddresses(header.Unfold(raw), header.MaxAddresses) {
		if a.Kind == header.Mailbox {
			list = append(list, addressOf(a))
		}
	}
	return list
}

// ParseGroups is the GroupedAddresses form: mailboxes next to each other that are in no group make one without a name.
func ParseGroups(raw []byte) []Group {
	groups := []Group{}
	open := false // the last of groups takes mailboxes
	for _, a := range header.ParseAddresses(header.Unfold(raw), header.MaxAddresses) {
		switch a.Kind {
		case header.GroupStart:
			name := decodeName(a.Name)
			groups, open = append(groups, Group{Name: &name, Addresses: []Address{}}), true
		case header.GroupEnd:
			open = false
		default:
			if !open {
				groups, open = append(groups, Group{Addresses: []Address{}}), true
			}
			g := &groups[len(groups)-1]
			g.Addresses = append(g.Addresses, addressOf(a))
		}
	}
	return groups
}

func addressOf(a header.Address) Address {
	out := Address{Email: a.Local}
	if a.Domain != "" {
		out.Email = mail.Address{Local: a.Local, Domain: a.Domain}.String()
	}
	out.Email = charset.Decode("", []byte(out.Email))
	if name := decodeName(a.Name); name != "" {
		out.Name = &name
	}
	return out
}

// decodeName is the text of a display-name.
func decodeName(name string) string {
	return norm.NFC.String(strings.TrimSpace(header.DecodeText(name)))
}

// parseURLs reads a list of URLs in angle brackets, with comments between them (RFC 2369 2).
func parseURLs(s string) (urls []string) {
	s = charset.Decode("", []byte(s))
	for depth, i := 0, 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && depth > 0:
			i++
		case c == '(':
			depth++
		case c == ')':
			depth = max(0, depth-1)
		case c == '<' && depth == 0:
			end := strings.IndexByte(s[i:], '>')
			if end < 0 {
				return urls
			}
			// RFC 2369 2: white space inside of the brackets is none of the URL.
			if url := strings.Join(strings.Fields(s[i+1:i+end]), ""); url != "" {
				urls = append(urls, url)
			}
			i += end
		}
	}
	return urls
}
