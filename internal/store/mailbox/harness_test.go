package mailbox

import (
	"context"
	"fmt"
	"hash/fnv"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The accounts of every test.
const (
	alice mail.AccountID = 10
	bob   mail.AccountID = 11
)

// room is a Store on a database of its own.
type room struct {
	*Store
	t     testing.TB
	db    *db.DB
	clock time.Time // what Tx.Now says, when it is set
}

// each runs test on every engine, beside other tests.
func each(t *testing.T, test func(t *testing.T, r *room)) {
	t.Parallel()
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := new(room)
		r.db = open(func(o *db.Options) {
			o.Now = func() time.Time {
				if r.clock.IsZero() {
					return time.Now()
				}
				return r.clock
			}
		})
		r.init(t)
		test(t, r)
	})
}

// init makes the accounts, each with an INBOX.
func (r *room) init(t testing.TB) {
	t.Helper()
	r.t = t
	units, err := tx.New(t.Context(), tx.Options{DB: r.db})
	r.must(err)
	r.Store = New(Options{Tx: units, Bodies: fakeBodies{}})
	for _, id := range []mail.AccountID{alice, bob} {
		r.addAccount(id)
	}
}

func (r *room) addAccount(id mail.AccountID) {
	r.t.Helper()
	r.must(r.db.Write(r.t.Context(), int64(id), func(d *db.Tx) error {
		_, err := d.Exec(`INSERT INTO account (id, state, epoch, modseq, log_floor, last_uidvalidity, quota_bytes, quota_messages,
			used_bytes, used_messages, wrapped_key) VALUES ($1, 'here', 1, 0, 0, 0, 0, 0, 0, 0, $2)`, id, []byte{1})
		return err
	}))
	r.create(id, Inbox)
}

func (r *room) must(err error) {
	if err != nil {
		r.t.Helper()
		r.t.Fatal(err)
	}
}

// write runs fn with the account locked; read runs it on a snapshot.
func (r *room) write(account mail.AccountID, fn func(*tx.Tx) error) error {
	return r.tx.Write(context.WithoutCancel(r.t.Context()), []mail.AccountID{account}, fn)
}

func (r *room) read(fn func(*tx.Tx) error) {
	r.t.Helper()
	r.must(r.tx.Read(r.t.Context(), fn))
}

func (r *room) create(account mail.AccountID, path string) (m Mailbox) {
	r.t.Helper()
	r.must(r.write(account, func(t *tx.Tx) (err error) {
		m, err = r.Create(t, account, path, "")
		return err
	}))
	return m
}

func (r *room) path(account mail.AccountID, path string) (m Mailbox) {
	r.t.Helper()
	r.read(func(t *tx.Tx) (err error) {
		m, err = r.ByPath(t, account, path)
		return err
	})
	return m
}

// testMessage makes a message whose body is named by text.
func testMessage(text string, flags ...string) Message {
	f, err := mail.ParseFlags(flags)
	if err != nil {
		panic(err)
	}
	return Message{
		Blob: blobOf(text), Size: int64(100 + len(text)), Received: time.UnixMilli(1_700_000_000_000),
		Flags: f, Summary: []byte("summary of " + text), MessageIDs: []string{text + "@example.org"}, BaseSubject: text,
	}
}

func blobOf(text string) (b mail.BlobID) {
	h := fnv.New128a()
	h.Write([]byte(text))
	copy(b[:], h.Sum(nil))
	return b
}

// append keeps a message as a delivery does: hold the body, then append.
func (r *room) append(account mail.AccountID, id mail.MailboxID, m Message) (a Appended) {
	r.t.Helper()
	r.must(r.write(account, func(t *tx.Tx) (err error) {
		if err := hold(t, account, m.Blob); err != nil {
			return err
		}
		a, err = r.Append(t, account, id, m)
		return err
	}))
	return a
}

