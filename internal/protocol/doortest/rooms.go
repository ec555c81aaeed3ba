package doortest

import (
	"context"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The accounts of every test, and their passwords.
const (
	Ann, Bob = mail.AccountID(10), mail.AccountID(11)

	AnnAddress, AnnPassword = "ann@example.org", "correct horse"
	BobAddress, BobPassword = "bob@example.org", "battery staple"
)

// Rooms are the rooms of the store under a server, on a database of their own.
type Rooms struct {
	T         testing.TB
	DB        *db.DB
	Tx        *tx.Store
	Realtime  *realtime.Realtime
	Blobs     *blobtest.Memory
	Bodies    *bodies.Store
	Directory *directory.Store
	Auth      *auth.Store
	Mailbox   *mailbox.Store
	Index     *search.Index
	Finder    *finding.Finder
	SignIns   *Log // of refused sign-ins

	mailboxes map[string]mailbox.Role
}

// Engine opens a database of its kind: dbtest.OnSQLite or dbtest.OnPostgres.
type Engine func(testing.TB, fs.FS) dbtest.Open

// Open makes the rooms, and the accounts Ann and Bob with an INBOX and these mailboxes each.
func Open(t testing.TB, on Engine, mailboxes map[string]mailbox.Role, change ...func(*auth.Options)) *Rooms {
	t.Helper()
	r := &Rooms{T: t, Blobs: &blobtest.Memory{}, SignIns: &Log{}, mailboxes: mailboxes}
	r.Realtime = realtime.New(realtime.Options{Bus: inprocess.New()})
	t.Cleanup(r.Realtime.Close)
	var err error
	r.DB = on(t, schema.Files)()
	r.Tx, err = tx.New(t.Context(), tx.Options{DB: r.DB, Bell: r.Realtime})
	r.Must(err)
	r.Bodies, err = bodies.New(bodies.Options{Tx: r.Tx, Blobs: r.Blobs, MasterKey: make([]byte, bodies.MasterKeySize)})
	r.Must(err)
	r.Directory = directory.New(directory.Options{})
	o := auth.Options{Tx: r.Tx, Lookup: r.Directory.SignIn, Secret: make([]byte, 32), Params: auth.Params{Memory: 8, Time: 1},
		Pause:  func(context.Context, time.Duration) {}, // no test waits for a refusal
		Logger: slog.New(slog.NewTextHandler(r.SignIns, nil))}
	for _, c := range change {
		c(&o)
	}
	r.Auth = auth.New(o)
	r.Mailbox = mailbox.New(mailbox.Options{Tx: r.Tx, Bodies: r.Bodies})
	r.Index = search.NewIndex(search.Options{Tx: r.Tx, Bodies: r.Bodies})
	r.Finder = finding.New(finding.Options{Tx: r.Tx, Mailbox: r.Mailbox, Bodies: r.Bodies, Index: r.Index})
	r.Must(r.Tx.Write(t.Context(), nil, func(t *tx.Tx) error {
		_, err := r.Directory.AddDomain(t, "example.org")
		return err
	}))
	r.AddAccount(Ann, AnnAddress, AnnPassword)
	r.AddAccount(Bob, BobAddress, BobPassword)
	return r
}

// Must ends the test on an error.
func (r *Rooms) Must(err error) {
	if err != nil {
		r.T.Helper()
		r.T.Fatal(err)
	}
}

// AddAccount makes an account as internal/provision does.
func (r *Rooms) AddAccount(id mail.AccountID, address, password string) {
	r.T.Helper()
	ctx := r.T.Context()
	key, err := r.Bodies.NewAccountKey(id)
	r.Must(err)
	hash, err := r.Auth.HashPassword(ctx, password)
	r.Must(err)
	parsed, err := mail.ParseAddress(address)
	r.Must(err)
	r.Must(r.Tx.Write(ctx, nil, func(t *tx.Tx) error {
		if err := r.Directory.AddHome(t, id, key, directory.Quota{}); err != nil {
			return err
		}
		if _, err := r.Directory.AddAccount(t, directory.Account{ID: id, Address: parsed}); err != nil {
			return err
		}
		return r.Auth.SetPassword(t, id, hash)
	}))
	r.Write(id, func(t *tx.Tx) error {
		if _, err := r.Mailbox.Create(t, id, mailbox.Inbox, ""); err != nil {
			return err
		}
		for path, role := range r.mailboxes {
			if _, err := r.Mailbox.Create(t, id, path, role); err != nil {
				return err
			}
		}
		return nil
	})
}

// Write changes what belongs to an account.
func (r *Rooms) Write(account mail.AccountID, fn func(*tx.Tx) error) {
	r.T.Helper()
	r.Must(r.Tx.Write(context.WithoutCancel(r.T.Context()), []mail.AccountID{account}, fn))
}

// Read reads in one transaction.
func (r *Rooms) Read(fn func(*tx.Tx) error) {
	r.T.Helper()
	r.Must(r.Tx.Read(context.WithoutCancel(r.T.Context()), fn))
}

// Path finds a mailbox.
func (r *Rooms) Path(account mail.AccountID, path string) (m mailbox.Mailbox) {
	r.T.Helper()
	r.Read(func(t *tx.Tx) (err error) {
		m, err = r.Mailbox.ByPath(t, account, path)
		return err
	})
	return m
}

// Deliver puts messages into a mailbox in one commit, as mail that arrives.
func (r *Rooms) Deliver(account mail.AccountID, path string, contents ...string) (uids []mail.UID) {
	r.T.Helper()
	to := r.Path(account, path)
	var put []*bodies.Body
	var messages []mailbox.Message
	for _, content := range contents {
		body, err := r.Bodies.Put(context.WithoutCancel(r.T.Context()), strings.NewReader(content))
		r.Must(err)
		summary, err := message.Summarize(strings.NewReader(content))
		r.Must(err)
		m, err := mailbox.Summarized(summary)
		r.Must(err)
		put, messages = append(put, body), append(messages, m)
	}
	r.Write(account, func(t *tx.Tx) error {
		uids = nil
		for i, m := range messages {
			var err error
			if m.Blob, err = r.Bodies.Hold(t, account, put[i]); err != nil {
				return err
			}
			a, err := r.Mailbox.Append(t, account, to.ID, m)
			if err != nil {
				return err
			}
			uids = append(uids, a.UID)
		}
		return nil
	})
	return uids
}

// AddAppPassword gives Ann an app password, and returns it.
func (r *Rooms) AddAppPassword() string {
	r.T.Helper()
	secret, err := r.Auth.NewSecret(Ann)
	r.Must(err)
	r.Write(Ann, func(t *tx.Tx) error {
		_, err := r.Auth.AddAppPassword(t, Ann, "phone", secret)
		return err
	})
	return secret.Shown
}
