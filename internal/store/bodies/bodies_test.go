package bodies_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// room is a Store with the accounts 10, 11 and 12, and what it stands on.
type room struct {
	*bodies.Store
	t     testing.TB
	db    *db.DB
	tx    *tx.Store
	blobs *blobtest.Memory
	clock *dbtest.Clock
}

func each(t *testing.T, test func(*room)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) { test(newRoom(t, open, nil)) })
}

func newRoom(t testing.TB, open dbtest.Open, change func(*bodies.Options)) *room {
	t.Helper()
	r := &room{t: t, clock: dbtest.NewClock(), blobs: new(blobtest.Memory)}
	r.db = open(func(o *db.Options) { o.Now = r.clock.Now })
	var err error
	if r.tx, err = tx.New(t.Context(), tx.Options{DB: r.db}); err != nil {
		t.Fatal(err)
	}
	r.Store = r.open(change)
	for id := mail.AccountID(10); id <= 12; id++ {
		r.addAccount(id)
	}
	return r
}

// open opens the room once more on the same database and bytes.
func (r *room) open(change func(*bodies.Options)) *bodies.Store {
	r.t.Helper()
	o := bodies.Options{Tx: r.tx, Blobs: r.blobs, MasterKey: bytes.Repeat([]byte{7}, bodies.MasterKeySize)}
	if change != nil {
		change(&o)
	}
	s, err := bodies.New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *room) addAccount(id mail.AccountID) {
	r.t.Helper()
	wrapped, err := r.NewAccountKey(id)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(nil, func(t *tx.Tx) error {
		t.SQL().Queue(`INSERT INTO account (id, state, epoch, modseq, log_floor, last_uidvalidity, quota_bytes, quota_messages,
			used_bytes, used_messages, wrapped_key) VALUES ($1, 'here', 1, 0, 0, 0, 0, 0, 0, 0, $2)`, id, wrapped)
		return nil
	})
}