// fill appends n messages with few commits.
func (r *room) fill(account mail.AccountID, id mail.MailboxID, n int, flags ...string) {
	r.t.Helper()
	for done := 0; done < n; {
		step := min(80, n-done)
		r.must(r.write(account, func(t *tx.Tx) error {
			for i := range step {
				m := testMessage(fmt.Sprintf("m%d-%d", id, done+i), flags...)
				if err := hold(t, account, m.Blob); err != nil {
					return err
				}
				if _, err := r.Append(t, account, id, m); err != nil {
					return err
				}
			}
			return nil
		}))
		done += step
	}
}

func (r *room) view(account mail.AccountID, id mail.MailboxID) *View {
	r.t.Helper()
	v, err := r.View(r.t.Context(), account, id)
	r.must(err)
	return v
}

func set(s string) imap.Set {
	if s == "" {
		return nil
	}
	set, err := imap.ParseSet(s)
	if err != nil {
		panic(err)
	}
	return set.Resolve(maxUID)
}

func flags(names ...string) mail.Flags {
	f, err := mail.ParseFlags(names)
	if err != nil {
		panic(err)
	}
	return f
}

// fakeBodies keeps the holds of bodies in the table that the real room uses, with nothing behind them.
type fakeBodies struct{}

func (fakeBodies) HoldAgain(t *tx.Tx, account mail.AccountID, blob mail.BlobID) error {
	n, err := t.SQL().Exec(`UPDATE blob SET holds = holds + 1 WHERE account_id = $1 AND blob_id = $2`, account, blob)
	if err == nil && n != 1 {
		err = fmt.Errorf("hold again a body that nobody holds")
	}
	return err
}

func (fakeBodies) Borrow(_ context.Context, _ mail.AccountID, blob mail.BlobID) (func(*tx.Tx, mail.AccountID) (mail.BlobID, error), error) {
	return func(t *tx.Tx, to mail.AccountID) (mail.BlobID, error) { return blob, hold(t, to, blob) }, nil
}

func (fakeBodies) Release(t *tx.Tx, account mail.AccountID, blob mail.BlobID) error {
	n, err := t.SQL().Exec(`UPDATE blob SET holds = holds - 1 WHERE account_id = $1 AND blob_id = $2`, account, blob)
	if err == nil && n != 1 {
		err = fmt.Errorf("release a body that nobody holds")
	}
	t.SQL().Queue(`DELETE FROM blob WHERE account_id = $1 AND blob_id = $2 AND holds = 0`, account, blob)
	return err
}

func hold(t *tx.Tx, account mail.AccountID, blob mail.BlobID) error {
	_, err := t.SQL().Exec(`INSERT INTO blob (account_id, blob_id, object_id, wrapped_key, size, holds, expires)
		VALUES ($1, $2, 1, $3, 1, 1, 0) ON CONFLICT (account_id, blob_id) DO UPDATE SET holds = blob.holds + 1`, account, blob, []byte{1})
	return err
}

// What owners do with their own mailboxes.

func (r *room) StoreFlags(ctx context.Context, owner mail.AccountID, id mail.MailboxID, uids imap.Set, c FlagChange) (FlagsStored, error) {
	return r.As(owner).StoreFlags(ctx, owner, id, uids, c)
}

func (r *room) Expunge(ctx context.Context, owner mail.AccountID, id mail.MailboxID, uids imap.Set) (int, error) {
	return r.As(owner).Expunge(ctx, owner, id, uids)
}

func (r *room) Copy(ctx context.Context, owner mail.AccountID, from, to mail.MailboxID, uids imap.Set) (Copied, error) {
	return r.As(owner).Copy(ctx, Route{owner, from, owner, to}, uids)
}

func (r *room) Move(ctx context.Context, owner mail.AccountID, from, to mail.MailboxID, uids imap.Set) (Copied, error) {
	return r.As(owner).Move(ctx, Route{owner, from, owner, to}, uids)
}

func (r *room) Delete(ctx context.Context, owner mail.AccountID, id mail.MailboxID) error {
	return r.As(owner).Delete(ctx, owner, id)
}
