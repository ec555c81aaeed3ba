package presence

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func each(t *testing.T, nodes int, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) { test(t, newWorld(t, open(), nodes)) })
}

// Who is writing is told to mutual contacts, at whichever node they are, and to nobody else.
func TestTyping(t *testing.T) {
	each(t, 2, func(t *testing.T, w *world) {
		w.letters("ann", "bob")
		w.letter("ann", "cleo")
		phone, desk, cleo, ann := w.connect("bob", 0), w.connect("bob", 1), w.connect("cleo", 1), w.connect("ann", 0)
		phone.take()
		desk.take()
		ann.take()
		w.signal(0, "ann", Composing, "bob", "cleo", "nobody", "bob2")
		w.want(phone, "ann composing")
		w.want(desk, "ann composing")
		w.want(cleo)
		w.want(ann)
		w.letter("cleo", "ann")
		cleo.take()
		w.signal(1, "ann", Gone, "cleo")
		w.want(cleo, "ann gone")
		w.want(phone)
		w.signal(1, "bob", Reading, "ann2") // an address that bob has never written to
		w.signal(1, "bob", Reading, "ann")
		ann.told = ann.told[len(ann.told)-1:]
		if s := ann.told[0]; s.From.Contact != contacts.IDOf(addressOf("bob")) || !s.At.Equal(w.now) || s.Until.Sub(s.At) != Holds {
			t.Errorf("the signal is %+v", s)
		}
		w.want(ann, "bob reading")
	})
}

// A signal is about the thread of the one who hears it, by the message that the sender names of his own.
func TestThread(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.letters("ann", "bob")
		w.letters("ann", "cleo")
		var at [2]mailbox.Appended
		for i, name := range []string{"ann", "bob"} {
			w.must(w.tx.Write(t.Context(), []mail.AccountID{w.id[name]}, func(t *tx.Tx) error {
				box, err := w.o.Mailbox.Create(t, w.id[name], "Box", "")
				if err != nil {
					return err
				}
				at[i], err = w.o.Mailbox.Append(t, w.id[name], box.ID, summarized("Message-ID: <1@x>\r\nSubject: Re: hello\r\n\r\nx\r\n"))
				return err
			}))
		}
		w.work()
		bob, cleo := w.connect("bob", 0), w.connect("cleo", 0)
		for what, c := range map[string]struct {
			email     mail.EmailID
			bob, cleo string
		}{
			"an email both have":   {at[0].Email, "ann composing " + at[1].Thread.String(), "ann composing"},
			"an email of another":  {at[1].Email, "ann composing", "ann composing"},
			"no email":             {0, "ann composing", "ann composing"},
			"an email that is not": {99, "ann composing", "ann composing"},
		} {
			w.must(w.nodes[0].Send(Draft{From: w.id["ann"], To: []mail.Address{addressOf("bob"), addressOf("cleo")}, State: Composing, Email: c.email}))
			w.work()
			if got := strings.Join(bob.take(), ","); got != c.bob {
				t.Errorf("%s: bob hears %q", what, got)
			}
			if got := strings.Join(cleo.take(), ","); got != c.cleo {
				t.Errorf("%s: cleo hears %q", what, got)
			}
		}
	})
}

func summarized(content string) mailbox.Message {
	s := message.NewSummarizer(message.Limits{})
	s.Write([]byte(content))
	m, err := mailbox.Summarized(s.Close())
	if err != nil {
		panic(err)
	}
	return m
}

