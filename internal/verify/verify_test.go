package verify_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/certs"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/verify"
)

// store lists all of its bodies but one.
type store struct {
	blobtest.Memory
	hidden mail.ObjectID
}

func (s *store) List(ctx context.Context, each func(blob.Found) error) error {
	return s.Memory.List(ctx, func(f blob.Found) error {
		if f.ID == s.hidden {
			return nil
		}
		return each(f)
	})
}

// server is one account with a message, and a message in the spool.
type server struct {
	t       *testing.T
	db      *db.DB
	blobs   *store
	rooms   verify.Rooms
	account mail.AccountID
	body    *bodies.Body
}

func newServer(t *testing.T, open dbtest.Open) *server {
	t.Helper()
	s := &server{t: t, db: open(), blobs: new(store)}
	x, err := tx.New(t.Context(), tx.Options{DB: s.db})
	s.must(err)
	b, err := bodies.New(bodies.Options{Tx: x, Blobs: s.blobs, MasterKey: make([]byte, bodies.MasterKeySize)})
	s.must(err)
	s.rooms = verify.Rooms{Tx: x, Directory: directory.New(directory.Options{}), Bodies: b, Mailbox: mailbox.New(mailbox.Options{Tx: x, Bodies: b}),
		Index: search.NewIndex(search.Options{Tx: x, Bodies: b}), Spool: spool.New(spool.Options{})}
	s.rooms.Certs, err = certs.New(certs.Options{Tx: x, MasterKey: make([]byte, bodies.MasterKeySize)})
	s.must(err)
	s.must(s.rooms.Certs.Store(t.Context(), "acme/key", []byte("a private key")))
	p := provision.New(provision.Options{Tx: x, Directory: s.rooms.Directory, Bodies: b, Mailboxes: s.rooms.Mailbox, Index: s.rooms.Index,
		Auth: auth.New(auth.Options{Tx: x, Lookup: s.rooms.Directory.SignIn, Secret: make([]byte, 32)})})
	s.must(p.Bootstrap(t.Context()))
	_, err = p.AddDomain(t.Context(), "example.org")
	s.must(err)
	ann := mail.Address{Local: "ann", Domain: "example.org"}
	a, err := p.AddAccount(t.Context(), provision.Request{Address: ann})
	s.must(err)
	s.account = a.ID
	s.keep(ann)
	return s
}

func (s *server) must(err error) {
	if err != nil {
		s.t.Helper()
		s.t.Fatal(err)
	}
}

func (s *server) put(content string) *bodies.Body {
	s.t.Helper()
	b, err := s.rooms.Bodies.Put(s.t.Context(), strings.NewReader(content))
	s.must(err)
	return b
}

// keep delivers one message and spools another.
func (s *server) keep(from mail.Address) {
	s.t.Helper()
	s.body = s.put("Subject: kept\r\n\r\n")
	owed := s.put("Subject: owed\r\n\r\n")
	s.must(s.rooms.Tx.Write(s.t.Context(), []mail.AccountID{s.account, mail.SpoolAccount}, func(t *tx.Tx) error {
		inbox, err := s.rooms.Mailbox.ByRole(t, s.account, mailbox.RoleInbox)
		if err != nil {
			return err
		}
		kept := mailbox.Message{Size: s.body.Size, Summary: []byte{0}}
		if kept.Blob, err = s.rooms.Bodies.Hold(t, s.account, s.body); err != nil {
			return err
		}
		if _, err := s.rooms.Mailbox.Append(t, s.account, inbox.ID, kept); err != nil {
			return err
		}
		id, err := s.rooms.Bodies.Hold(t, mail.SpoolAccount, owed)
		if err != nil {
			return err
		}
		_, err = s.rooms.Spool.Add(t, spool.Message{Blob: id, Envelope: mail.Envelope{ReversePath: from, Recipients: []mail.Recipient{{Address: from}}}})
		return err
	}))
}

// exec damages rows. $1 is the account and $2 the object of its message.
func exec(sql string) func(*server) {
	return func(s *server) {
		s.t.Helper()
		s.must(s.db.Write(s.t.Context(), 0, func(q *db.Tx) error {
			n, err := q.Exec(sql+` AND $1 <> 0 AND $2 <> 0`, s.account, s.body.Object)
			if err == nil && n == 0 {
				err = fmt.Errorf("%s changes nothing", sql)
			}
			return err
		}))
	}
}

