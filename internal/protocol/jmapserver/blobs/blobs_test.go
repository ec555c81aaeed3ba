package blobs

import (
	"io"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const content = "Subject: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninside\r\n--b--\r\n"

func TestOpen(t *testing.T) {
	r := doortest.Open(t, dbtest.OnSQLite, map[string]mailbox.Role{"Shared": ""})
	r.Deliver(doortest.Ann, "Shared", content)
	r.Deliver(doortest.Ann, mailbox.Inbox, "Subject: secret\r\n\r\n")
	shared := r.Path(doortest.Ann, "Shared").ID
	r.Must(r.Tx.Write(t.Context(), []mail.AccountID{doortest.Ann, doortest.Bob}, func(t *tx.Tx) error {
		return r.Mailbox.As(doortest.Ann).Grant(t, doortest.Ann, shared, mailbox.SetRights, mailbox.Grant{Grantee: doortest.Bob, Rights: mail.RightLookup | mail.RightRead})
	}))
	blob := func(path string) (id string) {
		r.Read(func(t *tx.Tx) error {
			return r.Mailbox.Holds(t, doortest.Ann, func(b mail.BlobID, _ int64) error {
				body, err := r.Bodies.Open(r.T.Context(), doortest.Ann, b)
				r.Must(err)
				if (path == "Shared") == (body.Size() == int64(len(content))) {
					id = b.String()
				}
				return body.Close()
			})
		})
		return id
	}
	open, secret := blob("Shared"), blob(mailbox.Inbox)
	through := func(id string) (text string) {
		ref, err := method.ParseBlobRef(id)
		r.Must(err)
		r.Read(func(t *tx.Tx) error {
			return r.Mailbox.EmailsOf(t, doortest.Ann, []mail.BlobID{ref.Blob}, func(email mail.EmailID, _ mail.ThreadID, _ mail.BlobID) { text = "_" + email.String() })
		})
		return text
	}
	own, other := method.Access{Owner: doortest.Ann, Who: doortest.Ann}, method.Access{Owner: doortest.Ann, Who: doortest.Bob}
	b := New(Options{Tx: r.Tx, Mailbox: r.Mailbox, Bodies: r.Bodies})
	for _, tt := range []struct {
		name, id string
		a        method.Access
		want     string // "" for not found
	}{
		{"whole", open, own, content},
		{"first part", open + "-1", own, "hello"},
		{"decoded", open + "-2", own, "abc"},
		{"message in it", open + "-3", own, "Subject: inner\r\n\r\ninside"},
		{"part of that", open + "-3-1", own, "inside"},
		{"no such part", open + "-4", own, ""},
		{"no id", "x", own, ""},
		{"of another account", open, method.Access{Owner: doortest.Bob, Who: doortest.Bob}, ""},
		{"shared", open + through(open), other, content},
		{"part of shared", open + "-2" + through(open), other, "abc"},
		{"shared, without its email", open, other, ""},
		{"not shared", secret + through(secret), other, ""},
		{"not shared, through what is", secret + through(open), other, ""},
		{"shared, through what is not", open + through(secret), other, ""},
		{"the owner's", secret, own, "Subject: secret\r\n\r\n"},
	} {
		c, err := b.Open(t.Context(), tt.a, tt.id)
		if tt.want == "" {
			if !mail.Is(err, mail.NotFound) {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		r.Must(err)
		var got strings.Builder
		io.Copy(&got, c)
		if got.String() != tt.want || c.Size >= 0 && c.Size != int64(got.Len()) {
			t.Errorf("%s: %q, size %d", tt.name, got.String(), c.Size)
		}
		r.Must(c.Close())
	}
}
