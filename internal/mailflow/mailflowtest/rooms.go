// Package mailflowtest makes the rooms that mail flows through, over a database that a test gives: domain example.org and
// any number of accounts, a memory for bodies, and the log that was written.
package mailflowtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/delivery"
	"github.com/mailmesh/mailmesh/internal/mailflow/forwarding"
	"github.com/mailmesh/mailmesh/internal/mailflow/inbound"
	"github.com/mailmesh/mailmesh/internal/mailflow/tracking"
	"github.com/mailmesh/mailmesh/internal/mailflow/vacation"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/rfc/srs"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/senders"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	responses "github.com/mailmesh/mailmesh/internal/store/vacation"
)

// Hostname is the server's name.
const Hostname = "mx.example.org"

// Now is when mail is received.
var Now = time.Date(2026, 11, 22, 4, 5, 6, 0, time.UTC)

// Rooms are the rooms of one server.
type Rooms struct {
	*inbound.Inbound
	T         testing.TB
	Tx        *tx.Store
	Directory *directory.Store
	Mailbox   *mailbox.Store
	Bodies    *bodies.Store
	Provision *provision.Service
	Outgoing
	Sender    *srs.Rewriter
	Responses *responses.Store // of who is away
	Blobs     *blobtest.Memory // where Options name no other store
	Log       *Log
	Tracking  *tracking.Tracking // does not run
}

// Options say what is different from the usual.
type Options struct {
	Blobs    blob.Store                              // nil: Rooms.Blobs
	Bell     tx.Bell                                 // nil: nobody listens
	Delivery func(inbound.Delivery) inbound.Delivery // wraps the real one
	Log      slog.Handler                            // nil: Rooms.Log
	Keys     dkim.Lookup                             // nil: no signature can be verified
}

// New makes the rooms over a database with the schema.
func New(t testing.TB, d *db.DB, o Options) *Rooms {
	t.Helper()
	r := &Rooms{T: t, Blobs: new(blobtest.Memory), Log: new(Log)}
	if o.Blobs == nil {
		o.Blobs = r.Blobs
	}
	if o.Log == nil {
		o.Log = slog.NewTextHandler(r.Log, nil)
	}
	var err error
	r.Tx, err = tx.New(t.Context(), tx.Options{DB: d, Bell: o.Bell})
	r.Must(err)
	r.Bodies, err = bodies.New(bodies.Options{Tx: r.Tx, Blobs: o.Blobs, MasterKey: bytes.Repeat([]byte{7}, bodies.MasterKeySize)})
	r.Must(err)
	r.Directory = directory.New(directory.Options{Hostname: Hostname, Forwarding: true})
	r.Mailbox = mailbox.New(mailbox.Options{Tx: r.Tx, Bodies: r.Bodies, Seen: func(t *tx.Tx, account mail.AccountID, emails []mail.EmailID) error {
		return r.Tracking.Seen(t, account, emails)
	}, Sent: func(t *tx.Tx, account mail.AccountID, messageID string, at mailbox.Appended) error {
		return r.Tracking.Sent(t, account, messageID, at)
	}})
	r.Auth = auth.New(auth.Options{Tx: r.Tx, Lookup: r.Directory.SignIn, Secret: make([]byte, 32), Params: auth.Params{Memory: 8, Time: 1},
		Pause: func(context.Context, time.Duration) {}}) // no test waits for a refusal
	r.Provision = provision.New(provision.Options{Tx: r.Tx, Directory: r.Directory, Auth: r.Auth, Bodies: r.Bodies, Mailboxes: r.Mailbox})
	r.Contacts = contacts.New()
	r.Submissions = submissions.New()
	r.Tracking = tracking.New(tracking.Options{Hostname: Hostname, Tx: r.Tx, Bodies: r.Bodies, Mailbox: r.Mailbox, Contacts: r.Contacts,
		Submissions: r.Submissions, Keys: o.Keys})
	r.Spool = spool.New(spool.Options{Bodies: r.Bodies, Histories: r.Submissions})
	r.Keys, err = dkimkeys.New(bytes.Repeat([]byte{7}, bodies.MasterKeySize))
	r.Must(err)
	r.Responses = responses.New()
	answers := vacation.New(vacation.Options{Hostname: Hostname, Bus: inprocess.New(), Tx: r.Tx, Directory: r.Directory, Responses: r.Responses, Bodies: r.Bodies, Spool: r.Spool,
		Keys: r.Keys, Log: slog.New(o.Log)})
	var deliver inbound.Delivery = delivery.New(delivery.Options{Bodies: r.Bodies, Mailbox: r.Mailbox, Contacts: r.Contacts, Answers: answers, Tracking: r.Tracking})
	if o.Delivery != nil {
		deliver = o.Delivery(deliver)
	}
	r.Sender = srs.New([]byte("secret"), func() time.Time { return Now })
	onward := forwarding.New(forwarding.Options{Directory: r.Directory, Bodies: r.Bodies, Spool: r.Spool, Sender: r.Sender, Senders: senders.New()})
	r.openOutgoing(deliver, onward, answers, slog.New(o.Log))
	r.Inbound = inbound.New(inbound.Options{Hostname: Hostname, Tx: r.Tx, Bodies: r.Bodies, Delivery: deliver,
		Forwarding: onward, Answers: answers, Tracking: r.Tracking, Log: slog.New(o.Log), Now: func() time.Time { return Now }})
	if _, err := r.Provision.AddDomain(t.Context(), "example.org"); !mail.Is(err, mail.Exists) {
		r.Must(err)
	}
	return r
}

// Must ends the test on an error.
func (r *Rooms) Must(err error) {
	if err != nil {
		r.T.Helper()
		r.T.Fatal(err)
	}
}

