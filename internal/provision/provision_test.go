package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// world is a server's rooms.
type world struct {
	*Service
	t       testing.TB
	db      *db.DB
	keyFile string
	rung    chan mail.StateChange
}

func (w *world) Ring(c mail.StateChange) {
	select {
	case w.rung <- c:
	default:
	}
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) { test(t, newWorld(t, open())) })
}

func newWorld(t testing.TB, d *db.DB) *world {
	w := &world{t: t, db: d, rung: make(chan mail.StateChange, 100), keyFile: filepath.Join(t.TempDir(), "keys")}
	x, err := tx.New(t.Context(), tx.Options{DB: d, Bell: w})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bodies.New(bodies.Options{Tx: x, Blobs: new(blobtest.Memory), MasterKey: make([]byte, bodies.MasterKeySize), KeyFile: w.keyFile})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	dir := directory.New(directory.Options{})
	w.Service = New(Options{
		Tx: x, Directory: dir, Bodies: b, Mailboxes: mailbox.New(mailbox.Options{Tx: x, Bodies: b}), Index: search.NewIndex(search.Options{Tx: x, Bodies: b}),
		Auth: auth.New(auth.Options{Tx: x, Lookup: dir.SignIn, Secret: make([]byte, 32), Params: auth.Params{Memory: 8, Time: 1}}),
	})
	return w
}

func addr(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func (w *world) add(address string) Account {
	w.t.Helper()
	a, err := w.AddAccount(w.t.Context(), Request{Address: addr(address), Name: "A Name", Password: "a password", Quota: directory.Quota{Bytes: 1 << 20}})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) signIn(login, password string) error {
	_, err := w.auth.Verify(w.t.Context(), auth.Attempt{Login: login, Password: password, Remote: netip.MustParseAddr("127.0.0.1")})
	return err
}

// rows counts the rows of all tables that bear an account's id, by table.
func (w *world) rows(id mail.AccountID) string {
	w.t.Helper()
	var out []string
	err := w.db.Read(w.t.Context(), func(t *db.Tx) error {
		for _, table := range []string{"directory_account", "address", "credential", "mailbox", "email", "membership", "subscription", "thread_ref", "blob", "change",
			"text_index", "text_segment", "submission", "submission_event", "submission_report", "sending", "correspondent", "contact", "sharing", "push_subscription", "notification_rules"} {
			var n int
			if err := t.QueryRow(`SELECT COUNT(*) FROM `+table+` WHERE account_id = $1`, id).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				out = append(out, fmt.Sprintf("%s:%d", table, n))
			}
		}
		var n int
		err := t.QueryRow(`SELECT COUNT(*) FROM account WHERE id = $1`, id).Scan(&n)
		if n > 0 {
			out = append(out, fmt.Sprintf("account:%d", n))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func (w *world) refused(what string, err error, kind mail.Kind) {
	w.t.Helper()
	if !mail.Is(err, kind) {
		w.t.Errorf("%s: %v, want %q", what, err, kind)
	}
}

func TestAddAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if _, err := w.AddDomain(t.Context(), "example.org"); err != nil {
			t.Fatal(err)
		}
		made := w.add("ann@example.org")
		got, err := w.Account(t.Context(), addr("ANN@example.org"))
		if err != nil || got != made || got.Name != "A Name" || got.Quota.Bytes != 1<<20 {
			t.Errorf("made is %+v, found %+v, %v", made, got, err)
		}
		if err := w.signIn("ann@example.org", "a password"); err != nil {
			t.Error(err)
		}
		list, err := read(t.Context(), w.Service, func(t *tx.Tx) ([]mailbox.Mailbox, error) { return w.mailboxes.List(t, made.ID) })
		var names []string
		for _, m := range list {
			names = append(names, fmt.Sprintf("%s=%s", m.Path, m.Role))
			if !m.Subscribed {
				t.Errorf("%s is not subscribed to", m.Path)
			}
		}
		slices.Sort(names)
		if want := "Archive=archive Drafts=drafts INBOX=inbox Junk=junk Sent=sent Trash=trash"; err != nil || strings.Join(names, " ") != want {
			t.Errorf("mailboxes are %v, %v", names, err)
		}
	})
}

// What is refused leaves nothing behind.
func TestAddAccountRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		ann := w.add("ann@example.org")
		before := w.rows(ann.ID)
		for _, c := range []struct {
			r    Request
			kind mail.Kind
		}{
			{Request{Address: addr("ANN@example.org")}, mail.Exists},
			{Request{Address: addr("ann@elsewhere.example")}, mail.NotFound},
			{Request{Address: addr("bob@example.org"), Password: "short"}, mail.Invalid},
			{Request{Address: addr("bob@example.org"), Name: "a\x00b"}, mail.Invalid},
			{Request{Address: addr("bob@example.org"), Quota: directory.Quota{Bytes: -1}}, mail.Invalid},
			{Request{}, mail.Invalid},
		} {
			_, err := w.AddAccount(ctx, c.r)
			w.refused(fmt.Sprintf("%+v", c.r), err, c.kind)
		}
		nameless, err := read(ctx, w.Service, func(t *tx.Tx) ([]mail.AccountID, error) { return w.directory.NamelessHomes(t, 0) })
		if err != nil || len(nameless) != 0 || w.rows(ann.ID) != before {
			t.Errorf("left are the homes %v, %v; %s is now %s", nameless, err, before, w.rows(ann.ID))
		}
	})
}

func TestRemoveAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		ann, bob := w.add("ann@example.org"), w.add("bob@example.org")
		for _, a := range []Account{ann, bob} {
			w.deliver(a.ID, "Subject: hello\r\n\r\n")
		}
		if err := w.AddAlias(ctx, addr("a@example.org"), addr("ann@example.org")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.AddAppPassword(ctx, addr("ann@example.org"), "phone"); err != nil {
			t.Fatal(err)
		}
		before := w.rows(bob.ID)
		for len(w.rung) > 0 {
			<-w.rung
		}
		w.refused("an alias", w.RemoveAccount(ctx, addr("a@example.org")), mail.NotFound)
		if err := w.RemoveAccount(ctx, addr("ann@example.org")); err != nil {
			t.Fatal(err)
		}
		if left := w.rows(ann.ID); left != "" {
			t.Errorf("left are %s", left)
		}
		if after := w.rows(bob.ID); after != before || w.signIn("bob@example.org", "a password") != nil {
			t.Errorf("the other account had %s, has %s", before, after)
		}
		if c := <-w.rung; c.Account != ann.ID {
			t.Errorf("the bell rang for %v", c.Account)
		}
		w.refused("signing in", w.signIn("ann@example.org", "a password"), mail.Denied)
		w.refused("a second time", w.RemoveAccount(ctx, addr("ann@example.org")), mail.NotFound)
		if again := w.add("ann@example.org"); again.ID == ann.ID {
			t.Error("an id is used again")
		}
	})
}