// grant gives rights without asking the room.
func grant(rows string) func(*server) {
	return exec(`INSERT INTO mailbox_right (account_id, mailbox_id, grantee_id, negative, rights) ` + rows)
}

// What is wrong between rooms, or in one of them, is found, and how bad it is.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(*server)
		want   string // among the findings
	}{
		{"nothing", func(*server) {}, `^$`},
		{"bytes without a row", func(s *server) { s.put("a crash came before the commit") }, `info bodies .*1 bodies in the store`},
		{"no object", exec(`DELETE FROM object WHERE id = $2`), `lost bodies .*the object has no row`},
		{"another's bytes", exec(`UPDATE object SET location = (SELECT location FROM object WHERE id <> $2) WHERE id = $2`), `lost bodies `},
		{"not listed", func(s *server) { s.blobs.hidden = s.body.Object }, `lost bodies .*the bytes of the store list 1 of the 2 objects`},
		{"no name", exec(`DELETE FROM blob WHERE account_id = $1`), `lost bodies .*there are 1 holds of a body that has no row`},
		{"no name for the spool", exec(`DELETE FROM blob WHERE account_id <> $1`), `lost bodies .*there are 1 holds of a body that has no row`},
		{"too many holds", exec(`UPDATE blob SET holds = 2 WHERE account_id = $1`), `wrong bodies .*the row counts 2 holds, there are 1`},
		{"a counter", exec(`UPDATE mailbox SET messages = 7 WHERE account_id = $1 AND role = 'inbox'`), `wrong mailbox `},
		{"the quota", exec(`UPDATE account SET used_bytes = 7 WHERE id = $1`), `wrong mailbox `},
		{"rights of nobody", grant(`SELECT account_id, id, 999, 0, 1 FROM mailbox WHERE account_id = $1`), `wrong mailbox .*rights to account A[a-z0-9]+, which is not there`},
		{"rights to nothing", grant(`SELECT id, 999, 0, 0, 1 FROM account WHERE id = $1`), `wrong mailbox .*rights belong to a mailbox`},
		{"a certificate's key", exec(`UPDATE cert_file SET sealed = '' WHERE name = 'acme/key'`), `wrong certs acme/key cannot be opened`},
		{"no recipients", exec(`DELETE FROM spool_recipient WHERE true`), `wrong spool `},
	} {
		t.Run(c.name, func(t *testing.T) {
			dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
				s := newServer(t, open)
				c.damage(s)
				report, err := verify.Run(t.Context(), s.rooms)
				s.must(err)
				if ok := c.want == "^$" || strings.HasPrefix(c.want, "info"); report.OK != ok || report.Accounts != 1 {
					t.Errorf("the report says OK %t of %d accounts", report.OK, report.Accounts)
				}
				var found []string
				for _, f := range report.Findings {
					found = append(found, fmt.Sprintf("%s %s %s", f.Severity, f.Room, f.Text))
				}
				if all := strings.Join(found, "\n"); !regexp.MustCompile(c.want).MatchString(all) {
					t.Errorf("found\n%s\nwant %s", all, c.want)
				}
			})
		})
	}
}

// A report spells out only so much.
func TestFindingsAreBounded(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		s := newServer(t, open)
		s.must(s.db.Write(t.Context(), 0, func(q *db.Tx) error {
			for i := range verify.MaxFindings + 10 {
				if _, err := q.Exec(`INSERT INTO spool_recipient (spool_id, recipient, address, domain, turn, due, attempts, deadline, held, warned, owner, epoch, fence, last)
				VALUES ($1, 0, 'a@b', 'b', 0, 0, 0, 0, 0, 0, '', 0, 0, '')`, 1<<40+i); err != nil {
					return err
				}
			}
			return nil
		}))
		report, err := verify.Run(t.Context(), s.rooms)
		s.must(err)
		if len(report.Findings) != verify.MaxFindings || report.More != 10 || report.OK {
			t.Errorf("%d findings and %d more, OK %t", len(report.Findings), report.More, report.OK)
		}
	})
}
