package inbound_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/inbound"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/rfc/dsn"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// received is the trace field of a transaction for several recipients, without the Return-Path.
func received(id string) string {
	_, field, _ := strings.Cut(trace(id), "\r\n")
	return field
}

// take has a message received for recipients that ask to be told of everything.
func take(r *mailflowtest.Rooms, from, content string, to ...string) ([]mail.Outcome, error) {
	r.T.Helper()
	e := &mail.Envelope{ID: "id1", ReversePath: mailflowtest.Address(from), EnvID: "env1", Ret: mail.RetFull}
	for _, address := range to {
		one := mail.Recipient{Address: mailflowtest.Address(address), Notify: mail.NotifySuccess | mail.NotifyFailure}
		known, err := r.Recipient(r.T.Context(), r.Session(), e, one)
		r.Must(err)
		e.Recipients = append(e.Recipients, known)
	}
	return r.Take(e, strings.NewReader(content))
}

// Mail for an address that leads to one other server goes on with everything the sender asked for, and unchanged but for one
// field above it.
func TestForward(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		r.Alias("gone", "bob@elsewhere.example")
		_, err := take(r, "eve@client.example", plain, "gone", "ann")
		r.Must(err)
		spooled := r.Owing()
		if len(spooled) != 2 || len(r.Inbox(ann)) != 1 { // and ann's report, see TestSuccessReport
			t.Fatalf("%d messages in the spool", len(spooled))
		}
		m := spooled[0]
		back, err := r.Sender.Reverse(m.Envelope.ReversePath)
		if err != nil || back != mailflowtest.Address("eve@client.example") || m.Envelope.ReversePath.Domain != "example.org" {
			t.Errorf("it goes on from %s: %v", m.Envelope.ReversePath, err)
		}
		want := mail.Recipient{Address: mailflowtest.Address("bob@elsewhere.example"), Notify: mail.NotifySuccess | mail.NotifyFailure,
			Original: mail.OriginalRecipient{Type: "rfc822", Address: "gone@example.org"}}
		if fmt.Sprint(m.Envelope.Recipients) != fmt.Sprint([]mail.Recipient{want}) || m.Envelope.EnvID != "env1" || m.Envelope.Ret != mail.RetFull {
			t.Errorf("it goes on to %+v", m.Envelope)
		}
		if want := "Delivered-To: gone@example.org\r\n" + received("id1") + plain; m.Content != want || m.Size != int64(len(want)) {
			t.Errorf("%d bytes go on: %q", m.Size, m.Content)
		}
	})
}

// <Postmaster> has no domain (RFC 5321 4.5.1); what is made of it on the way on has one.
func TestForwardPostmaster(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		r.Account("ann")
		r.Alias("postmaster", "bob@elsewhere.example")
		e := &mail.Envelope{ID: "id1", ReversePath: mailflowtest.Address("eve@client.example")}
		known, err := r.Recipient(t.Context(), r.Session(), e, mail.Recipient{Address: mail.Address{Local: "Postmaster"}})
		r.Must(err)
		e.Recipients = append(e.Recipients, known)
		_, err = r.Take(e, strings.NewReader(plain))
		r.Must(err)
		m := r.Owing()[0]
		back, err := r.Sender.Reverse(m.Envelope.ReversePath)
		if err != nil || back != e.ReversePath || m.Envelope.ReversePath.Domain != "mx.example.org" {
			t.Errorf("it goes on from %q: %v", m.Envelope.ReversePath, err)
		}
		if !strings.HasPrefix(m.Content, "Delivered-To: Postmaster@mx.example.org\r\n") {
			t.Errorf("what goes on is %q", m.Content)
		}
	})
}

// Where an address leads to several, the sender is told "expanded" if he asked, and the request goes no further.
func TestForwardAndKeep(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		r.Alias("both", "ann", "bob@elsewhere.example", "carol@third.example")
		_, err := take(r, "eve@client.example", plain, "both")
		r.Must(err)
		spooled := r.Owing()
		if len(r.Inbox(ann)) != 1 || len(spooled) != 2 || len(spooled[0].Envelope.Recipients) != 2 {
			t.Fatalf("ann has %d, the spool is %+v", len(r.Inbox(ann)), spooled)
		}
		for _, to := range spooled[0].Envelope.Recipients {
			if to.Notify != mail.NotifyFailure {
				t.Errorf("%s goes on with NOTIFY %d", to.Address, to.Notify)
			}
		}
		toldOf(t, spooled[1], "eve@client.example", "both@example.org expanded 2.0.0")
	})
}

