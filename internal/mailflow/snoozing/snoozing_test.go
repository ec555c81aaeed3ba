package snoozing_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/mailflow/snoozing"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/snooze"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

type world struct {
	*mailflowtest.Rooms
	*snoozing.Snoozing
	t        *testing.T
	snoozed  *snooze.Store
	ann, bob mail.AccountID
	clock    time.Time
	notified []mail.EmailID
}

// Delivered implements snoozing.Notifier.
func (w *world) Delivered(_ *tx.Tx, _ mail.AccountID, email mail.EmailID) {
	w.notified = append(w.notified, email)
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		w := &world{t: t, snoozed: snooze.New(), clock: time.Date(2031, time.May, 1, 0, 0, 0, 0, time.UTC)}
		w.Rooms = mailflowtest.New(t, open(func(o *db.Options) { o.Now = func() time.Time { return w.clock } }), mailflowtest.Options{})
		w.Snoozing = snoozing.New(snoozing.Options{Tx: w.Tx, Mailbox: w.Mailbox, Snoozed: w.snoozed, Notifier: w})
		w.ann, w.bob = w.Account("ann"), w.Account("bob")
		test(t, w)
	})
}

// arrive has a message come to ann, which she reads.
func (w *world) arrive() mail.EmailID {
	w.t.Helper()
	w.Send("m", "From: x@example.net\r\nSubject: hello\r\n\r\nhello\r\n", "ann")
	inbox := w.Inbox(w.ann)
	id := inbox[len(inbox)-1].ID
	w.change(mailbox.EmailChange{Email: id, Add: mail.Flags{Bits: mail.Seen}})
	return id
}

func (w *world) do(account mail.AccountID, fn func(t *tx.Tx) error) error {
	return w.Tx.Write(w.t.Context(), []mail.AccountID{account}, fn)
}

func (w *world) change(c mailbox.EmailChange) {
	w.t.Helper()
	w.Must(w.do(w.ann, func(t *tx.Tx) error {
		_, err := w.Mailbox.As(w.ann).ChangeEmails(t, w.ann, []mailbox.EmailChange{c})
		return err
	}))
}

func (w *world) snooze(id mail.EmailID, until time.Time) error {
	return w.do(w.ann, func(t *tx.Tx) error { return w.Snooze(t, w.ann, id, until) })
}

// where says in which mailboxes an email is, "unread" among them.
func (w *world) where(id mail.EmailID) string {
	w.t.Helper()
	var out []string
	w.Must(w.Tx.Read(w.t.Context(), func(t *tx.Tx) error {
		out = nil
		var boxes []mail.MailboxID
		seen := true
		err := w.Mailbox.Located(t, w.ann, []mail.EmailID{id}, func(l *mailbox.Located) {
			boxes = append(boxes, l.Mailbox)
			seen = l.Flags.Bits&mail.Seen != 0
		})
		for _, box := range boxes {
			m, err := w.Mailbox.ByID(t, w.ann, box)
			if err != nil {
				return err
			}
			out = append(out, strings.ToLower(m.Name))
		}
		if !seen {
			out = append(out, "unread")
		}
		return err
	}))
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (w *world) path(name string) (m mailbox.Mailbox) {
	w.t.Helper()
	w.Must(w.Tx.Read(w.t.Context(), func(t *tx.Tx) (err error) { m, err = w.Mailbox.ByPath(t, w.ann, name); return err }))
	return m
}

func (w *world) expect(id mail.EmailID, want string) {
	w.t.Helper()
	if got := w.where(id); got != want {
		w.t.Errorf("%v is in %q, want %q", id, got, want)
	}
}

func TestSnooze(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, second := w.arrive(), w.arrive()
		w.change(mailbox.EmailChange{Email: second, Into: []mail.MailboxID{w.path("Archive").ID}})
		w.Must(w.snooze(first, w.clock.Add(time.Hour)))
		w.Must(w.snooze(second, w.clock.Add(2*time.Hour)))
		w.expect(first, "snoozed")
		w.expect(second, "snoozed")
		if !w.path(snoozing.Name).Subscribed {
			t.Error("programs that show what is subscribed to do not show the mailbox")
		}
		if next := w.Step(t.Context()); next > snooze.Again || len(w.notified) > 0 {
			t.Errorf("before the time it waits %v, notified are %v", next, w.notified)
		}
		w.clock = w.clock.Add(time.Hour - 10*time.Second)
		if next := w.Step(t.Context()); next != 10*time.Second {
			t.Errorf("it waits %v", next)
		}
		w.clock = w.clock.Add(10 * time.Second)
		w.Step(t.Context())
		w.expect(first, "inbox unread")
		w.expect(second, "snoozed")
		w.Must(w.snooze(second, w.clock.Add(3*time.Hour))) // later, and from where it was first
		w.clock = w.clock.Add(2 * time.Hour)
		w.Step(t.Context())
		w.expect(second, "snoozed")
		w.clock = w.clock.Add(time.Hour)
		w.Step(t.Context())
		w.Step(t.Context())
		w.expect(second, "archive inbox unread")
		if !slices.Equal(w.notified, []mail.EmailID{first, second}) {
			t.Errorf("notified are %v", w.notified)
		}
	})
}