func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// Blocked, hidden, switched off: each ends it for both, from one signal to the next.
func TestConsent(t *testing.T) {
	open := contacts.Setting{Presence: true, Typing: true, Reading: true}
	for name, c := range map[string]struct {
		before func(w *world)
		typing bool
		reads  bool
	}{
		"open":                        {func(*world) {}, true, true},
		"the sender blocks":           {func(w *world) { w.block("ann", "bob", true) }, false, false},
		"the recipient blocks":        {func(w *world) { w.block("bob", "ann", true) }, false, false},
		"another address blocked":     {func(w *world) { w.block("bob", "ann2", true) }, false, false},
		"the sender blocks another":   {func(w *world) { w.block("ann", "bob2", true) }, false, false},
		"allowed again":               {func(w *world) { w.block("bob", "ann", true); w.block("bob", "ann", false) }, true, true},
		"the sender hides":            {func(w *world) { w.set("ann", contacts.Setting{Typing: true, Reading: true}) }, false, false},
		"the recipient hides":         {func(w *world) { w.set("bob", contacts.Setting{Typing: true, Reading: true}) }, false, false},
		"the sender does not type":    {func(w *world) { w.set("ann", contacts.Setting{Presence: true, Reading: true}) }, false, true},
		"the recipient does not type": {func(w *world) { w.set("bob", contacts.Setting{Presence: true, Reading: true}) }, false, true},
		"no reading":                  {func(w *world) { w.set("bob", contacts.Setting{Presence: true, Typing: true}) }, true, false},
		"and again":                   {func(w *world) { w.set("bob", contacts.Setting{}); w.set("bob", open) }, true, true},
		"the contact is forgotten": {func(w *world) {
			w.write("bob", func(t *tx.Tx) error {
				return w.o.Contacts.Remove(t, w.id["bob"], contacts.IDOf(addressOf("ann")))
			})
		}, false, false},
		"switched off": {func(w *world) {
			w.write("bob", func(t *tx.Tx) error { return w.o.Directory.SetDisabled(t, w.id["bob"], true) })
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 2)
			w.letters("ann", "bob")
			bob := w.connect("bob", 1)
			c.before(w)
			bob.take()
			for state, want := range map[State]bool{Composing: c.typing, Paused: c.typing, Reading: c.reads, Gone: c.typing || c.reads} {
				w.signal(0, "ann", state, "bob")
				if got := bob.take(); len(got) == 1 != want {
					t.Errorf("%s: bob hears %q", state, got)
				}
			}
		})
	}
}

// Whoever is named, the answer is the same, and comes before anything is decided.
func TestSendTellsNothing(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 1)
	w.letters("ann", "bob")
	for _, to := range []mail.Address{addressOf("bob"), addressOf("cleo"), addressOf("nobody"), {Local: "x", Domain: "elsewhere.example"}, addressOf("ann"), {}} {
		if err := w.nodes[0].Send(Draft{From: w.id["ann"], To: []mail.Address{to}, State: Composing}); err != nil {
			t.Errorf("%v: %v", to, err)
		}
	}
	waiting := w.nodes[0].worker(w.id["ann"]).drafts
	if len(waiting) != 6 {
		t.Errorf("%d drafts wait for a decision", len(waiting))
	}
}

func TestSendRefuses(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 1)
	n := w.nodes[0]
	to := func(n int) []mail.Address { return make([]mail.Address, n) }
	for name, c := range map[string]struct {
		d    Draft
		want mail.Kind
	}{
		"nobody":            {Draft{State: Composing}, mail.Invalid},
		"too many":          {Draft{State: Composing, To: to(MaxRecipients + 1)}, mail.Invalid},
		"presence":          {Draft{State: Online, To: to(1)}, mail.Invalid},
		"nothing":           {Draft{To: to(1)}, mail.Invalid},
		"another's words":   {Draft{State: "dancing", To: to(1)}, mail.Invalid},
		"as many as may be": {Draft{State: Gone, To: to(MaxRecipients)}, mail.Other},
	} {
		if err := n.Send(c.d); mail.KindOf(err) != c.want || c.want == mail.Other && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The rate is the sender's alone, whomever he writes to; it comes back with time, and what is full is not remembered.
func TestRate(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 1)
	n := w.nodes[0]
	send := func(from string) error {
		return n.Send(Draft{From: w.id[from], To: []mail.Address{addressOf("nobody")}, State: Composing})
	}
	for i := range Burst {
		w.must(send("ann"))
		if i == 0 {
			w.must(send("bob"))
		}
	}
	if err := send("ann"); !mail.Is(err, mail.Limit) {
		t.Errorf("beyond the burst: %v", err)
	}
	w.must(send("bob"))
	w.now = w.now.Add(time.Second)
	for range PerSecond {
		w.must(send("ann"))
	}
	if err := send("ann"); !mail.Is(err, mail.Limit) {
		t.Errorf("beyond the rate: %v", err)
	}
	w.pass(Burst / PerSecond * time.Second)
	if len(n.buckets) != 0 {
		t.Errorf("%d buckets are kept", len(n.buckets))
	}
}