// deliver puts a message into an account's INBOX, as one that the account has sent.
func (w *world) deliver(id mail.AccountID, content string) {
	w.t.Helper()
	ctx := w.t.Context()
	body, err := w.bodies.Put(ctx, strings.NewReader(content))
	if err != nil {
		w.t.Fatal(err)
	}
	summary, err := message.Summarize(strings.NewReader(content))
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := mailbox.Summarized(summary)
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.tx.Write(ctx, []mail.AccountID{id}, func(t *tx.Tx) error {
		inbox, err := w.mailboxes.ByPath(t, id, "INBOX")
		if err != nil {
			return err
		}
		if m.Blob, err = w.bodies.Hold(t, id, body); err == nil {
			_, err = w.mailboxes.Append(t, id, inbox.ID, m)
		}
		if err != nil {
			return err
		}
		sent, err := w.sent.Add(t, submissions.Submission{Account: id, Recipients: []submissions.Recipient{{Address: addr("ann@example.org")}}})
		if err != nil {
			return err
		}
		if err := w.sent.Charge(t, id, 0, addr("ann@example.org")); err != nil {
			return err
		}
		return w.sent.Record(t, submissions.Step{Account: id, Submission: sent, Event: mail.Event{Kind: mail.EventDelivered}})
	})
	for more := true; more && err == nil; {
		more, err = w.index.Step(ctx, id, false)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// A process that stops half-way leaves what Tidy finishes.
func TestTidy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if err := w.Bootstrap(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		ann, bob := w.add("ann@example.org"), w.add("bob@example.org")
		w.deliver(ann.ID, "Subject: hello\r\n\r\n")
		bobs, spools := w.rows(bob.ID), w.rows(mail.SpoolAccount)
		half, err := w.addHome(ctx, directory.Quota{})
		if err != nil {
			t.Fatal(err)
		}
		err = w.tx.Write(ctx, []mail.AccountID{ann.ID}, func(t *tx.Tx) error { // all that RemoveAccount's first commit does
			if err := w.directory.RemoveAccount(t, ann.ID); err != nil {
				return err
			}
			if err := w.auth.RemoveAccount(t, ann.ID); err != nil {
				return err
			}
			return w.directory.CloseHome(t, ann.ID)
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.Tidy(ctx); err != nil {
				t.Fatal(err)
			}
			if a, h := w.rows(ann.ID), w.rows(half); a != "" || h != "" {
				t.Errorf("left are %q and %q", a, h)
			}
			if w.rows(bob.ID) != bobs || w.rows(mail.SpoolAccount) != spools || w.signIn("bob@example.org", "a password") != nil {
				t.Errorf("others lost something: %s", w.rows(bob.ID))
			}
		}
	})
}

// Making an account succeeds though another node's Tidy takes its home for left over, and Tidy takes none that is in use.
func TestAddAccountMeetsTidy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		stop, stopped := context.WithCancel(ctx)
		done := make(chan error)
		go func() {
			for stop.Err() == nil {
				if err := w.Tidy(ctx); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		failed := 0
		for i := range 10 {
			if _, err := w.AddAccount(ctx, Request{Address: addr(fmt.Sprintf("u%d@example.org", i))}); mail.Is(err, mail.Gone) {
				failed++ // three times in a row: Tidy runs without a pause here
			} else if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		stopped()
		if err := <-done; err != nil {
			t.Error(err)
		}
		list, err := w.Accounts(ctx, "", mail.Address{}, 0)
		if err != nil || len(list) != 10-failed {
			t.Errorf("%d accounts were made, %d failed, %v", len(list), failed, err)
		}
	})
}

// The destroyed key of an account goes from the key file, too.
func TestTidyKeyFile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		var wrapped []byte
		ann := w.add("ann@example.org")
		w.add("bob@example.org")
		err := w.db.Read(ctx, func(t *db.Tx) error {
			return t.QueryRow(`SELECT wrapped_key FROM account WHERE id = $1`, ann.ID).Scan(&wrapped)
		})
		if err != nil || len(wrapped) == 0 {
			t.Fatal(err)
		}
		inFile := func() bool {
			if err := w.bodies.RewriteKeys(ctx); err != nil { // so that waiting lines are there
				t.Fatal(err)
			}
			content, err := os.ReadFile(w.keyFile)
			return err == nil && bytes.Contains(content, wrapped)
		}
		if !inFile() {
			t.Skip("the key file keeps keys in another form")
		}
		if err := w.RemoveAccount(ctx, addr("ann@example.org")); err != nil {
			t.Fatal(err)
		}
		if err := w.Tidy(ctx); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(w.keyFile)
		if err != nil || bytes.Contains(content, wrapped) || w.keysGone.Load() {
			t.Errorf("the key is still in the file: %v", err)
		}
	})
}

