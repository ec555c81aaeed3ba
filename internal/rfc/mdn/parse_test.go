package mdn

import (
	"reflect"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
)

const receipt = "From: bob@example.net\r\nTo: ann@example.org\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n" +
	"--b\r\n\r\nIt was read.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nFIELDS--b--\r\n"

func TestParse(t *testing.T) {
	for _, c := range []struct {
		fields string
		want   Report
	}{
		{"Reporting-UA: pc.example.net; Mailer 1.0\r\nOriginal-Recipient: rfc822;Bob@example.net\r\nFinal-Recipient: rfc822; bob@example.net\r\n" +
			"Original-Message-ID: <1@example.org>\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n\r\n",
			Report{"pc.example.net", "Bob@example.net", "bob@example.net", "1@example.org", Disposition{"manual-action", "mdn-sent-manually", Displayed, nil}, nil}},
		{"disposition: automatic-action / MDN-sent-automatically ; Deleted / error , x (why)\r\nError: one\r\nError: two\r\nFinal-Recipient: <bob@example.net>\r\n\r\n",
			Report{"", "", "bob@example.net", "", Disposition{"automatic-action", "mdn-sent-automatically", Deleted, []string{"error", "x"}}, []string{"one", "two"}}},
		{"Final-Recipient: rfc822;first@x\r\nFinal-Recipient: rfc822;second@x\r\nDisposition: a/b; displayed\r\nDisposition: a/b; deleted\r\n\r\n",
			Report{FinalRecipient: "first@x", Disposition: Disposition{"a", "b", Displayed, nil}}},
	} {
		mail := strings.Replace(receipt, "FIELDS", c.fields, 1)
		got, err := Parse(strings.NewReader(mail), int64(len(mail)))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q is read as %+v, %v", c.fields, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "Subject: x\r\n\r\nhello\r\n",
		strings.Replace(receipt, "FIELDS", "\r\n", 1),
		strings.Replace(receipt, "FIELDS", "Final-Recipient: rfc822;bob@x\r\nDisposition: displayed\r\n\r\n", 1),
		strings.Replace(receipt, "FIELDS", "Disposition: a/b; displayed\r\n\r\n", 1),
		strings.Replace(receipt, "report-type=disposition-notification", "report-type=delivery-status", 1),
	} {
		if got, err := Parse(strings.NewReader(text), int64(len(text))); !mail.Is(err, mail.Invalid) {
			t.Errorf("%.40q is read as %+v, %v", text, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(strings.Replace(receipt, "FIELDS", "Final-Recipient: rfc822;bob@x\r\nDisposition: a/b; displayed/x\r\n\r\n", 1))
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := Parse(strings.NewReader(text), int64(len(text))); err == nil && (r.FinalRecipient == "" || r.Disposition.Type == "") {
			t.Errorf("%q is read as %+v", text, r)
		}
	})
}