// toldOf reads a report.
func toldOf(t *testing.T, m mailflowtest.Owed, to string, want ...string) {
	t.Helper()
	if e := m.Envelope; !e.ReversePath.IsNull() || len(e.Recipients) != 1 || e.Recipients[0].Address.String() != to || e.Recipients[0].Notify != mail.NotifyNever {
		t.Errorf("the report goes to %+v", e)
	}
	report, err := dsn.Parse(strings.NewReader(m.Content), int64(len(m.Content)))
	if err != nil || report.EnvID != "env1" || report.MessageID != "one@client.example" || report.ReportingMTA != mailflowtest.Hostname {
		t.Errorf("%+v, %v", report, err)
	}
	var got []string
	for _, one := range report.Recipients {
		got = append(got, fmt.Sprintf("%s %s %s", one.Final.Text, one.Action, one.Status))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("told is %q, want %q", got, want)
	}
}

// RFC 3461 5.2.3: delivery to a mailbox is told to who asked, in the commit that makes it true.
func TestSuccessReport(t *testing.T) {
	failing := new(failingDelivery)
	o := mailflowtest.Options{Delivery: func(d inbound.Delivery) inbound.Delivery { failing.Delivery = d; return failing }}
	eachWith(t, o, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		r.Accounts(2)
		_, err := take(r, "eve@client.example", plain, "u0", "u1+x")
		r.Must(err)
		spooled := r.Owing()
		if len(spooled) != 1 {
			t.Fatalf("%d messages in the spool", len(spooled))
		}
		toldOf(t, spooled[0], "eve@client.example", "u0@example.org delivered 2.0.0", "u1+x@example.org delivered 2.0.0")
		if strings.Contains(spooled[0].Content, "\r\nText\r\n") {
			t.Error("a report of success returns more than the header")
		}
		_, err = take(r, "", plain, "u0")
		r.Must(err)
		r.Send("id2", plain, "u1")
		failing.after = errors.New("on purpose")
		if _, err := take(r, "eve@client.example", plain, "u0"); err == nil {
			t.Error("it was to fail")
		}
		failing.after = nil
		if n := len(r.Owing()); n != 1 {
			t.Errorf("%d messages in the spool: the null reverse-path, who did not ask, or who was not served is told", n)
		}
	})
}

// A report that comes back goes to the original sender; nothing else passes there.
func TestWayBack(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		back, err := r.Sender.Forward(mailflowtest.Address("eve@client.example"), "example.org")
		r.Must(err)
		to := func(from string, a mail.Address) (mail.Recipient, error) {
			return r.Recipient(t.Context(), r.Session(), &mail.Envelope{ReversePath: mailflowtest.Address(from)}, mail.Recipient{Address: a})
		}
		known, err := to("", back)
		if err != nil || fmt.Sprint(known.Elsewhere) != "[eve@client.example]" || len(known.Accounts) != 0 {
			t.Errorf("a report goes to %+v, %v", known, err)
		}
		forged := back
		forged.Local = strings.Replace(forged.Local, "=eve", "=bob", 1)
		for _, c := range []struct {
			from string
			to   mail.Address
			want string
		}{{"x@y.example", back, "550 5.7.1"}, {"", forged, "550 5.1.1"}} {
			var reply mail.Reply
			if _, err := to(c.from, c.to); !errors.As(err, &reply) || fmt.Sprint(reply.Code, " ", reply.Enhanced) != c.want {
				t.Errorf("from %q to %s: %v", c.from, c.to, err)
			}
		}
		all := mailflowtest.Address("ann")
		_, err = r.Provision.ChangeDomain(t.Context(), "example.org", provision.DomainChange{CatchAll: &all})
		r.Must(err)
		for a, want := range map[mail.Address]string{back: "[eve@client.example]", forged: "[]"} { // a catch-all does not stand in the way
			if known, err = to("", a); err != nil || fmt.Sprint(known.Elsewhere) != want {
				t.Errorf("with a catch-all, %s leads to %+v, %v", a, known, err)
			}
		}
		known, err = to("", back)
		r.Must(err)
		e := &mail.Envelope{ID: "id1", Recipients: []mail.Recipient{known}}
		_, err = r.Take(e, strings.NewReader(plain))
		r.Must(err)
		spooled := r.Owing()
		if len(spooled) != 1 || !spooled[0].Envelope.ReversePath.IsNull() || spooled[0].Envelope.Recipients[0].Address != mailflowtest.Address("eve@client.example") || len(r.Inbox(ann)) != 0 {
			t.Errorf("the spool has %+v", spooled)
		}
	})
}