// What becomes of signals is counted, without whose they are.
func TestObserved(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 1)
	seen := observed{}
	w.nodes[0].o.Observe = seen
	w.letters("ann", "bob")
	w.connect("bob", 0)
	w.signal(0, "ann", Composing, "bob")
	w.signal(0, "ann", Composing, "cleo")
	w.must(w.nodes[0].Send(Draft{From: w.id["ann"], To: []mail.Address{addressOf("bob")}, State: Composing}))
	w.now = w.now.Add(2 * MaxAge)
	w.pass(tickEvery)
	w.work()
	if seen[Passed] != 1 || seen[Nobody] != 1 || seen[Dropped] != 1 || seen["here"] != 1 {
		t.Errorf("observed %v", seen)
	}
}

type observed map[string]int

func (o observed) Signal(result string) { o[result]++ }
func (o observed) Here(accounts int)    { o["here"] = accounts }

// What waited too long, on the way to a decision or between nodes, is dropped; and so is what is too much.
func TestLate(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 1)
	w.letters("ann", "bob")
	bob := w.connect("bob", 0)
	bob.take()
	send := func() {
		w.must(w.nodes[0].Send(Draft{From: w.id["ann"], To: []mail.Address{addressOf("bob")}, State: Composing}))
	}
	send()
	w.now = w.now.Add(MaxAge + time.Second)
	w.work()
	w.want(bob)
	late := notice{kind: kindSignal, to: w.id["bob"], state: Composing, at: w.now.Add(-MaxAge - time.Second)}
	w.nodes[0].publish(late)
	w.want(bob)
	for range maxWaiting + 10 {
		w.nodes[0].worker(w.id["ann"]).draft(Draft{From: w.id["ann"], State: Composing, At: w.now})
	}
	if n := len(w.nodes[0].worker(w.id["ann"]).drafts); n != maxWaiting {
		t.Errorf("%d drafts wait", n)
	}
}

// Presence: online at once, for a moment after the last client has gone, then today, then nothing.
func TestPresence(t *testing.T) {
	each(t, 2, func(t *testing.T, w *world) {
		w.letters("ann", "bob")
		w.letter("ann", "cleo")
		ann, cleo := w.connect("ann", 0), w.connect("cleo", 1)
		w.want(ann)
		bob := w.connect("bob", 1)
		w.want(ann, "bob online")
		w.want(bob, "ann online")
		second := w.connect("ann", 0)
		w.want(second, "bob online")
		other := w.connect("ann", 1)
		w.want(other, "bob online")
		w.want(bob)

		bob.stop()
		w.pass(Grace - time.Second)
		bob = w.connect("bob", 0) // comes back, by another way
		w.pass(time.Minute)
		w.want(ann)
		w.want(bob, "ann online")
		bob.stop()
		w.pass(Grace + tickEvery)
		w.want(ann, "bob today")
		if s := w.nodes[0].table.left[w.id["bob"]]; w.now.Sub(s) > Grace+tickEvery {
			t.Errorf("left at %v", s)
		}
		late := w.connect("ann", 0)
		w.want(late, "bob today")
		w.want(cleo)
		w.pass(Today)
		if fresh := w.connect("cleo", 0); len(fresh.take()) != 0 || len(w.nodes[0].table.left) != 0 {
			t.Error("after a day it is remembered")
		}
	})
}

