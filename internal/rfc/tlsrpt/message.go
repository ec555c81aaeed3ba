package tlsrpt

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Message is a report as mail (RFC 8460 5.3).
type Message struct {
	Report    Report
	Domain    string       // that the report is about
	Submitter string       // domain of who has seen it
	From      mail.Address // in Submitter, so that its signature speaks for it
	To        mail.Address
	Date      time.Time
}

const lineOfBase64 = 57 // octets, which become 76 characters (RFC 2045 6.8)

// Build writes the mail. It is to be signed (RFC 8460 3).
func (m Message) Build() ([]byte, error) {
	var packed bytes.Buffer
	if err := m.Report.Compress(&packed); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(packed.Bytes())
	boundary := fmt.Sprintf("=_%x", sum[:12]) // "=_" stands in neither base64 nor the text
	name := m.Report.Filename(m.Submitter, m.Domain)
	var b bytes.Buffer
	fmt.Fprintf(&b, "Date: %s\r\n", m.Date.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\n", m.From, m.To)
	fmt.Fprintf(&b, "Message-ID: <%x.%s@%s>\r\n", sum[:8], m.Report.ID, m.Submitter)
	fmt.Fprintf(&b, "Subject: Report Domain: %s\r\n Submitter: %s\r\n Report-ID: <%s@%s>\r\n", m.Domain, m.Submitter, m.Report.ID, m.Submitter)
	fmt.Fprintf(&b, "TLS-Report-Domain: %s\r\nTLS-Report-Submitter: %s\r\n", m.Domain, m.Submitter)
	// RFC 8460 3: a report of failures is delivered in spite of them; RFC 8689 3 is how a message says so.
	fmt.Fprintf(&b, "TLS-Required: No\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n")
	fmt.Fprintf(&b, "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=%q\r\n", boundary)
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n", boundary)
	fmt.Fprintf(&b, "This is a report of TLS sessions with the mail hosts of %s,\r\nfrom %s to %s, seen by %s.\r\n", m.Domain,
		m.Report.Range.Start.Format(time.DateTime), m.Report.Range.End.Format(time.DateTime), m.Submitter)
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n", boundary)
	fmt.Fprintf(&b, "Content-Disposition: attachment;\r\n filename=%q\r\n\r\n", name)
	for rest := packed.Bytes(); len(rest) > 0; {
		n := min(len(rest), lineOfBase64)
		b.WriteString(base64.StdEncoding.EncodeToString(rest[:n]))
		b.WriteString("\r\n")
		rest = rest[n:]
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return b.Bytes(), nil
}