func (r *room) write(accounts []mail.AccountID, fn func(*tx.Tx) error) {
	r.t.Helper()
	if err := r.tx.Write(context.Background(), accounts, fn); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) put(content string) *bodies.Body {
	r.t.Helper()
	b, err := r.Put(context.Background(), bytes.NewReader([]byte(content)))
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// hold names a body for accounts in one unit of work and returns the names.
func (r *room) hold(b *bodies.Body, accounts ...mail.AccountID) (ids []mail.BlobID) {
	r.t.Helper()
	r.write(accounts, func(t *tx.Tx) error {
		ids = nil
		for _, a := range accounts {
			id, err := r.Hold(t, a, b)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids
}

func (r *room) release(a mail.AccountID, id mail.BlobID) {
	r.t.Helper()
	r.write([]mail.AccountID{a}, func(t *tx.Tx) error { return r.Release(t, a, id) })
}

// want fails the test when an account's body is not content.
func (r *room) want(a mail.AccountID, id mail.BlobID, content string) {
	r.t.Helper()
	b, err := r.Open(context.Background(), a, id)
	if err != nil {
		r.t.Fatalf("open blob %v of %v: %v", id, a, err)
	}
	defer b.Close()
	got, err := blob.ReadAll(b)
	if err != nil || string(got) != content {
		r.t.Fatalf("blob %v of %v: %d bytes, error %v; want %d bytes", id, a, len(got), err, len(content))
	}
}

func (r *room) wantNone(a mail.AccountID, id mail.BlobID) {
	r.t.Helper()
	if _, err := r.Open(context.Background(), a, id); !mail.Is(err, mail.NotFound) {
		r.t.Fatalf("open blob %v of %v: %v, want it not found", id, a, err)
	}
}

func (r *room) collect(keep time.Duration) bodies.Collected {
	r.t.Helper()
	c, err := r.Collect(context.Background(), keep)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// count answers a SELECT count(*).
func (r *room) count(query string, args ...any) (n int) {
	r.t.Helper()
	err := r.tx.Read(context.Background(), func(t *tx.Tx) error { return t.SQL().QueryRow(query, args...).Scan(&n) })
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *room) stored() (n int) {
	r.blobs.List(context.Background(), func(blob.Found) error { n++; return nil })
	return n
}

func TestRecipientsShareABody(t *testing.T) {
	each(t, func(r *room) {
		ids := r.hold(r.put("hello"), 10, 11)
		r.want(10, ids[0], "hello")
		r.want(11, ids[1], "hello")
		if ids[0] == ids[1] {
			t.Error("two accounts have the same name for a body: they could compare their mail")
		}
		r.wantNone(10, ids[1])
		r.wantNone(12, ids[0])
		if n := r.count(`SELECT count(*) FROM object`); n != 1 {
			t.Errorf("%d objects, want 1", n)
		}
		if c := r.collect(0); c != (bodies.Collected{}) {
			t.Errorf("collected %+v of bodies that are held", c)
		}
	})
}

func TestTheLastHoldKeeps(t *testing.T) {
	each(t, func(r *room) {
		id := r.hold(r.put("hello"), 10)[0]
		r.write([]mail.AccountID{10}, func(t *tx.Tx) error { return r.HoldAgain(t, 10, id) })
		r.release(10, id)
		r.collect(0)
		r.want(10, id, "hello")
		r.release(10, id)
		r.wantNone(10, id)
		r.release(10, id) // nothing happens
		if c := r.collect(0); c.Doomed != 1 || c.Removed != 1 || r.stored() != 0 {
			t.Errorf("collected %+v, %d bodies are left; want 1, 1 and 0", c, r.stored())
		}
		err := r.tx.Write(t.Context(), []mail.AccountID{10}, func(t *tx.Tx) error { return r.HoldAgain(t, 10, id) })
		if !mail.Is(err, mail.NotFound) {
			t.Errorf("HoldAgain of a released body: %v, want not found", err)
		}
	})
}

// The same content comes again: the account goes on with the object it has, and the new one goes.
func TestTheSameContentTwice(t *testing.T) {
	each(t, func(r *room) {
		first := r.hold(r.put("hello"), 10)[0]
		second := r.hold(r.put("hello"), 10)[0]
		if first != second {
			t.Fatal("one content has two names in an account")
		}
		if c := r.collect(0); c.Removed != 1 {
			t.Errorf("collected %+v, want one removed", c)
		}
		r.want(10, first, "hello")

		// For another account it is the first of that content, so it is kept although 10 does not need it.
		r.hold(r.put("hello"), 10, 11)
		if c := r.collect(0); c != (bodies.Collected{}) {
			t.Errorf("collected %+v, want nothing", c)
		}
		r.release(10, first)
		r.release(10, first)
		r.want(10, first, "hello")
		r.release(10, first)
		if c := r.collect(0); c.Removed != 1 || r.stored() != 1 {
			t.Errorf("collected %+v, %d left; want one removed, one left", c, r.stored())
		}
	})
}

func TestBytesAreKeptForAWhile(t *testing.T) {
	each(t, func(r *room) {
		id := r.hold(r.put("hello"), 10)[0]
		r.release(10, id)
		if c := r.collect(time.Hour); c.Doomed != 1 || c.Removed != 0 {
			t.Errorf("collected %+v, want one doomed, none removed", c)
		}
		r.clock.Advance(time.Hour - time.Millisecond)
		if c := r.collect(time.Hour); c.Removed != 0 || r.stored() != 1 {
			t.Errorf("the bytes went too early: %+v", c)
		}
		r.clock.Advance(time.Millisecond)
		if c := r.collect(time.Hour); c.Removed != 1 || r.stored() != 0 {
			t.Errorf("collected %+v, want one removed", c)
		}
		// The row stays while a Body may still want to name it.
		if n := r.count(`SELECT count(*) FROM object`); n != 1 {
			t.Errorf("%d rows of objects are left, want 1", n)
		}
		r.clock.Advance(2 * bodies.MaxAge)
		r.collect(time.Hour)
		if n := r.count(`SELECT count(*) FROM object`); n != 0 {
			t.Errorf("%d rows of objects are left, want 0", n)
		}
	})
}

// A body whose object was doomed between two units of work must be put again.
func TestHoldMeetsTheCollector(t *testing.T) {
	each(t, func(r *room) {
		b := r.put("hello")
		id := r.hold(b, 10)[0]
		r.hold(b, 11) // a second unit of work on the same body
		r.release(10, id)
		r.collect(0)
		r.hold(b, 12)
		for _, a := range []mail.AccountID{11, 12} {
			r.write([]mail.AccountID{a}, func(t *tx.Tx) error { _, err := r.ReleaseAll(t, a); return err })
		}
		r.collect(time.Hour) // dooms
		err := r.tx.Write(t.Context(), []mail.AccountID{10}, func(t *tx.Tx) error {
			_, err := r.Hold(t, 10, b)
			return err
		})
		if !errors.Is(err, bodies.ErrPutAgain) || !mail.Is(err, mail.Conflict) {
			t.Fatalf("Hold of a doomed body: %v, want ErrPutAgain", err)
		}
		r.want(10, r.hold(r.put("hello"), 10)[0], "hello")
	})
}

// Of a Hold and a collector at the same time one wins, and no name is left on bytes that go.
func TestHoldRacesTheCollector(t *testing.T) {
	each(t, func(r *room) {
		other := r.open(nil)
		for range 15 {
			b := r.put("race")
			id := r.hold(b, 10)[0]
			r.release(10, id)
			var held error
			var name mail.BlobID
			var wait sync.WaitGroup
			wait.Go(func() {
				held = r.tx.Write(context.Background(), []mail.AccountID{11}, func(t *tx.Tx) (err error) {
					name, err = r.Hold(t, 11, b)
					return err
				})
			})
			wait.Go(func() {
				if _, err := other.Collect(context.Background(), 0); err != nil {
					t.Error(err)
				}
			})
			wait.Wait()
			if held == nil {
				r.want(11, name, "race")
				r.release(11, name)
			} else if !errors.Is(held, bodies.ErrPutAgain) {
				t.Fatal(held)
			}
			r.collect(0)
			if n := r.stored(); n != 0 {
				t.Fatalf("%d bodies are left without a name", n)
			}
		}
	})
}

func TestAFailedCommitLeavesTheBodyUsable(t *testing.T) {
	each(t, func(r *room) {
		b := r.put("hello")
		failed := errors.New("failed")
		err := r.tx.Write(t.Context(), []mail.AccountID{10}, func(t *tx.Tx) error {
			if _, err := r.Hold(t, 10, b); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		r.want(10, r.hold(b, 10)[0], "hello")
	})
}

func TestDiscard(t *testing.T) {
	each(t, func(r *room) {
		b := r.put("refused")
		if err := r.Discard(t.Context(), b); err != nil || r.stored() != 0 {
			t.Errorf("Discard: %v, %d bodies left", err, r.stored())
		}
		err := r.tx.Write(t.Context(), []mail.AccountID{10}, func(t *tx.Tx) error { _, err := r.Hold(t, 10, b); return err })
		if !errors.Is(err, bodies.ErrPutAgain) {
			t.Errorf("Hold of a discarded body: %v, want ErrPutAgain", err)
		}
		b = r.put("held")
		id := r.hold(b, 10)[0]
		if err := r.Discard(t.Context(), b); err != nil {
			t.Error(err)
		}
		r.want(10, id, "held")
	})
}

func TestAnotherMasterKeyOpensNothing(t *testing.T) {
	each(t, func(r *room) {
		id := r.hold(r.put("hello"), 10)[0]
		stranger := r.open(func(o *bodies.Options) { o.MasterKey = make([]byte, bodies.MasterKeySize) })
		if _, err := stranger.Open(t.Context(), 10, id); err == nil || mail.Is(err, mail.NotFound) {
			t.Errorf("open with another master key: %v", err)
		}
		if _, err := bodies.New(bodies.Options{MasterKey: []byte("short")}); !mail.Is(err, mail.Invalid) {
			t.Errorf("a short master key: %v, want it invalid", err)
		}
	})
}

func TestReleaseAll(t *testing.T) {
	each(t, func(r *room) {
		for batch := range 3 {
			var put []*bodies.Body
			for i := range 150 {
				put = append(put, r.put(fmt.Sprint(batch, i)))
			}
			r.write([]mail.AccountID{10}, func(t *tx.Tx) error {
				for _, b := range put {
					if _, err := r.Hold(t, 10, b); err != nil {
						return err
					}
				}
				return nil
			})
		}
		rounds := 0
		for more := true; more; rounds++ {
			r.write([]mail.AccountID{10}, func(t *tx.Tx) (err error) { more, err = r.ReleaseAll(t, 10); return err })
		}
		if c := r.collect(0); rounds != 2 || c.Removed != 450 || r.stored() != 0 {
			t.Errorf("%d rounds, collected %+v, %d left; want 2, 450, 0", rounds, c, r.stored())
		}
	})
}
