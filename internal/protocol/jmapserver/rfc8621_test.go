package jmapserver_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/delivery"
	"github.com/mailmesh/mailmesh/internal/mailflow/forwarding"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/mailboxes"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/queries"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sending"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/writing"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/threadcount"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/store/vacation"
)

// TestRFC8621 plays the examples of RFC 8621, each a file that is named by its section, with all methods of mail as the node
// has them. The mail that the examples speak of is delivered; ids and states, which a server chooses, are variables.
func TestRFC8621(t *testing.T) {
	for name, on := range map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/rfc8621/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
				s := openMail(t, on)
				vars := deliverExamples(s)
				_, r := s.Call("Identity/get", map[string]any{"accountId": doortest.Ann.String()})
				vars["identity"] = r["list"].([]any)[0].(map[string]any)["id"].(string)
				return s, vars
			})
		})
	}
}

// openMail opens rooms with the methods of mail and of its submission.
func openMail(t *testing.T, on doortest.Engine) *jmapservertest.Server {
	return jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) {
		e := emails.New(emails.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies})
		e.Register(r)
		mailboxes.New(mailboxes.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Threads: threadcount.New(threadcount.Options{}), Directory: rooms.Directory,
			PrincipalID: mail.AccountID.String}).Register(r)
		queries.New(queries.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies, Finder: rooms.Finder, Catalog: catalog.New(catalog.Options{Tx: rooms.Tx})}).Register(r)
		b := blobs.New(blobs.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies})
		writing.New(writing.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies, Blobs: b, Emails: e, Hostname: doortest.Hostname, MaxMessage: maxUpload}).Register(r)
		sendingMail(t, rooms, b).Register(r)
	})
}

func sendingMail(t *testing.T, rooms *doortest.Rooms, b *blobs.Blobs) *sending.Sending {
	history, people := submissions.New(), contacts.New()
	queue := spool.New(spool.Options{Bodies: rooms.Bodies, Histories: history})
	keys, err := dkimkeys.New(bytes.Repeat([]byte{7}, bodies.MasterKeySize))
	rooms.Must(err)
	rooms.Must(provision.New(provision.Options{Tx: rooms.Tx, Directory: rooms.Directory, Auth: rooms.Auth, Bodies: rooms.Bodies, Mailboxes: rooms.Mailbox}).Bootstrap(t.Context()))
	sends := submission.New(submission.Options{Hostname: doortest.Hostname, Tx: rooms.Tx, Directory: rooms.Directory, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies,
		Spool: queue, Submissions: history, Contacts: people, Keys: keys, Log: slog.New(slog.DiscardHandler),
		Forwarding: forwarding.New(forwarding.Options{Directory: rooms.Directory, Bodies: rooms.Bodies, Spool: queue}),
		Delivery:   delivery.New(delivery.Options{Bodies: rooms.Bodies, Mailbox: rooms.Mailbox, Contacts: people})})
	return sending.New(sending.Options{Tx: rooms.Tx, Directory: rooms.Directory, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies, Identities: identities.New(),
		Submissions: history, Submission: sends, Responses: vacation.New(), Blobs: b, MaxMessage: maxUpload})
}

// deliverExamples delivers mail to Ann and names it: a thread of two, two that hold the word "foo", and a draft.
func deliverExamples(s *jmapservertest.Server) map[string]string {
	vars := map[string]string{}
	for _, path := range []string{"INBOX", "Drafts", "Sent", "Archive", "Trash"} {
		vars[strings.ToLower(path)] = s.Path(doortest.Ann, path).ID.String()
	}
	for _, one := range []struct{ name, path, content string }{
		{"first", "INBOX", "From: joe@example.com\nSubject: Dinner\nMessage-ID: <1@example.com>\n\nOn Thursday?\n"},
		{"answer", "INBOX", "From: jane@example.com\nSubject: Re: Dinner\nMessage-ID: <2@example.com>\nIn-Reply-To: <1@example.com>\n\nYes.\n"},
		{"ball", "INBOX", "From: joe@example.com\nSubject: The Foosball competition\nMessage-ID: <3@example.com>\n\nThis year the foo competition is in the stadium.\n"},
		{"bar", "Archive", "From: joe@example.com\nSubject: Widgets\nMessage-ID: <4@example.com>\n\nThe Foo/bar method often returns <1 widget.\n"},
		{"plan", "Drafts", "From: ann@example.org\nTo: jane@elsewhere.example\nSubject: World domination\nMessage-ID: <5@example.org>\n\nSoon.\n"},
	} {
		s.Deliver(doortest.Ann, one.path, strings.ReplaceAll(one.content, "\n", "\r\n"))
		s.Read(func(t *tx.Tx) error {
			ids, err := s.Mailbox.EmailIDs(t, doortest.Ann, 1000)
			vars[one.name] = ids[len(ids)-1].String()
			return err
		})
	}
	return vars
}