// Who becomes a mutual contact is seen, who is blocked is not seen any more and sees nobody, at once.
func TestPresenceFollowsContacts(t *testing.T) {
	each(t, 2, func(t *testing.T, w *world) {
		ann, bob := w.connect("ann", 0), w.connect("bob", 1)
		w.letter("ann", "bob")
		w.want(ann)
		w.letter("bob", "ann")
		w.want(ann, "bob online")
		w.want(bob, "ann online")
		w.block("ann", "bob", true)
		w.want(ann, "bob unknown")
		w.want(bob, "ann unknown")
		bob.stop()
		w.pass(time.Minute)
		bob = w.connect("bob", 1)
		w.want(ann)
		w.want(bob)
		w.block("ann", "bob", false)
		w.want(ann, "bob online")
		w.want(bob, "ann online")
		w.set("bob", contacts.Setting{Typing: true})
		w.want(ann, "bob unknown")
		w.want(bob, "ann unknown")
		bob.stop()
		w.pass(time.Minute)
		if late := w.connect("ann", 1); len(late.take())+len(ann.take()) != 0 {
			t.Error("who hides has left a trace")
		}
	})
}

// Who shows less while he is away, or whose node has just failed, is not seen any more either.
func TestRevokedWhileAway(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 2)
	w.letters("ann", "bob")
	w.letters("ann", "cleo")
	bob := w.connect("bob", 1)
	w.connect("ann", 0).stop()
	w.pass(time.Minute)
	w.want(bob, "ann online", "ann today")
	w.set("ann", contacts.Setting{})
	w.want(bob, "ann unknown")
	late := w.connect("cleo", 1)
	w.set("ann", contacts.DefaultSetting)
	w.want(late)
	w.connect("ann", 0)
	w.want(bob, "ann online")
	w.fail(0)
	w.block("ann", "bob", true)
	w.want(bob, "ann unknown")
	w.want(late, "ann online")
}

// A node that ends without a word takes those with it whom nobody else has seen.
func TestNodeFails(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 3)
	w.letters("ann", "bob")
	w.letters("ann", "cleo")
	ann, _, _, _ := w.connect("ann", 0), w.connect("bob", 1), w.connect("cleo", 1), w.connect("cleo", 2)
	ann.take()
	w.fail(1)
	w.pass(nodeSilent - beatEvery)
	w.want(ann)
	w.pass(2 * beatEvery)
	w.want(ann, "bob unknown")
	if ann.sees["cleo"] != Online {
		t.Error("who is at another node too is not seen")
	}
}

// A circle that is full takes nobody up, whoever asks.
func TestCircleIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	table := newTable(1)
	table.open(&Watch{account: 1})
	full := make([]Link, MaxCircle)
	for i := range full {
		full[i] = Link{Peer: mail.AccountID(100 + i)}
	}
	table.loaded(1, full, true, 0, now)
	ask := notice{kind: kindHere, node: 2, from: 2, to: 1, state: Online, answer: true, at: now.Add(time.Hour)}
	if d := table.heard(ask, now.Add(time.Hour)); len(d.publish)+len(d.deliver)+len(d.load) != 0 || len(table.here[1].circle) != MaxCircle {
		t.Errorf("it does %+v, and has %d", d, len(table.here[1].circle))
	}
	ask.from = 100
	if d := table.heard(ask, now.Add(time.Hour)); len(d.publish) != 1 || len(d.deliver) != 1 {
		t.Errorf("somebody of the circle: it does %+v", d)
	}
}

// What the bus has lost is made good, whichever way it was.
func TestLostNotices(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 2)
	w.letters("ann", "bob")
	w.letters("ann", "cleo")
	w.letters("bob", "cleo")
	ann, cleo := w.connect("ann", 0), w.connect("cleo", 1)
	w.deaf = true
	bob := w.connect("bob", 1)
	w.block("ann", "cleo", true)
	w.want(cleo, "ann online") // from before
	w.deaf = false
	w.pass(reloadEvery + tickEvery)
	w.want(ann, "cleo online", "cleo unknown", "bob online")
	if bob.sees["ann"] != Online || bob.sees["cleo"] != Online || cleo.sees["bob"] != Online || cleo.sees["ann"] != Unknown {
		t.Errorf("bob sees %v, cleo %v", bob.sees, cleo.sees)
	}
}

