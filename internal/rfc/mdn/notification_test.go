package mdn

import (
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/compose"
)

var full = Notification{ReportingUA: "pc.example.net; Mailer 1.0", OriginalRecipient: "rfc822; Bob@example.net", FinalRecipient: "rfc822; bob@example.net",
	OriginalMessageID: "<1@example.org>", Disposition: Disposition{"manual-action", "mdn-sent-manually", Displayed, nil},
	Errors: []string{"one", "two"}, Extensions: []Extension{{"X-Colour", "red"}}}

// What is built is read back, by Parse as by ReadNotification.
func TestBuild(t *testing.T) {
	original := &compose.Part{Type: "message", Subtype: "rfc822", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("Subject: x\r\n\r\ny\r\n")), nil }}
	for _, returned := range []*compose.Part{nil, original} {
		root, err := Build("It was read.\n", &full, returned)
		if err != nil {
			t.Fatal(err)
		}
		r, err := (&compose.Message{Root: root}).Reader()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		report, err := Parse(strings.NewReader(text), int64(len(text)))
		if err != nil || report.FinalRecipient != "bob@example.net" || report.OriginalMessageID != "1@example.org" || report.Disposition.Type != Displayed {
			t.Errorf("%+v, %v of\n%s", report, err, text)
		}
		if !strings.Contains(text, "report-type=disposition-notification") || strings.Contains(text, "message/rfc822") != (returned != nil) {
			t.Errorf("%s", text)
		}
		_, rest, _ := strings.Cut(text, "Content-Type: message/disposition-notification\r\n\r\n")
		fields, _, _ := strings.Cut(rest, "\r\n--")
		if got, err := ReadNotification(strings.NewReader(fields)); err != nil || !reflect.DeepEqual(got, full) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, change := range map[string]func(n *Notification){
		"line end":       func(n *Notification) { n.ReportingUA = "a\r\n b" },
		"control":        func(n *Notification) { n.FinalRecipient = "rfc822; a\x00" },
		"line end again": func(n *Notification) { n.Extensions = []Extension{{"X", "a\nDisposition: b"}} },
		"name":           func(n *Notification) { n.Extensions = []Extension{{"X: y\r\nZ", "a"}} },
		"standard":       func(n *Notification) { n.Extensions = []Extension{{"Disposition", "a"}} },
		"long":           func(n *Notification) { n.ReportingUA = strings.Repeat("x", 1000) },
	} {
		n := full
		change(&n)
		if _, err := Build("x", &n, nil); !mail.Is(err, mail.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadNotificationRefuses(t *testing.T) {
	for _, text := range []string{"", "Final-Recipient: rfc822; a@b\r\n", "Disposition: a/b; displayed\r\n"} {
		if n, err := ReadNotification(strings.NewReader(text)); !mail.Is(err, mail.Invalid) {
			t.Errorf("%q: %+v %v", text, n, err)
		}
	}
}
