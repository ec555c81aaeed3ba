package threadcount_test

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/threadcount"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

var boxes = map[string]mailbox.Role{"Trash": mailbox.RoleTrash, "Archive": mailbox.RoleArchive, "Work": ""}

func counts(r *doortest.Rooms, s *threadcount.Store, account mail.AccountID) (got map[mail.MailboxID]threadcount.Count) {
	r.Read(func(t *tx.Tx) (err error) {
		got, err = s.Counts(t, account)
		return err
	})
	return got
}

// naive counts by RFC 8621 2, word for word.
func naive(r *doortest.Rooms, account mail.AccountID) map[mail.MailboxID]threadcount.Count {
	type email struct {
		unread bool
		in     map[mail.MailboxID]bool
	}
	threads := map[mail.ThreadID]map[mail.EmailID]*email{}
	out := map[mail.MailboxID]threadcount.Count{}
	r.Read(func(t *tx.Tx) error {
		clear(threads)
		clear(out)
		var trash mail.MailboxID
		if m, err := r.Mailbox.ByRole(t, account, mailbox.RoleTrash); err == nil {
			trash = m.ID
		}
		ids, err := r.Mailbox.EmailIDs(t, account, 10000)
		if err != nil {
			return err
		}
		if err := r.Mailbox.Located(t, account, ids, func(l *mailbox.Located) {
			if l.Flags.Bits&mail.Deleted != 0 {
				return
			}
			if threads[l.Thread] == nil {
				threads[l.Thread] = map[mail.EmailID]*email{}
			}
			e := threads[l.Thread][l.Email]
			if e == nil {
				e = &email{unread: l.Flags.Bits&(mail.Seen|mail.Draft) == 0, in: map[mail.MailboxID]bool{}}
				threads[l.Thread][l.Email] = e
			}
			e.in[l.Mailbox] = true
		}); err != nil {
			return err
		}
		all, err := r.Mailbox.List(t, account)
		for _, m := range all {
			var c threadcount.Count
			for _, emails := range threads {
				in, unread, here := false, false, false
				for _, e := range emails {
					in = in || e.in[m.ID]
					here = here || e.in[m.ID] && e.unread
					if m.ID == trash {
						unread = unread || e.in[trash] && e.unread
					} else {
						unread = unread || e.unread && !(len(e.in) == 1 && e.in[trash])
					}
				}
				if in {
					c.Threads++
					c.Unread += map[bool]int64{true: 1}[unread]
					c.UnreadHere += map[bool]int64{true: 1}[here]
				}
			}
			if c != (threadcount.Count{}) {
				out[m.ID] = c
			}
		}
		return err
	})
	return out
}

func TestCountsFollowWhateverHappens(t *testing.T) {
	for name, engine := range map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			r := doortest.Open(t, engine, boxes)
			next := mail.AccountID(100)
			kept := threadcount.New(threadcount.Options{})
			small := threadcount.New(threadcount.Options{Bytes: 1}) // forgets all but the last account
			left := histories(t, 50, 10)
			rapid.Check(t, func(rt *rapid.T) {
				if left--; left < 0 && !t.Failed() {
					return
				}
				next++
				r.AddAccount(next, fmt.Sprintf("a%d@example.org", next), "secret secret")
				w := world{r, rt, next, slices.Sorted(maps.Keys(boxes)), 0}
				w.paths = append(w.paths, mailbox.Inbox)
				for range rapid.IntRange(3, 15).Draw(rt, "steps") {
					w.step(t)
					want := naive(r, next)
					if got := counts(r, kept, next); !maps.Equal(got, want) {
						rt.Fatalf("counted %v, want %v", got, want)
					}
					counts(r, small, doortest.Ann)
				}
				if got, want := counts(r, small, next), naive(r, next); !maps.Equal(got, want) {
					rt.Fatalf("counted anew %v, want %v", got, want)
				}
			})
		})
	}
}

// histories bounds the time of the test, unless -rapid.checks asks for a number of histories.
func histories(t *testing.T, sqlite, postgres int) int {
	if asked := flag.Lookup("rapid.checks"); asked.Value.String() != asked.DefValue {
		return math.MaxInt
	}
	if strings.HasSuffix(t.Name(), "postgres") {
		return postgres
	}
	return sqlite
}

