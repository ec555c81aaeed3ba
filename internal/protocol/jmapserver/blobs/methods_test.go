package blobs_test

import (
	"fmt"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	maxUpload = 1000

	// message is the mail that Ann and Bob have. Its second part is not UTF-8.
	message = "Subject: one\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nThe quick brown fox\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n/wAB\r\n--b--\r\n"
)

// open makes a server whose Ann shares her INBOX with Bob.
func open(t *testing.T, on doortest.Engine) (*jmapservertest.Server, map[string]string) {
	s := jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) {
		blobs.New(blobs.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies, MaxUpload: maxUpload}).Register(r)
		r.Capability("urn:ietf:params:jmap:mail", struct{}{}, nil)
	})
	names := map[string]string{"invalid": "x", "nothing": mail.BlobID{1}.String()}
	for who, account := range map[string]mail.AccountID{"": doortest.Ann, "bob": doortest.Bob} {
		s.Deliver(account, mailbox.Inbox, message)
		s.Read(func(t *tx.Tx) error {
			var blob mail.BlobID
			if err := s.Mailbox.Holds(t, account, func(b mail.BlobID, _ int64) error { blob = b; return nil }); err != nil {
				return err
			}
			names[who+"mail"] = blob.String()
			return s.Mailbox.EmailsOf(t, account, []mail.BlobID{blob}, func(e mail.EmailID, th mail.ThreadID, _ mail.BlobID) {
				names[who+"email"], names[who+"thread"] = e.String(), th.String()
			})
		})
		names[who+"inbox"] = s.Path(account, mailbox.Inbox).ID.String()
	}
	names["size"] = fmt.Sprint(len(message))
	s.Must(s.Tx.Write(t.Context(), []mail.AccountID{doortest.Ann, doortest.Bob}, func(t *tx.Tx) error {
		return s.Mailbox.As(doortest.Ann).Grant(t, doortest.Ann, s.Path(doortest.Ann, mailbox.Inbox).ID, mailbox.SetRights,
			mailbox.Grant{Grantee: doortest.Bob, Rights: mail.RightLookup | mail.RightRead})
	}))
	return s, names
}

func TestGolden(t *testing.T) {
	for name, engine := range map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) { return open(t, engine) })
		})
	}
}

// RFC 9404 3.1: what the session says.
func TestCapability(t *testing.T) {
	s, _ := open(t, dbtest.OnSQLite)
	own := s.Registry.Capabilities()[blobs.Capability].Account
	text, err := ijson.Marshal(own(t.Context(), s.User(doortest.Ann), method.Access{Owner: doortest.Ann, Who: doortest.Ann}))
	s.Must(err)
	want := `{"maxSizeBlobSet":1000,"maxDataSources":128,"supportedTypeNames":["Email","Mailbox","Thread"],"supportedDigestAlgorithms":["sha-256","sha-512","sha"]}`
	if string(text) != want {
		t.Errorf("it is %s", text)
	}
	if other := own(t.Context(), s.User(doortest.Bob), method.Access{Owner: doortest.Ann, Who: doortest.Bob}); other != nil {
		t.Errorf("in another's account it is %v", other)
	}
}