// A circle that cannot be read is read later.
func TestReadingFails(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 1)
	w.letters("ann", "bob")
	ann := w.connect("ann", 0)
	fault := &faulty{Society: NewSociety(w.o), err: errors.New("no database")}
	w.nodes[0].o.Society = fault
	w.connect("bob", 0)
	w.signal(0, "bob", Composing, "ann")
	w.want(ann)
	fault.err = nil
	w.pass(2 * retryAfter)
	w.want(ann, "bob online")
}

type faulty struct {
	Society
	err error
}

func (f *faulty) Circle(ctx context.Context, account mail.AccountID) ([]Link, bool, error) {
	if f.err != nil {
		return nil, false, f.err
	}
	return f.Society.Circle(ctx, account)
}

func (f *faulty) Recipients(ctx context.Context, d Draft) ([]Link, []Outgoing, error) {
	if f.err != nil {
		return nil, nil, f.err
	}
	return f.Society.Recipients(ctx, d)
}

// Between servers each side decides its half.
func TestRemote(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		zoe := mail.Address{Local: "zoe", Domain: "elsewhere.example"}
		send := func() {
			w.must(w.nodes[0].Send(Draft{From: w.id["ann"], To: []mail.Address{zoe}, State: Composing}))
			w.work()
		}
		receive := func(from mail.Address, to string, s State) error {
			return w.nodes[0].Receive(t.Context(), Outgoing{From: from, To: addressOf(to), State: s, At: w.now})
		}
		ann := w.connect("ann", 0)
		send()
		w.must(receive(zoe, "ann", Composing))
		if w.want(ann); len(w.sent) != 0 {
			t.Errorf("to a stranger goes %+v", w.sent)
		}
		w.write("ann", func(t *tx.Tx) error {
			return w.o.Contacts.Wrote(t, w.id["ann"], addressOf("ann2"), []contacts.Person{{Address: zoe}})
		})
		send()
		if len(w.sent) != 1 || w.sent[0].From != addressOf("ann2") || w.sent[0].To != zoe || w.sent[0].State != Composing {
			t.Errorf("sent %+v", w.sent)
		}
		w.must(receive(zoe, "ann", Composing)) // she knows another address of ann's
		w.want(ann)
		w.must(receive(zoe, "ann2", Composing))
		w.want(ann, "zoe composing")
		w.letters("ann", "bob")
		w.must(receive(addressOf("bob"), "ann", Composing)) // nobody else speaks for ours
		w.must(receive(zoe, "nobody", Composing))
		w.want(ann)
		if err := receive(zoe, "ann2", Online); !mail.Is(err, mail.Invalid) {
			t.Errorf("presence from elsewhere: %v", err)
		}
		w.set("ann", contacts.Setting{})
		send()
		w.must(receive(zoe, "ann2", Composing))
		if w.want(ann); len(w.sent) != 1 {
			t.Errorf("who hides has sent %+v", w.sent)
		}
	})
}

// Nothing of what passes is in the log.
func TestNothingIsLogged(t *testing.T) {
	w := newWorld(t, dbtest.OnSQLite(t, schema.Files)(), 1)
	var log strings.Builder
	n := New(Options{Bus: w.bus, Follow: w.follow, Log: newLog(&log),
		Society: &faulty{err: mail.E("x", mail.Unavailable, errors.New("ann@example.org"))}})
	heard := make(chan Signal, 1)
	n.Watch(w.id["bob"], func(s Signal) { heard <- s })
	w.must(n.Send(Draft{From: w.id["ann"], To: []mail.Address{addressOf("bob")}, State: Composing}))
	n.publish(notice{kind: kindSignal, to: w.id["bob"], as: Name{1, addressOf("ann")}, state: Composing, at: time.Now()})
	<-heard
	n.Close()
	for _, word := range []string{"ann", "bob", "composing", "example.org", w.id["ann"].String()} {
		if strings.Contains(log.String(), word) {
			t.Errorf("the log names %q: %s", word, log.String())
		}
	}
}