// Senders of ours keep their reverse-path, and others are found on the way back, however long they are.
func TestReversePath(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		r.Alias("gone", "bob@elsewhere.example")
		long := strings.Repeat("x", 60) + "@client.example"
		for _, c := range [][2]string{{"ann@example.org", "ann@example.org"}, {"", ""}, {long, "SRS0="}, {"a@[192.0.2.1]", `"SRS0=`}} {
			_, err := take(r, c[0], plain, "gone")
			r.Must(err)
			spooled := r.Owing()
			if got := spooled[len(spooled)-1].Envelope.ReversePath.String(); !strings.HasPrefix(got, c[1]) || c[1] == "" && got != "" {
				t.Errorf("mail from %q goes on from %q", c[0], got)
			}
			if !strings.Contains(c[1], "SRS0") {
				continue
			}
			back := spooled[len(spooled)-1].Envelope.ReversePath
			known, err := r.Recipient(t.Context(), r.Session(), &mail.Envelope{}, mail.Recipient{Address: back})
			if err != nil || fmt.Sprint(known.Elsewhere) != "["+c[0]+"]" {
				t.Errorf("%s leads back to %+v, %v", back, known, err)
			}
		}
	})
}

// Mail that has passed an address does not pass it again.
func TestCircles(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		r.Alias("gone", "bob@elsewhere.example")
		for _, mark := range []string{"Delivered-To: gone@example.org\r\n", "delivered-to:\r\n <GONE@Example.org>\r\n"} {
			circling := strings.Repeat("Delivered-To: x@y.example\r\n", 3) + mark + plain
			_, err := take(r, "eve@client.example", circling, "gone")
			var reply mail.Reply
			if !errors.As(err, &reply) || reply.Code != 554 || reply.Enhanced != (mail.EnhancedCode{5, 4, 6}) {
				t.Errorf("%v", err)
			}
			if len(r.Owing()) != 0 || r.Objects() != 0 {
				t.Fatalf("%d messages in the spool, %d bodies", len(r.Owing()), r.Objects())
			}
		}
		circling := "Delivered-To: gone@example.org\r\n" + plain
		// Among others, SMTP has no reply for one: the sender is told by a report. LMTP has.
		outcomes, err := take(r, "eve@client.example", circling, "gone", "ann")
		if err != nil || outcomes[0].Status != mail.Refused || outcomes[1].Status != mail.Delivered || len(r.Inbox(ann)) != 1 {
			t.Errorf("%v, %v", outcomes, err)
		}
		spooled := r.Owing()
		if len(spooled) != 1 {
			t.Fatalf("%d messages in the spool", len(spooled))
		}
		toldOf(t, spooled[0], "eve@client.example", "gone@example.org failed 5.4.6", "ann@example.org delivered 2.0.0")
		s := r.Session()
		s.LMTP = true
		outcomes, err = r.Receive(t.Context(), s, r.Envelope("id2", "gone", "ann"), strings.NewReader(circling))
		if err != nil || outcomes[0].Status != mail.Refused || outcomes[0].Reply.Code != 554 || len(r.Owing()) != 1 {
			t.Errorf("%v, %v; %d messages in the spool", outcomes, err, len(r.Owing()))
		}
		// In the body, or of another address, it is no mark.
		_, err = take(r, "eve@client.example", "Delivered-To: gone@elsewhere.example\r\n"+plain+"Delivered-To: gone@example.org\r\n", "gone")
		r.Must(err)
	})
}

// As much as fits into a commit, and no more: what is taken at RCPT goes through.
func TestOnwardLimit(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		names := names(31)
		r.Accounts(len(names))
		r.Group("all", directory.PostAnyone, members(directory.MaxMembers)...)
		r.Alias("gone", "bob@elsewhere.example")
		e := &mail.Envelope{ID: "id1", ReversePath: mailflowtest.Address("eve@client.example")}
		for i, to := range append([]string{"all"}, names...) {
			known, err := r.Recipient(t.Context(), r.Session(), e, mail.Recipient{Address: mailflowtest.Address(to), Notify: mail.NotifySuccess})
			if err != nil {
				if !mail.Is(err, mail.Limit) || i < 25 {
					t.Fatalf("recipient %d: %v", i, err)
				}
				break
			}
			e.Recipients = append(e.Recipients, known)
		}
		if _, err := r.Recipient(t.Context(), r.Session(), e, mail.Recipient{Address: mailflowtest.Address("gone")}); err != nil && !mail.Is(err, mail.Limit) {
			t.Error(err)
		}
		if _, err := r.Recipient(t.Context(), r.Session(), e, mail.Recipient{Address: mailflowtest.Address("all")}); !mail.Is(err, mail.Limit) {
			t.Errorf("a thousand more: %v", err)
		}
		_, err := r.Take(e, strings.NewReader(threaded("x")))
		r.Must(err)
		if n := len(r.Owing()); n != directory.MaxMembers/100+1 {
			t.Errorf("%d messages in the spool", n)
		}
	})
}