// Address reads an address; a local part alone is one of example.org.
func Address(s string) mail.Address {
	if s == "" {
		return mail.Address{}
	}
	if !strings.Contains(s, "@") {
		s += "@example.org"
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// Account makes an account.
func (r *Rooms) Account(address string) mail.AccountID {
	return r.AccountWith(address, directory.Quota{})
}

// AccountWith makes an account with a quota.
func (r *Rooms) AccountWith(address string, q directory.Quota) mail.AccountID {
	r.T.Helper()
	a, err := r.Provision.AddAccount(r.T.Context(), provision.Request{Address: Address(address), Quota: q})
	r.Must(err)
	return a.ID
}

// Accounts makes the accounts u0, u1, ...
func (r *Rooms) Accounts(n int) []mail.AccountID {
	r.T.Helper()
	out := make([]mail.AccountID, n)
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() {
			a, err := r.Provision.AddAccount(r.T.Context(), provision.Request{Address: Address(fmt.Sprintf("u%d", i))})
			if err != nil {
				r.T.Error(err)
			}
			out[i] = a.ID
		})
	}
	wg.Wait()
	return out
}

// Alias lets mail for an address go to targets.
func (r *Rooms) Alias(address string, targets ...string) {
	r.T.Helper()
	for _, target := range targets {
		r.Must(r.Provision.AddAlias(r.T.Context(), Address(address), Address(target)))
	}
}

// Group makes a group; members whose names begin with "*" are its owners.
func (r *Rooms) Group(address string, policy directory.Policy, members ...string) {
	r.T.Helper()
	write := func(fn func(t *tx.Tx) error) { r.Must(r.Tx.Write(r.T.Context(), nil, fn)) }
	write(func(t *tx.Tx) error {
		_, err := r.Directory.AddGroup(t, directory.Group{Address: Address(address), Policy: policy, Name: "The group"})
		return err
	})
	for some := range slices.Chunk(members, 500) {
		write(func(t *tx.Tx) error {
			for _, m := range some {
				name, owner := strings.CutPrefix(m, "*")
				if err := r.Directory.AddMember(t, directory.Member{Group: Address(address), Address: Address(name), Owner: owner}); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// Session is what the door knows of the client.
func (r *Rooms) Session() smtp.Session {
	return smtp.Session{ID: "session1", Remote: netip.MustParseAddrPort("192.0.2.1:1025"), Hello: "client.example", ESMTP: true}
}

// Envelope is one from ann@client.example to all of the recipients, who must be accepted.
func (r *Rooms) Envelope(id string, to ...string) *mail.Envelope {
	r.T.Helper()
	e := &mail.Envelope{ID: id, ReversePath: Address("ann@client.example")}
	for _, address := range to {
		known, err := r.Recipient(r.T.Context(), r.Session(), e, mail.Recipient{Address: Address(address)})
		r.Must(err)
		e.Recipients = append(e.Recipients, known)
	}
	return e
}

// Take has an envelope received with its content.
func (r *Rooms) Take(e *mail.Envelope, content io.Reader) ([]mail.Outcome, error) {
	return r.Receive(context.WithoutCancel(r.T.Context()), r.Session(), e, content)
}

// Send has a message received for all of the recipients, which must succeed.
func (r *Rooms) Send(id, content string, to ...string) {
	r.T.Helper()
	e := r.Envelope(id, to...)
	outcomes, err := r.Take(e, strings.NewReader(content))
	r.Must(err)
	for i, o := range outcomes {
		if o.Status != mail.Delivered || o.Recipient != e.Recipients[i].Address {
			r.T.Fatalf("outcome %d is %+v", i, o)
		}
	}
}

// Kept is a message in an INBOX.
type Kept struct {
	mailbox.Email
	UID     mail.UID
	Flags   mail.Flag
	Content string
}

// Inbox reads the INBOX of an account in order of UID.
func (r *Rooms) Inbox(account mail.AccountID) []Kept {
	r.T.Helper()
	return r.read(account, mailbox.RoleInbox)
}

// Junk reads the mailbox Junk of an account.
func (r *Rooms) Junk(account mail.AccountID) []Kept {
	r.T.Helper()
	return r.read(account, mailbox.RoleJunk)
}

// read reads a mailbox of an account.
func (r *Rooms) read(account mail.AccountID, role mailbox.Role) (out []Kept) {
	r.T.Helper()
	ctx := context.WithoutCancel(r.T.Context())
	var inbox mailbox.Mailbox
	r.Must(r.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		inbox, err = r.Mailbox.ByRole(t, account, role)
		return err
	}))
	view, err := r.Mailbox.View(ctx, account, inbox.ID)
	r.Must(err)
	for _, entry := range view.All() {
		kept := Kept{UID: entry.UID, Flags: entry.Flags}
		r.Must(r.Tx.Read(ctx, func(t *tx.Tx) (err error) {
			kept.Email, err = r.Mailbox.Email(t, account, entry.Email)
			return err
		}))
		body, err := r.Bodies.Open(ctx, account, kept.Blob)
		r.Must(err)
		content, err := blob.ReadAll(body)
		r.Must(err)
		r.Must(body.Close())
		kept.Content = string(content)
		out = append(out, kept)
	}
	return out
}

// Objects counts the stored bodies in Rooms.Blobs.
func (r *Rooms) Objects() (n int) {
	r.Must(r.Blobs.List(context.Background(), func(blob.Found) error { n++; return nil }))
	return n
}

// Log is what was logged.
type Log struct {
	mu    sync.Mutex
	lines []string
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

// Lines returns the lines so far.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}