// Who takes snoozed mail elsewhere, or away, has woken it; a mailbox that is gone is INBOX.
func TestWoken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		moved, gone, orphan, woken := w.arrive(), w.arrive(), w.arrive(), w.arrive()
		folder := mailbox.Mailbox{}
		w.Must(w.do(w.ann, func(t *tx.Tx) (err error) { folder, err = w.Mailbox.Create(t, w.ann, "folder", ""); return err }))
		w.change(mailbox.EmailChange{Email: orphan, Mailboxes: []mail.MailboxID{folder.ID}})
		for _, id := range []mail.EmailID{moved, gone, orphan, woken} {
			w.Must(w.snooze(id, w.clock.Add(time.Hour)))
		}
		w.change(mailbox.EmailChange{Email: moved, Mailboxes: []mail.MailboxID{w.path("Archive").ID}})
		w.change(mailbox.EmailChange{Email: gone, Destroy: true})
		w.Must(w.Mailbox.As(w.ann).Delete(t.Context(), w.ann, folder.ID))
		w.Must(w.do(w.ann, func(t *tx.Tx) error { return w.Wake(t, w.ann, woken) }))
		w.expect(woken, "inbox")
		if err := w.do(w.ann, func(t *tx.Tx) error { return w.Wake(t, w.ann, woken) }); !mail.Is(err, mail.NotFound) {
			t.Errorf("woken twice: %v", err)
		}
		w.clock = w.clock.Add(time.Hour)
		w.Step(t.Context())
		w.expect(moved, "archive")
		w.expect(gone, "")
		w.expect(orphan, "inbox unread")
		if !slices.Equal(w.notified, []mail.EmailID{orphan}) {
			t.Errorf("notified are %v", w.notified)
		}
		w.Must(w.Tx.Read(t.Context(), func(t *tx.Tx) error {
			left, err := w.snoozed.Of(t, w.ann, 10)
			if len(left) > 0 {
				w.t.Errorf("left are %+v", left)
			}
			return err
		}))
	})
}

func TestSnoozeRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.arrive()
		for _, until := range []time.Time{{}, w.clock, w.clock.Add(-time.Hour), w.clock.Add(snoozing.MaxAhead + time.Second)} {
			if err := w.snooze(id, until); !mail.Is(err, mail.Invalid) {
				t.Errorf("until %v: %v", until, err)
			}
		}
		if err := w.snooze(id+1000, w.clock.Add(time.Hour)); !mail.Is(err, mail.NotFound) {
			t.Errorf("an email that is not there: %v", err)
		}
		if err := w.do(w.bob, func(t *tx.Tx) error { return w.Snooze(t, w.bob, id, w.clock.Add(time.Hour)) }); !mail.Is(err, mail.NotFound) {
			t.Errorf("another's email: %v", err)
		}
		w.expect(id, "inbox")
	})
}

// What cannot be brought back is tried again later, and at once by a successor.
func TestTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		taken := func() (n int) {
			w.Must(w.Tx.Write(t.Context(), nil, func(t *tx.Tx) error {
				due, _, err := w.snoozed.Take(t)
				n = len(due)
				return err
			}))
			return n
		}
		id := w.arrive()
		w.Must(w.snooze(id, w.clock.Add(time.Hour)))
		w.clock = w.clock.Add(time.Hour)
		if one, two := taken(), taken(); one != 1 || two != 0 { // and it is not brought back
			t.Errorf("taken are %d, then %d", one, two)
		}
		w.Step(t.Context())
		w.expect(id, "snoozed")
		w.clock = w.clock.Add(snooze.Again + time.Second)
		if taken() != 1 {
			t.Error("it is not tried again")
		}
		w.Must(w.Tx.Write(t.Context(), nil, func(t *tx.Tx) error { w.snoozed.Resume(t); return nil }))
		w.Step(t.Context())
		w.expect(id, "inbox unread")
	})
}

// Mail that one node puts out of sight is brought back by another, which hears of it over the bus.
func TestRunElsewhere(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		bus := inprocess.New()
		w := &world{t: t, snoozed: snooze.New()}
		w.Rooms = mailflowtest.New(t, open(), mailflowtest.Options{})
		o := snoozing.Options{Tx: w.Tx, Mailbox: w.Mailbox, Snoozed: w.snoozed, Bus: bus}
		w.Snoozing = snoozing.New(o)
		w.ann = w.Account("ann")
		id := w.arrive()
		listening := make(chan struct{}, 10)
		o.Bus = subscribed{bus, listening}
		other := snoozing.New(o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { other.Run(ctx); close(done) }()
		defer func() { cancel(); <-done }()
		<-listening
		w.Must(w.snooze(id, time.Now().Add(100*time.Millisecond)))
		begun := time.Now()
		for w.where(id) != "inbox unread" {
			if time.Since(begun) > snoozing.LookEvery*2/3 {
				t.Fatalf("it is in %s", w.where(id))
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
}

// subscribed tells when somebody has subscribed.
type subscribed struct {
	*inprocess.Bus
	listening chan struct{}
}

func (s subscribed) Subscribe(subject string, handler func([]byte)) (cancel func()) {
	defer func() { s.listening <- struct{}{} }()
	return s.Bus.Subscribe(subject, handler)
}

// Run wakes when something is snoozed, and when its time comes.
func TestRun(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		w := &world{t: t, snoozed: snooze.New()}
		w.Rooms = mailflowtest.New(t, open(), mailflowtest.Options{})
		w.Snoozing = snoozing.New(snoozing.Options{Tx: w.Tx, Mailbox: w.Mailbox, Snoozed: w.snoozed})
		w.ann = w.Account("ann")
		id := w.arrive()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		defer func() { cancel(); <-done }()
		w.Must(w.snooze(id, time.Now().Add(200*time.Millisecond)))
		for deadline := time.Now().Add(20 * time.Second); w.where(id) != "inbox unread"; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("it is in %s", w.where(id))
			}
		}
	})
}
