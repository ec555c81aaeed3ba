package dsn

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Message is a report as mail to the sender of the message it is about.
type Message struct {
	Report   Report
	From     mail.Address // somebody who reads answers (RFC 3464 2): the postmaster
	To       mail.Address // the reverse-path of the message
	ID       string       // Message-ID of the report, without brackets
	Date     time.Time
	Returned Returned
}

// dateFormat is RFC 5322's date-time.
const dateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

// entity is a body part.
type entity struct {
	header string // with the line end of its last field
	body   []byte
}

// Build writes the mail.
func (m Message) Build() []byte {
	about := aboutOf(m.Returned.Content)
	status := entity{"Content-Type: message/delivery-status\r\n", appendStatus(nil, m.Report, false)}
	if m.Report.needsUTF8() {
		// RFC 6533 6: 8bit, as ours are nowhere else than in mail that says BODY=8BITMIME.
		status = entity{"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n", appendStatus(nil, m.Report, true)}
	}
	parts := []entity{textPart(m.text(about)), status, m.Returned.part()}
	boundary := m.boundary(parts)
	var b bytes.Buffer
	m.writeHeader(&b, about, boundary, parts)
	for _, p := range parts {
		fmt.Fprintf(&b, "\r\n--%s\r\n%s\r\n", boundary, p.header)
		b.Write(p.body)
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return b.Bytes()
}

func (m Message) writeHeader(b *bytes.Buffer, about about, boundary string, parts []entity) {
	fmt.Fprintf(b, "Date: %s\r\n", m.Date.Format(dateFormat))
	fmt.Fprintf(b, "From: Mail Delivery System <%s>\r\n", m.From)
	fmt.Fprintf(b, "To: <%s>\r\n", m.To) // RFC 3461 6.1: whom the envelope names
	fmt.Fprintf(b, "Subject: %s\r\n", encodeText("Subject: ", m.subject(about)))
	fmt.Fprintf(b, "Message-ID: <%s>\r\n", m.ID)
	if about.id != "" {
		fmt.Fprintf(b, "In-Reply-To: <%s>\r\nReferences: <%[1]s>\r\n", about.id)
	}
	b.WriteString("Auto-Submitted: auto-replied\r\n") // RFC 3834 5
	b.WriteString("MIME-Version: 1.0\r\n")
	fmt.Fprintf(b, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n", boundary)
	for _, p := range parts {
		if !isASCII(p.body) {
			b.WriteString("Content-Transfer-Encoding: 8bit\r\n") // RFC 2045 6.4: no less than that of the parts
			break
		}
	}
}

// boundary is drawn from the parts themselves, so nobody can write a message that has it.
func (m Message) boundary(parts []entity) string {
	h := sha256.New()
	h.Write([]byte(m.ID))
	for _, p := range parts {
		h.Write(p.body)
	}
	return "report_" + base32.HexEncoding.EncodeToString(h.Sum(nil)[:15])
}

// textPart is UTF-8 text, in quoted-printable where it is not lines of ASCII.
func textPart(text string) entity {
	body := []byte(strings.ReplaceAll(text, "\n", "\r\n"))
	if isASCII(body) && isLines(body) {
		return entity{"Content-Type: text/plain; charset=us-ascii\r\n", body}
	}
	return entity{"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n", quoted(body)}
}

// part is the third part (RFC 6522 3): message/rfc822 or text/rfc822-headers, and their kin of RFC 6533 where the header is in
// UTF-8.
func (r Returned) part() entity {
	ascii := isASCII(r.Content)
	switch {
	case r.Whole && ascii:
		return entity{"Content-Type: message/rfc822\r\n", r.Content}
	case r.Whole && r.UTF8:
		return entity{"Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n", r.Content}
	case r.Whole:
		return entity{"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n", r.Content}
	case ascii && isLines(r.Content):
		return entity{"Content-Type: text/rfc822-headers\r\n", r.Content}
	case r.UTF8 && isLines(r.Content):
		return entity{"Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n", r.Content}
	}
	return entity{"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n", quoted(r.Content)}
}

func quoted(body []byte) []byte {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	w.Write(body) // a bytes.Buffer takes all
	w.Close()
	return b.Bytes()
}

// encodeText is text for a header field, folded, in encoded words where it is not ASCII.
func encodeText(name, text string) string {
	if isASCII(text) {
		return fold(text, len(name))
	}
	words := strings.ReplaceAll(mime.QEncoding.Encode("utf-8", text), "?= =?", "?=\r\n =?")
	if first, _, _ := strings.Cut(words, "\r\n"); len(name)+len(first) > 76 { // RFC 2047 2
		return "\r\n " + words
	}
	return words
}

// about is what the text says of the message that a report is about.
type about struct {
	id, subject, date, to string
}

// maxAbout bounds what a text part repeats from a header, in characters.
const maxAbout = 200

func aboutOf(content []byte) (a about) {
	for f := range header.Fields(content) {
		switch value := f.Value(); strings.ToLower(string(f.Name)) {
		case "message-id":
			// What is not printable ASCII would have to be encoded, and no id is.
			if ids := header.ParseMessageIDs(value, 1); len(ids) == 1 && len(ids[0]) < 250 && printable(ids[0]) == ids[0] && isASCII(ids[0]) {
				a.id = ids[0]
			}
		case "subject":
			a.subject = cut(printable(header.DecodeWords(value)), maxAbout)
		case "date":
			a.date = cut(printable(value), maxAbout)
		case "to":
			a.to = cut(printable(header.DecodeWords(value)), maxAbout)
		}
	}
	return a
}

// printable makes text one line: white space is single spaces, control characters are question marks.
func printable(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// cut ends a text after so many characters.
func cut(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i] + "..."
		}
	}
	return s
}