func TestBootstrap(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 2 {
			if err := w.Bootstrap(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		body, err := w.bodies.Put(t.Context(), strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		err = w.tx.Write(t.Context(), []mail.AccountID{mail.SpoolAccount}, func(t *tx.Tx) error { _, err := w.bodies.Hold(t, mail.SpoolAccount, body); return err })
		if err != nil {
			t.Errorf("the spool's account cannot hold a body: %v", err)
		}
	})
}

func TestChangeAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		w.add("ann@example.org")
		ann := addr("ann@example.org")
		name, off, on, bad, seven := "Ann Lee", true, false, "a\nb", int64(7)
		got, err := w.ChangeAccount(ctx, ann, AccountChange{Name: &name, Disabled: &off, QuotaMessages: &seven})
		if err != nil || got.Name != name || !got.Disabled || got.Quota.Quota != (directory.Quota{Bytes: 1 << 20, Messages: 7}) {
			t.Errorf("changed is %+v, %v", got, err)
		}
		w.refused("signing in", w.signIn("ann@example.org", "a password"), mail.Disabled)
		_, err = w.ChangeAccount(ctx, ann, AccountChange{Disabled: &on, Name: &bad})
		w.refused("a bad name", err, mail.Invalid)
		if got, err := w.Account(ctx, ann); err != nil || !got.Disabled {
			t.Errorf("half of a change is there: %+v, %v", got, err)
		}
		if _, err := w.ChangeAccount(ctx, ann, AccountChange{Disabled: &on}); err != nil {
			t.Error(err)
		}
		if err := w.SetPassword(ctx, ann, "another password"); err != nil {
			t.Error(err)
		}
		w.refused("the old password", w.signIn("ann@example.org", "a password"), mail.Denied)
		if err := w.signIn("ann@example.org", "another password"); err != nil {
			t.Error(err)
		}
		w.refused("a short one", w.SetPassword(ctx, ann, "short"), mail.Invalid)
		w.refused("nobody's", w.SetPassword(ctx, addr("who@example.org"), "a password"), mail.NotFound)

		app, shown, err := w.AddAppPassword(ctx, ann, "phone")
		if err != nil || w.signIn("ann@example.org", shown) != nil {
			t.Fatalf("an app password: %v", err)
		}
		if list, err := w.AppPasswords(ctx, ann); err != nil || len(list) != 1 || list[0].ID != app.ID || time.Since(list[0].LastUsed) > 2*time.Hour {
			t.Errorf("listed are %+v, %v", list, err)
		}
		if err := w.RevokeAppPassword(ctx, ann, app.ID); err != nil {
			t.Error(err)
		}
		w.refused("a revoked one", w.signIn("ann@example.org", shown), mail.Denied)
		w.refused("revoking again", w.RevokeAppPassword(ctx, ann, app.ID), mail.NotFound)
	})
}

func TestDomains(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		d, err := w.AddDomain(ctx, "Bücher.example")
		if err != nil || d.Name != "xn--bcher-kva.example" {
			t.Fatalf("%+v, %v", d, err)
		}
		w.add("ann@xn--bcher-kva.example")
		off := true
		to, none := addr("ann@xn--bcher-kva.example"), mail.Address{}
		if d, err = w.ChangeDomain(ctx, "bücher.example", DomainChange{Disabled: &off, CatchAll: &to}); err != nil || !d.Disabled || d.CatchAll != to {
			t.Errorf("changed is %+v, %v", d, err)
		}
		if d, err = w.ChangeDomain(ctx, d.Name, DomainChange{CatchAll: &none}); err != nil || !d.Disabled || !d.CatchAll.IsNull() {
			t.Errorf("changed is %+v, %v", d, err)
		}
		if list, err := w.Domains(ctx, "", 10); err != nil || len(list) != 1 || list[0] != d {
			t.Errorf("listed are %+v, %v", list, err)
		}
		if err := w.AddAlias(ctx, addr("a@xn--bcher-kva.example"), to); err != nil {
			t.Error(err)
		}
		if list, err := w.Aliases(ctx, d.Name, directory.Alias{}, 0); err != nil || len(list) != 1 || list[0].Target != to {
			t.Errorf("aliases are %+v, %v", list, err)
		}
		w.refused("a domain with an account", w.RemoveDomain(ctx, d.Name), mail.Conflict)
		if err := w.RemoveAccount(ctx, to); err != nil {
			t.Error(err)
		}
		if err := w.RemoveDomain(ctx, d.Name); err != nil {
			t.Error(err)
		}
		_, err = w.Domain(ctx, d.Name)
		w.refused("a domain that is gone", err, mail.NotFound)
		w.refused("no alias", w.RemoveAlias(ctx, mail.Address{}, mail.Address{}), mail.Invalid)
	})
}

