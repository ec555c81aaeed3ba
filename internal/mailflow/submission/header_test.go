package submission

import (
	"bufio"
	"bytes"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// complete does to a header what Receive does.
func complete(text string) (head, *edit, error) {
	block, err := readHeader(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return head{}, nil, err
	}
	fields, err := readFields(block)
	if err != nil {
		return head{}, nil, err
	}
	return fields.complete(netmail.Address{Name: "Ann", Address: "ann@example.org"}, time.Unix(0, 0).UTC()), fields, nil
}

// Whatever comes, what is sent has one From, Date and Message-ID, no Bcc and no line that is no field; who it is from was
// asked for; and doing it again changes nothing.
func FuzzHeader(f *testing.F) {
	f.Add("From: ann@example.org\r\nbcc: x\r\n y\r\n\r\nbody")
	f.Add("\r\n")
	f.Add("From: a@x, b@y\r\nSender: c@z\r\nX : y\r\n\t\r\n")
	f.Add("from:<a@x>\nTo: b")
	f.Fuzz(func(t *testing.T, text string) {
		h, fields, err := complete(text)
		if err != nil {
			return
		}
		seen, end := map[string]int{}, 0
		for field := range header.Fields(h.block) {
			if field.Offset != end {
				t.Fatalf("%q is sent as %q, which has a line that is no field", text, h.block)
			}
			end = field.Offset + field.Length
			seen[strings.ToLower(string(field.Name))]++
		}
		if !header.IsBlank(h.block[end:]) {
			t.Fatalf("%q is sent as %q, which does not end", text, h.block)
		}
		if seen["from"] != 1 || seen["date"] != 1 || seen["message-id"] != 1 || seen["bcc"]+seen["resent-bcc"]+seen["return-path"] > 0 {
			t.Fatalf("%q is sent as %q", text, h.block)
		}
		if len(fields.from) > 0 && (len(fields.claimed) < len(fields.from) || h.author != fields.from[0]) {
			t.Fatalf("%q is from %v, of whom %v were asked for", text, fields.from, fields.claimed)
		}
		again, _, err := complete(string(h.block))
		if err != nil || !bytes.Equal(again.block, h.block) || len(again.bcc) > 0 {
			t.Fatalf("%q is sent as %q, and then as %q, %v", text, h.block, again.block, err)
		}
	})
}
