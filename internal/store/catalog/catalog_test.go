package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const ann, bob = doortest.Ann, doortest.Bob

var engines = map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres}

func each(t *testing.T, test func(t *testing.T, r *doortest.Rooms)) {
	t.Parallel()
	for name, on := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, doortest.Open(t, on, map[string]mailbox.Role{"Archive": mailbox.RoleArchive}))
		})
	}
}

func get(t testing.TB, s *catalog.Store, id mail.AccountID) *catalog.Snapshot {
	t.Helper()
	snapshot, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

func letter(n int) string { return fmt.Sprintf("Subject: %d\r\n\r\nbody\r\n", n) }

// describe is what a snapshot says, whatever slots it has.
func describe(s *catalog.Snapshot) (all []string) {
	for slot := range s.All() {
		e := s.Entry(slot)
		thread := 0
		for range s.InThread(e.Thread) {
			thread++
		}
		all = append(all, fmt.Sprint(e.Email, e.Thread, thread, e.Received, e.Sent, e.Size, s.FlagsOf(e), s.Mailboxes(e), e.Attachment))
	}
	return all
}

// A snapshot that follows another says what one says that is read anew, costs little, and leaves the one before as it was.
func TestFollows(t *testing.T) {
	each(t, func(t *testing.T, r *doortest.Rooms) {
		s := catalog.New(catalog.Options{Tx: r.Tx})
		for n := range 30 {
			r.Deliver(ann, "INBOX", letter(n))
		}
		last := get(t, s, ann)
		inbox, archive := r.Path(ann, "INBOX").ID, r.Path(ann, "Archive").ID
		flags, err := mail.ParseFlags([]string{`\Seen`, "work"})
		r.Must(err)
		for name, change := range map[string]func(set imap.Set){
			"deliver": func(imap.Set) { r.Deliver(ann, "Archive", letter(99)) },
			"flags": func(set imap.Set) {
				_, err := r.Mailbox.As(ann).StoreFlags(t.Context(), ann, inbox, set, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: flags})
				r.Must(err)
			},
			"copy": func(set imap.Set) {
				_, err := r.Mailbox.As(ann).Copy(t.Context(), mailbox.Route{From: ann, Source: inbox, To: ann, Target: archive}, set)
				r.Must(err)
			},
			"expunge": func(imap.Set) {
				_, err := r.Mailbox.Remove(t.Context(), ann, inbox, imap.Set{{Start: 3, Stop: 3}})
				r.Must(err)
			},
			"subscription": func(imap.Set) {
				r.Write(ann, func(t *tx.Tx) error { return r.Mailbox.SetSubscribed(t, ann, "Archive", true) })
			},
		} {
			was, point, state := describe(last), last.Point(), last.Changed
			change(imap.Set{{Start: 1, Stop: 5}})
			next := get(t, s, ann)
			if !next.Follows(point) || !slices.Equal(describe(last), was) {
				t.Errorf("%s: the snapshot before does not stand", name)
			}
			changed := map[uint32]bool{}
			for slot := range next.After(point) {
				changed[slot] = true
			}
			if len(changed) > 6 || (len(changed) > 0) != (next.Changed != state) && name != "subscription" {
				t.Errorf("%s: %d slots changed, %v to %v", name, len(changed), state, next.Changed)
			}
			fresh := get(t, catalog.New(catalog.Options{Tx: r.Tx}), ann)
			if !slices.Equal(describe(next), describe(fresh)) || next.Changed != fresh.Changed || next.At != fresh.At {
				t.Errorf("%s:\nfollowed %v %v\nread     %v %v", name, next.Changed, describe(next), fresh.Changed, describe(fresh))
			}
			if fresh.Follows(point) || fresh.Before(point) {
				t.Errorf("%s: what is read anew follows", name)
			}
			last = next
		}
		if get(t, s, ann) != last {
			t.Error("nothing changed, and there is another snapshot")
		}
	})
}

// Snapshots of few accounts are kept where there is room for few.
func TestBounded(t *testing.T) {
	each(t, func(t *testing.T, r *doortest.Rooms) {
		s := catalog.New(catalog.Options{Tx: r.Tx, Bytes: 1})
		r.Deliver(ann, "INBOX", letter(1))
		r.Deliver(bob, "INBOX", letter(1))
		a := get(t, s, ann)
		if get(t, s, ann) != a {
			t.Error("the newest is not kept")
		}
		get(t, s, bob)
		if b := get(t, s, ann); b == a || b.Follows(a.Point()) {
			t.Error("both are kept")
		}
		if _, err := s.Get(t.Context(), 999); !mail.Is(err, mail.NotFound) {
			t.Errorf("of no account: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Get(ctx, ann); !errors.Is(err, context.Canceled) {
			t.Errorf("for nobody: %v", err)
		}
	})
}

// An email takes about as much as the package comment says.
func TestMemory(t *testing.T) {
	r := doortest.Open(t, dbtest.OnSQLite, nil)
	letters := make([]string, 50)
	for i := range 100 {
		for j := range letters {
			letters[j] = letter(50*i + j)
		}
		r.Deliver(ann, "INBOX", letters...)
	}
	s := catalog.New(catalog.Options{Tx: r.Tx})
	var before, after runtime.MemStats
	doortest.EmptyPools()
	runtime.ReadMemStats(&before)
	snapshot := get(t, s, ann)
	doortest.EmptyPools()
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / int64(snapshot.Len())
	t.Logf("an email takes %d bytes", each)
	if each > 120 {
		t.Errorf("an email takes %d bytes", each)
	}
	runtime.KeepAlive(s)
}