// What an account gave and what it was given goes with it.
func TestRemoveAccountTakesRights(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		ann, bob := w.add("ann@example.org"), w.add("bob@example.org")
		inbox := func(x *tx.Tx, id mail.AccountID) mailbox.Mailbox {
			m, err := w.mailboxes.ByRole(x, id, mailbox.RoleInbox)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		err := w.tx.Write(ctx, []mail.AccountID{ann.ID, bob.ID}, func(x *tx.Tx) error {
			return errors.Join(
				w.mailboxes.As(ann.ID).Grant(x, ann.ID, inbox(x, ann.ID).ID, mailbox.SetRights, mailbox.Grant{Grantee: bob.ID, Rights: mail.AllRights}),
				w.mailboxes.As(bob.ID).Grant(x, bob.ID, inbox(x, bob.ID).ID, mailbox.SetRights, mailbox.Grant{Grantee: ann.ID, Rights: mail.AllRights}))
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.RemoveAccount(ctx, addr("ann@example.org")); err != nil {
			t.Fatal(err)
		}
		err = w.tx.Read(ctx, func(x *tx.Tx) error {
			given, err := w.mailboxes.Grants(x, bob.ID, inbox(x, bob.ID).ID)
			if err != nil {
				return err
			}
			sharers, err := w.mailboxes.Sharers(x, bob.ID)
			if len(given)+len(sharers) != 0 {
				t.Errorf("left are %v, and what %v gave", given, sharers)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if left := w.rows(ann.ID); left != "" {
			t.Errorf("left are %s", left)
		}
	})
}

// What was given to anyone in a shared account is not given any more when it is one person's again.
func TestUnshareClosesToAnyone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		ann, bob := w.add("ann@example.org"), w.add("bob@example.org")
		share := func(yes bool) {
			if _, err := w.ChangeAccount(ctx, addr("ann@example.org"), AccountChange{Shared: &yes}); err != nil {
				t.Fatal(err)
			}
		}
		share(true)
		var inbox mail.MailboxID
		err := w.tx.Write(ctx, []mail.AccountID{ann.ID, bob.ID}, func(x *tx.Tx) error {
			m, err := w.mailboxes.ByRole(x, ann.ID, mailbox.RoleInbox)
			inbox = m.ID
			for _, g := range []mailbox.Grant{
				{Grantee: mailbox.Anyone, Rights: mail.RightRead},
				{Grantee: mailbox.Anyone, Negative: true, Rights: mail.RightWrite},
				{Grantee: bob.ID, Rights: mail.RightLookup | mail.RightWrite},
			} {
				err = errors.Join(err, w.mailboxes.As(ann.ID).Grant(x, ann.ID, inbox, mailbox.SetRights, g))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			shared bool
			want   mail.Rights
		}{{true, mail.RightLookup | mail.RightRead}, {false, mail.RightLookup}} {
			share(step.shared)
			err := w.tx.Read(ctx, func(x *tx.Tx) error {
				got, err := w.mailboxes.RightsOf(x, ann.ID, inbox, bob.ID)
				if got != step.want {
					t.Errorf("shared is %v: bob has %q, want %q", step.shared, got, step.want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}
