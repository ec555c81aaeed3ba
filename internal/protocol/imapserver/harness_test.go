package imapserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
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
	ann, bob = mail.AccountID(10), mail.AccountID(11)

	annAddress, annPassword = "ann@example.org", "correct horse"
	bobAddress, bobPassword = "bob@example.org", "battery staple"
)

// rooms are the rooms of the store under a server, on a database of their own.
type rooms struct {
	t         testing.TB
	db        *db.DB
	tx        *tx.Store
	realtime  *realtime.Realtime
	blobs     *blobtest.Memory
	bodies    *bodies.Store
	directory *directory.Store
	auth      *auth.Store
	mailbox   *mailbox.Store
	index     *search.Index
	signIns   *logBuffer // of refused sign-ins
}

func openRooms(t testing.TB, change ...func(*auth.Options)) *rooms {
	t.Helper()
	return openRoomsOn(t, dbtest.OnSQLite, change...)
}

// engine opens a database of its kind: dbtest.OnSQLite or dbtest.OnPostgres.
type engine func(testing.TB, fs.FS) dbtest.Open

func openRoomsOn(t testing.TB, on engine, change ...func(*auth.Options)) *rooms {
	t.Helper()
	r := &rooms{t: t, blobs: &blobtest.Memory{}, signIns: &logBuffer{}}
	r.realtime = realtime.New(realtime.Options{Bus: inprocess.New()})
	t.Cleanup(r.realtime.Close)
	var err error
	r.db = on(t, schema.Files)()
	r.tx, err = tx.New(t.Context(), tx.Options{DB: r.db, Bell: r.realtime})
	r.must(err)
	r.bodies, err = bodies.New(bodies.Options{Tx: r.tx, Blobs: r.blobs, MasterKey: make([]byte, bodies.MasterKeySize)})
	r.must(err)
	r.directory = directory.New(directory.Options{})
	o := auth.Options{Tx: r.tx, Lookup: r.directory.SignIn, Secret: make([]byte, 32), Params: auth.Params{Memory: 8, Time: 1},
		Pause:  func(context.Context, time.Duration) {}, // no test waits for a refusal
		Logger: slog.New(slog.NewTextHandler(r.signIns, nil))}
	for _, c := range change {
		c(&o)
	}
	r.auth = auth.New(o)
	r.mailbox = mailbox.New(mailbox.Options{Tx: r.tx, Bodies: r.bodies})
	r.index = search.NewIndex(search.Options{Tx: r.tx, Bodies: r.bodies})
	r.must(r.tx.Write(t.Context(), nil, func(t *tx.Tx) error {
		_, err := r.directory.AddDomain(t, "example.org")
		return err
	}))
	r.addAccount(ann, annAddress, annPassword)
	r.addAccount(bob, bobAddress, bobPassword)
	return r
}

func (r *rooms) must(err error) {
	if err != nil {
		r.t.Helper()
		r.t.Fatal(err)
	}
}

// addAccount makes an account as internal/provision does.
func (r *rooms) addAccount(id mail.AccountID, address, password string) {
	r.t.Helper()
	ctx := r.t.Context()
	key, err := r.bodies.NewAccountKey(id)
	r.must(err)
	hash, err := r.auth.HashPassword(ctx, password)
	r.must(err)
	parsed, err := mail.ParseAddress(address)
	r.must(err)
	r.must(r.tx.Write(ctx, nil, func(t *tx.Tx) error {
		if err := r.directory.AddHome(t, id, key, directory.Quota{}); err != nil {
			return err
		}
		if _, err := r.directory.AddAccount(t, directory.Account{ID: id, Address: parsed}); err != nil {
			return err
		}
		return r.auth.SetPassword(t, id, hash)
	}))
	r.write(id, func(t *tx.Tx) error {
		for path, role := range map[string]mailbox.Role{mailbox.Inbox: "", "Drafts": mailbox.RoleDrafts,
			"Sent": mailbox.RoleSent, "Trash": mailbox.RoleTrash} {
			if _, err := r.mailbox.Create(t, id, path, role); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *rooms) write(account mail.AccountID, fn func(*tx.Tx) error) {
	r.t.Helper()
	r.must(r.tx.Write(context.WithoutCancel(r.t.Context()), []mail.AccountID{account}, fn))
}

func (r *rooms) read(fn func(*tx.Tx) error) {
	r.t.Helper()
	r.must(r.tx.Read(context.WithoutCancel(r.t.Context()), fn))
}

func (r *rooms) path(account mail.AccountID, path string) (m mailbox.Mailbox) {
	r.t.Helper()
	r.read(func(t *tx.Tx) (err error) {
		m, err = r.mailbox.ByPath(t, account, path)
		return err
	})
	return m
}

// deliver puts messages into a mailbox in one commit, as mail that arrives.
func (r *rooms) deliver(account mail.AccountID, path string, contents ...string) (uids []mail.UID) {
	r.t.Helper()
	to := r.path(account, path)
	var put []*bodies.Body
	var messages []mailbox.Message
	for _, content := range contents {
		body, err := r.bodies.Put(context.WithoutCancel(r.t.Context()), strings.NewReader(content))
		r.must(err)
		summary, err := message.Summarize(strings.NewReader(content))
		r.must(err)
		m, err := mailbox.Summarized(summary)
		r.must(err)
		put, messages = append(put, body), append(messages, m)
	}
	r.write(account, func(t *tx.Tx) error {
		uids = nil
		for i, m := range messages {
			var err error
			if m.Blob, err = r.bodies.Hold(t, account, put[i]); err != nil {
				return err
			}
			a, err := r.mailbox.Append(t, account, to.ID, m)
			if err != nil {
				return err
			}
			uids = append(uids, a.UID)
		}
		return nil
	})
	return uids
}

// serverTLS is the configuration of every test's server: as in the product, each connection gets the certificate of its time.
func serverTLS() *tls.Config {
	config := &tls.Config{Certificates: []tls.Certificate{listentest.Certificate()}}
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }}
}

// logBuffer keeps what a server logs.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
