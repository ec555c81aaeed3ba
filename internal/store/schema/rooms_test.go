package schema_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/certs"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/verify"
)

// rooms are the rooms of this release over a database and a place for bodies, whichever release filled them.
type rooms struct {
	t         testing.TB
	db        *db.DB
	tx        *tx.Store
	bodies    *bodies.Store
	directory *directory.Store
	auth      *auth.Store
	mailbox   *mailbox.Store
	index     *search.Index
	spool     *spool.Store
	certs     *certs.Store

	submissions *submissions.Store
	provision   *provision.Service
}

// The secrets of every server in testdata.
var masterKey, authSecret = make([]byte, bodies.MasterKeySize), make([]byte, 32)

func openRooms(t testing.TB, d *db.DB, blobs blob.Store, keyFile string) *rooms {
	t.Helper()
	r := &rooms{t: t, db: d, directory: directory.New(directory.Options{}), spool: spool.New(spool.Options{}), submissions: submissions.New()}
	var err error
	r.tx, err = tx.New(t.Context(), tx.Options{DB: d})
	r.must(err)
	r.bodies, err = bodies.New(bodies.Options{Tx: r.tx, Blobs: blobs, MasterKey: masterKey, KeyFile: keyFile})
	r.must(err)
	t.Cleanup(func() { r.must(r.bodies.Close()) })
	r.auth = auth.New(auth.Options{Tx: r.tx, Lookup: r.directory.SignIn, Secret: authSecret, Params: auth.Params{Memory: 8, Time: 1}})
	r.certs, err = certs.New(certs.Options{Tx: r.tx, MasterKey: masterKey})
	r.must(err)
	r.mailbox = mailbox.New(mailbox.Options{Tx: r.tx, Bodies: r.bodies})
	r.index = search.NewIndex(search.Options{Tx: r.tx, Bodies: r.bodies})
	r.provision = provision.New(provision.Options{Tx: r.tx, Directory: r.directory, Auth: r.auth, Bodies: r.bodies, Mailboxes: r.mailbox, Index: r.index})
	r.must(r.provision.Bootstrap(t.Context()))
	return r
}

func (r *rooms) must(err error) {
	if err != nil {
		r.t.Helper()
		r.t.Fatal(err)
	}
}

func (r *rooms) read(fn func(*tx.Tx) error) {
	r.t.Helper()
	r.must(r.tx.Read(r.t.Context(), fn))
}

// deliver puts one message into a mailbox of each account, all in one commit and on one body.
func (r *rooms) deliver(path, content string, flags mail.Flags, to ...mail.AccountID) {
	r.t.Helper()
	summary, err := message.Summarize(strings.NewReader(content))
	r.must(err)
	m, err := mailbox.Summarized(summary)
	r.must(err)
	m.Flags, m.Received = flags, summary.SentDate.Add(time.Minute)
	body, err := r.bodies.Put(r.t.Context(), strings.NewReader(content))
	r.must(err)
	_, err = tx.Once(r.t.Context(), r.tx, tx.NewKey(), to, func(t *tx.Tx) (int, error) {
		for _, account := range to {
			box, err := r.mailbox.ByPath(t, account, path)
			if err != nil {
				return 0, err
			}
			if m.Blob, err = r.bodies.Hold(t, account, body); err != nil {
				return 0, err
			}
			if _, err := r.mailbox.Append(t, account, box.ID, m); err != nil {
				return 0, err
			}
		}
		return len(to), nil
	})
	r.must(err)
}

func (r *rooms) content(account mail.AccountID, id mail.BlobID) []byte {
	r.t.Helper()
	body, err := r.bodies.Open(r.t.Context(), account, id)
	r.must(err)
	defer body.Close()
	text, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
	r.must(err)
	return text
}

// verify wants nothing that is wrong or lost.
func (r *rooms) verify() {
	r.t.Helper()
	report, err := verify.Run(context.Background(), verify.Rooms{Tx: r.tx, Directory: r.directory, Bodies: r.bodies, Mailbox: r.mailbox, Index: r.index, Spool: r.spool, Certs: r.certs})
	r.must(err)
	for _, f := range report.Findings {
		r.t.Errorf("verify: %s", f)
	}
	if report.Accounts == 0 || report.Bodies.Blobs == 0 {
		r.t.Errorf("verify looked at %d accounts and %d bodies", report.Accounts, report.Bodies.Blobs)
	}
}