func members(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("m%d@elsewhere.example", i)
	}
	return out
}

// job is one that the queue would make.
func job(id mail.SpoolID, from, content string, to ...string) mailflow.Job {
	e := &mail.Envelope{ID: "id1", ReversePath: mailflowtest.Address(from)}
	for _, address := range to {
		e.Recipients = append(e.Recipients, mail.Recipient{Address: mailflowtest.Address(address)})
	}
	return mailflow.Job{Spool: id, Envelope: e, Domain: "example.org", Size: int64(len(content)), MayEnd: func() bool { return true },
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

// Mail of the spool comes to mailboxes and goes on, once, however often the job comes again.
func TestLocal(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, d *db.DB) {
		ann, bob := r.Account("ann"), r.Account("bob")
		r.Alias("both", "ann", "bob")
		r.Alias("gone", "x@elsewhere.example")
		j := job(7, "", plain, "ann", "both", "nobody", "gone", "ann+tag")
		for range 2 {
			var got []string
			for _, a := range r.Local().Deliver(t.Context(), j) {
				got = append(got, fmt.Sprintf("%s %d %v %v", a.Event.Kind, a.Event.Reply.Code, a.Event.Reply.Enhanced, a.Reports))
			}
			want := []string{"delivered 250 2.1.5 false", "delivered 250 2.1.5 false", "failed 550 5.1.1 false", "relayed 250 2.1.5 true", "delivered 250 2.1.5 false"}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got %q", got)
			}
			if a, b, s := r.Inbox(ann), r.Inbox(bob), r.Owing(); len(a) != 1 || len(b) != 1 || len(s) != 1 || a[0].Content != "Return-Path: <>\r\n"+plain {
				t.Errorf("ann has %d, bob %d, the spool %d", len(a), len(b), len(s))
			}
		}
		r.Local().Deliver(t.Context(), job(8, "", plain, "ann"))
		if n := len(r.Inbox(ann)); n != 2 {
			t.Errorf("another message: ann has %d", n)
		}
		var known int // steps that are known as done when the queue gives up, five days from now, and a day more
		r.Must(d.Read(t.Context(), func(t *db.Tx) error {
			return t.QueryRow(`SELECT COUNT(*) FROM done WHERE at >= $1`, t.Now().Add(6*24*time.Hour-tx.DoneKept)).Scan(&known)
		}))
		if known != 4 { // ann, bob, onward; ann again
			t.Errorf("%d steps are remembered for longer than mail is tried", known)
		}
	})
}

// What cannot be done now is deferred, and nothing is left of it.
func TestLocalDefers(t *testing.T) {
	failing := new(failingDelivery)
	o := mailflowtest.Options{Delivery: func(d inbound.Delivery) inbound.Delivery { failing.Delivery = d; return failing }}
	eachWith(t, o, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		one := func(j mailflow.Job) mail.Event {
			a := r.Local().Deliver(t.Context(), j)[0]
			if a.Here != (a.Event.Kind == mail.EventDeferred) {
				t.Errorf("%+v: what fails here is tried again soon", a)
			}
			return a.Event
		}
		lost := job(1, "", plain, "ann")
		lost.MayEnd = func() bool { return false }
		unread := job(1, "", plain, "ann")
		unread.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("on purpose") }
		for name, j := range map[string]mailflow.Job{"a lost lease": lost, "content that cannot be opened": unread} {
			if e := one(j); e.Kind != mail.EventDeferred || e.Reply.Code != 451 {
				t.Errorf("%s: %+v", name, e)
			}
		}
		failing.after = errors.New("on purpose")
		if e := one(job(1, "", plain, "ann")); e.Kind != mail.EventDeferred || strings.Contains(e.Reply.Text, "purpose") {
			t.Errorf("the store fails: %+v", e)
		}
		failing.after = nil
		if len(r.Inbox(ann)) != 0 {
			t.Errorf("ann has %d", len(r.Inbox(ann)))
		}
		if e := one(job(1, "", plain, "ann")); e.Kind != mail.EventDelivered || len(r.Inbox(ann)) != 1 {
			t.Errorf("again: %+v", e)
		}
	})
}

// Circles are found here, too: the header says so.
func TestLocalCircles(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		r.Alias("gone", "x@elsewhere.example")
		a := r.Local().Deliver(t.Context(), job(1, "eve@client.example", "Delivered-To: gone@example.org\r\n"+plain, "gone"))[0]
		if a.Event.Kind != mail.EventFailed || a.Event.Reply.Enhanced != (mail.EnhancedCode{5, 4, 6}) || len(r.Owing()) != 0 || r.Objects() != 0 {
			t.Errorf("%+v; the spool has %d, %d bodies", a, len(r.Owing()), r.Objects())
		}
	})
}
