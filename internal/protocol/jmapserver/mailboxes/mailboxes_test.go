package mailboxes_test

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/mailboxes"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/threadcount"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

var engines = map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres}

func open(t testing.TB, on doortest.Engine) *jmapservertest.Server {
	return jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) {
		emails.New(emails.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies}).Register(r)
		mailboxes.New(mailboxes.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Threads: threadcount.New(threadcount.Options{}), Directory: rooms.Directory,
			PrincipalID: func(a mail.AccountID) string { return "P" + a.String() }}).Register(r)
		r.Capability("urn:ietf:params:jmap:principals", struct{}{}, nil)
	})
}

// share gives Bob rights to one of Ann's mailboxes.
func share(s *jmapservertest.Server, path string, rights mail.Rights) {
	id := s.Path(doortest.Ann, path).ID
	s.Must(s.Tx.Write(s.T.Context(), []mail.AccountID{doortest.Ann, doortest.Bob}, func(t *tx.Tx) error {
		return s.Mailbox.As(doortest.Ann).Grant(t, doortest.Ann, id, mailbox.SetRights, mailbox.Grant{Grantee: doortest.Bob, Rights: rights})
	}))
}

// TestGolden plays testdata/golden, with a variable for each of Ann's mailboxes. She shares the archive with Bob.
func TestGolden(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/golden/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
				s := open(t, engine)
				s.Deliver(doortest.Ann, "INBOX", "Message-ID: <1@x>\r\nSubject: one\r\n\r\n", "Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\nSubject: one\r\n\r\n",
					"Message-ID: <3@x>\r\nSubject: three\r\n\r\n")
				share(s, "Archive", mail.RightLookup|mail.RightRead|mail.RightCreate)
				s.Deliver(doortest.Ann, "Archive", "Subject: for both\r\n\r\n")
				vars := map[string]string{}
				for name, path := range map[string]string{"inbox": "INBOX", "archive": "Archive", "drafts": "Drafts", "sent": "Sent", "trash": "Trash"} {
					vars[name] = s.Path(doortest.Ann, path).ID.String()
				}
				return s, vars
			})
		})
	}
}