// world is an account to which things happen.
type world struct {
	r       *doortest.Rooms
	t       *rapid.T
	account mail.AccountID
	paths   []string
	made    int
}

func (w *world) box(name string) mailbox.Mailbox {
	return w.r.Path(w.account, rapid.SampledFrom(w.paths).Draw(w.t, name))
}

func (w *world) uids(m mailbox.Mailbox) imap.Set {
	first := rapid.Uint32Range(1, uint32(max(1, m.UIDNext))).Draw(w.t, "first")
	return imap.Set{{Start: first, Stop: first + rapid.Uint32Range(0, 3).Draw(w.t, "more")}}
}

func (w *world) step(t *testing.T) {
	ctx, as, own := t.Context(), w.r.Mailbox.As(w.account), w.account
	m := w.box("mailbox")
	switch rapid.SampledFrom([]string{"deliver", "deliver", "deliver", "flags", "flags", "move", "copy", "expunge", "delete", "role"}).Draw(w.t, "step") {
	case "deliver":
		w.made++
		thread := rapid.IntRange(0, 3).Draw(w.t, "thread")
		w.r.Deliver(own, m.Path, fmt.Sprintf("Message-ID: <%d.%d@x>\r\nReferences: <%d@x>\r\nSubject: %d\r\n\r\n%d", thread, w.made, thread, thread, w.made))
	case "flags":
		flags, _ := mail.ParseFlags([]string{rapid.SampledFrom([]string{`\Seen`, `\Draft`, `\Deleted`, `\Flagged`}).Draw(w.t, "flag")})
		op := rapid.SampledFrom([]mailbox.FlagOp{mailbox.AddFlags, mailbox.RemoveFlags, mailbox.SetFlags}).Draw(w.t, "op")
		_, err := as.StoreFlags(ctx, own, m.ID, w.uids(m), mailbox.FlagChange{Op: op, Flags: flags})
		w.r.Must(err)
	case "move", "copy":
		route := mailbox.Route{From: own, Source: m.ID, To: own, Target: w.box("to").ID}
		var err error
		if rapid.Bool().Draw(w.t, "move") {
			_, err = as.Move(ctx, route, w.uids(m))
		} else {
			_, err = as.Copy(ctx, route, w.uids(m))
		}
		w.r.Must(err)
	case "expunge":
		_, err := as.Expunge(ctx, own, m.ID, w.uids(m))
		w.r.Must(err)
	case "delete":
		if m.Path != mailbox.Inbox {
			w.r.Must(as.Delete(ctx, own, m.ID))
			w.r.Write(own, func(t *tx.Tx) error { _, err := w.r.Mailbox.Create(t, own, m.Path, ""); return err })
		}
	case "role":
		if m.Path == mailbox.Inbox {
			return
		}
		w.r.Write(own, func(t *tx.Tx) error {
			if old, err := w.r.Mailbox.ByRole(t, own, mailbox.RoleTrash); err == nil {
				if err := w.r.Mailbox.SetRole(t, own, old.ID, ""); err != nil {
					return err
				}
			}
			return w.r.Mailbox.SetRole(t, own, m.ID, mailbox.RoleTrash)
		})
	}
}

func TestExampleOfRFC8621(t *testing.T) {
	r := doortest.Open(t, dbtest.OnSQLite, boxes)
	s := threadcount.New(threadcount.Options{})
	r.Deliver(doortest.Ann, "Trash", "Message-ID: <1@x>\r\nSubject: s\r\n\r\n")
	r.Deliver(doortest.Ann, "INBOX", "Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\nSubject: s\r\n\r\n")
	inbox, trash := r.Path(doortest.Ann, "INBOX").ID, r.Path(doortest.Ann, "Trash").ID
	seen, _ := mail.ParseFlags([]string{`\Seen`})
	_, err := r.Mailbox.As(doortest.Ann).StoreFlags(t.Context(), doortest.Ann, inbox, imap.Set{{Start: 1, Stop: 1}}, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: seen})
	r.Must(err)
	want := map[mail.MailboxID]threadcount.Count{inbox: {Threads: 1}, trash: {Threads: 1, Unread: 1, UnreadHere: 1}}
	if got := counts(r, s, doortest.Ann); !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
