package writing

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

// Whatever a client gives as an Email is refused by an error of its own, or becomes a message that has the fields of no other
// and all of its parts.
func FuzzDraft(f *testing.F) {
	for _, seed := range []string{
		`{"mailboxIds":{"Fa":true},"subject":"Gr\u00fc\u00dfe","from":[{"name":"J\u00f6e, B","email":"joe@example.com"}],"to":[{"email":"x"}],"sentAt":"2026-01-02T03:04:05+08:00"}`,
		`{"mailboxIds":{"Fa":true},"header:X-Y:asText:all":["a","=?utf-8?q?x?="],"header:To:asGroupedAddresses":[{"name":"F","addresses":[{"email":"a@b"}]}],"header:Raw":" a\r\n b"}`,
		`{"mailboxIds":{"Fa":true},"textBody":[{"partId":"1"}],"htmlBody":[{"partId":"2","type":"text/html"}],"bodyValues":{"1":{"value":"a\nb"},"2":{"value":"<p>"}},"attachments":[{"blobId":"B1","name":"\u00fc.png","cid":"c","type":"image/png"}]}`,
		`{"mailboxIds":{"Fa":true},"bodyStructure":{"subParts":[{"blobId":"B1","type":"message/rfc822"},{"partId":"1","header:Content-Type":"text/plain; charset=x; a*=utf-8''b"}]},"bodyValues":{"1":{"value":"\u0000"}}}`,
	} {
		f.Add(seed)
	}
	content := "Subject: a\r\n\r\n\xfc\r\n"
	open := func(id string) (opened, error) {
		if id != "B1" {
			return opened{}, mail.E("fuzz", mail.NotFound, errors.New("no blob"))
		}
		return opened{int64(len(content)), func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}, nil
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !ijson.Valid([]byte(text)) || strings.Count(text, "[")+strings.Count(text, "{") > ijson.MaxDepth {
			return
		}
		d := draft{resolve: func(id string) (string, bool) { return id, true }, open: open}
		if err := d.read(ijson.Value(text)); err != nil {
			var told *method.Error
			if !errors.As(err, &told) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		m, err := d.message(time.Unix(0, 0), "example.org")
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		r, err := m.Reader()
		if mail.Is(err, mail.Invalid) {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		parsed, err := message.Parse(r, message.Limits{})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		fields := len(d.fields.list) + len(d.body.root.Fields) + 2 // MIME-Version and Content-Type
		for _, added := range []string{"message-id", "date"} {
			if !d.fields.has(added) {
				fields++
			}
		}
		if n := parsed.Fields; n != fields && n != fields+1 { // and perhaps Content-Transfer-Encoding
			t.Fatalf("%q: %d fields, want %d", text, n, fields)
		}
		if got := len(parsed.Root.Children); parsed.Root.IsMultipart() && got != len(d.body.root.Children) {
			t.Fatalf("%q: %d parts, want %d", text, got, len(d.body.root.Children))
		}
	})
}
