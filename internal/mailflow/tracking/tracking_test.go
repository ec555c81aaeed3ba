package tracking_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/mailflow/tracking"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Mail to people here is delivered at once, and displayed when they open it, if they let the sender know.
func TestDisplayedHere(t *testing.T) {
	ann := contacts.Contact{Address: mailflowtest.Address("ann")}
	accepted, blocked, never, always := ann, ann, ann, ann
	accepted.Accepted, blocked.Blocked = true, true
	never.Accepted, never.Shown = true, contacts.Never
	always.Shown = contacts.Always
	for name, c := range map[string]struct {
		to      contacts.Consent // 0: nothing chosen
		contact *contacts.Contact
		want    string
	}{
		"a stranger":                    {0, nil, "unknown"},
		"a contact":                     {0, &accepted, "yes"},
		"a blocked one":                 {contacts.Always, &blocked, "unknown"},
		"nobody":                        {contacts.Never, &accepted, "unknown"},
		"everybody":                     {contacts.Always, nil, "yes"},
		"nobody but ann":                {contacts.Never, &always, "yes"},
		"everybody but ann":             {contacts.Always, &never, "unknown"},
		"contacts, of whom ann is none": {contacts.Known, nil, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.do(func(t *tx.Tx) error {
					if c.to != 0 {
						if err := w.Contacts.SetSetting(t, w.bob, contacts.Setting{Displayed: c.to}); err != nil {
							return err
						}
					}
					if c.contact != nil {
						_, err := w.Contacts.Add(t, w.bob, *c.contact)
						return err
					}
					return nil
				}, w.bob)
				sub := w.submit("bob")
				if got := w.fate(sub); got != "yes/unknown" || w.keywords(sub) != "$delivered" {
					t.Fatalf("it is %s, %s", got, w.keywords(sub))
				}
				before := w.told()
				w.see(w.bob)
				w.Tracking.Tell(t.Context(), w.ann)
				wantKeywords, wantTold := "$delivered", 0
				if c.want == "yes" {
					wantKeywords, wantTold = "$delivered $displayed", 1
				}
				if got := w.fate(sub); got != "yes/"+c.want || w.keywords(sub) != wantKeywords || w.told()-before != wantTold {
					t.Errorf("then it is %s, %s, told %d times", got, w.keywords(sub), w.told()-before)
				}
				w.see(w.bob)
				w.Tracking.Tell(t.Context(), w.ann)
				if w.told()-before != wantTold {
					t.Errorf("seen twice, it is told %d times", w.told()-before)
				}
			})
		})
	}
}

// What one sends to oneself is displayed too.
func TestDisplayedByOneself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sub := w.submit("ann")
		w.see(w.ann)
		w.Tracking.Tell(t.Context(), w.ann)
		if got := w.fate(sub); got != "yes/yes" || w.keywords(sub) != "$delivered $displayed" {
			t.Errorf("it is %s, %s", got, w.keywords(sub))
		}
	})
}

// The keywords of the copy follow what becomes of all recipients.
func TestKeywords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sub := w.submit("carol@example.net", "dora@example.net", "bob") // bob has it, and is the last
		tell := func(want string) {
			t.Helper()
			w.Tracking.Tell(t.Context(), w.ann)
			if got := sorted(w.keywords(sub)); got != want {
				t.Errorf("keywords are %q, want %q", got, want)
			}
		}
		tell("")
		w.record(sub, 0, mail.EventAttempted, mail.EventDeferred)
		tell("$delayed")
		w.record(sub, 0, mail.EventAttempted, mail.EventRelayed)
		tell("")
		w.record(sub, 1, mail.EventAttempted, mail.EventFailed)
		tell("$undelivered")
		w.record(sub, 0, mail.EventDelivered)
		tell("$undelivered")
	})
}

// A mail program that keeps its own copy sees on it what becomes of the message, from the beginning.
func TestOwnCopy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(func(t *tx.Tx) error { return w.Submissions.SetSending(t, w.ann, submissions.Sending{}) }, w.ann)
		sub := w.submit("bob")
		if before := w.told(); sub.Email != 0 || before != 0 {
			t.Fatalf("without a copy it has %v, told %d", sub.Email, before)
		}
		keep := func(id string) {
			t.Helper()
			w.do(func(t *tx.Tx) error {
				sent, err := w.Mailbox.ByRole(t, w.ann, mailbox.RoleSent)
				if err != nil {
					return err
				}
				_, err = w.Mailbox.Append(t, w.ann, sent.ID, mailbox.Message{Size: 1, Summary: []byte("x"), MessageIDs: []string{id}})
				return err
			}, w.ann)
			w.Tracking.Tell(t.Context(), w.ann)
			list, _ := w.Submitted(w.ann)
			sub = list[0]
		}
		if keep("another@example.org"); sub.Email != 0 {
			t.Errorf("another message is its copy: %v", sub.Email)
		}
		keep(sub.MessageID)
		first := sub.Email
		if first == 0 || w.keywords(sub) != "$delivered" || w.told() != 2 {
			t.Errorf("the copy is %v, with %q, told %d times", first, w.keywords(sub), w.told())
		}
		if keep(sub.MessageID); sub.Email != first {
			t.Error("a second copy takes its place")
		}
	})
}

// The copy of what is sent later waits in the mailbox for that, and lies in Sent once the message has left; unless its owner has put it elsewhere.
func TestScheduled(t *testing.T) {
	for name, elsewhere := range map[string]bool{"it waits": false, "it was moved": true} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				envelope := &mail.Envelope{ID: "t", ReversePath: mailflowtest.Address("ann"), HoldUntil: time.Now().Add(time.Hour)}
				w.Must(w.Submit(w.ann, envelope, strings.NewReader("From: ann@example.org\r\nTo: you\r\n\r\nhello\r\n"), "carol@example.net"))
				list, _ := w.Submitted(w.ann)
				sub := list[0]
				var sent, waiting mailbox.Mailbox
				w.do(func(t *tx.Tx) (err error) {
					role := mailbox.RoleScheduled
					if elsewhere {
						role = ""
					}
					if waiting, err = w.Mailbox.As(w.ann).Create(t, w.ann, "Later", role); err != nil {
						return err
					}
					if sent, err = w.Mailbox.ByRole(t, w.ann, mailbox.RoleSent); err != nil {
						return err
					}
					change := mailbox.EmailChange{Email: sub.Email, Mailboxes: []mail.MailboxID{waiting.ID}}
					_, err = w.Mailbox.As(w.ann).ChangeEmails(t, w.ann, []mailbox.EmailChange{change})
					return err
				}, w.ann)
				lies := func() (in mail.MailboxID) {
					w.Must(w.Tx.Read(t.Context(), func(t *tx.Tx) error {
						list, err := w.Mailbox.Memberships(t, w.ann, sub.Email)
						in = list[0].Mailbox
						return err
					}))
					return in
				}
				w.Tracking.Tell(t.Context(), w.ann)
				if lies() != waiting.ID {
					t.Error("it has left the mailbox before its time")
				}
				w.record(sub, 0, mail.EventAttempted, mail.EventRelayed)
				w.Tracking.Tell(t.Context(), w.ann)
				if want := map[bool]mail.MailboxID{false: sent.ID, true: waiting.ID}[elsewhere]; lies() != want {
					t.Errorf("it lies in %v, want %v", lies(), want)
				}
			})
		})
	}
}

// Run tells at once what happens while it runs, and what happened before.
func TestRun(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sub := w.submit("carol@example.net")
		before := w.told()
		w.record(sub, 0, mail.EventAttempted, mail.EventDeferred)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.Tracking.Run(ctx) })
		defer running.Wait()
		defer cancel()
		for i, step := range []struct {
			kinds []mail.EventKind
			want  string
		}{{nil, "$delayed"}, {[]mail.EventKind{mail.EventAttempted, mail.EventRelayed}, ""}} {
			if step.kinds != nil {
				w.record(sub, 0, step.kinds...)
			}
			for deadline := time.Now().Add(20 * time.Second); w.keywords(sub) != step.want || w.told() != before+i+1; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("step %d is not told: %q, %d changes", i, w.keywords(sub), w.told()-before)
				}
			}
		}
	})
}

// Delivery reports count with the envelope id that the message went with, and no others.
func TestDeliveryReports(t *testing.T) {
	const carol, dora = "Final-Recipient: rfc822; Carol@example.net", "Original-Recipient: rfc822; dora@example.net\r\nFinal-Recipient: rfc822; d@elsewhere.example"
	each(t, func(t *testing.T, w *world) {
		owing := func(sub submissions.Submission) string {
			for _, m := range w.Owing() {
				if m.Submission == sub.ID {
					return m.Envelope.EnvID
				}
			}
			return ""
		}
		sub := w.submit("carol@example.net", "dora@example.net")
		other := w.submit("carol@example.net")
		if owing(sub) == "" || owing(sub) != sub.EnvID || sub.EnvID == other.EnvID {
			t.Fatalf("the message goes with the envelope id %q", owing(sub))
		}
		steps := 0
		report := func(want, envID, action string, recipients ...string) {
			t.Helper()
			steps++
			w.Send("r", bounce(envID, action, recipients...), "ann")
			w.Tracking.Tell(t.Context(), w.ann)
			if got := w.fate(sub); got != want {
				t.Errorf("after report %d the message is %s, want %s", steps, got, want)
			}
		}
		const both = "unknown/unknown unknown/unknown"
		report("queued/unknown queued/unknown", sub.EnvID, "failed", carol) // we have it still: nobody else knows
		for n := range 2 {
			w.record(sub, n, mail.EventRelayed)
		}
		forged := strings.TrimRight(sub.EnvID, sub.EnvID[len(sub.EnvID)-1:]) + "aa"
		report(both, forged, "failed", carol)
		report(both, other.EnvID, "failed", carol, dora)
		report(both, "", "failed", carol)
		report(both, strings.Split(sub.EnvID, ".")[0], "failed", carol)
		report(both, sub.EnvID, "failed", "Final-Recipient: rfc822; eve@example.net")
		report(both, sub.EnvID, "failed", "Final-Recipient: x400; carol@example.net")
		report(both, sub.EnvID, "expanded", carol)
		report(both, sub.EnvID, "delayed", carol)
		w.Send("r", bounce(sub.EnvID, "failed", carol), "bob") // to another account
		report(both, sub.EnvID, "nonsense", carol)
		report("unknown/unknown no/unknown", sub.EnvID, "failed", dora)
		if w.keywords(sub) != "$delayed $undelivered" {
			t.Errorf("keywords are %q", w.keywords(sub))
		}
		report("yes/unknown no/unknown", sub.EnvID, "delivered", carol, dora)
		changes := w.told()
		report("yes/unknown no/unknown", sub.EnvID, "delivered", carol, dora) // again
		report("yes/unknown no/unknown", sub.EnvID, "failed", carol)
		if w.told() != changes {
			t.Error("a repeated report is told again")
		}
		if got := w.listed(sub); got != "9 11 12" || w.listed(other) != "" {
			t.Errorf("listed are the reports %s, of another message %s", got, w.listed(other))
		}
		if got := w.fate(other); got != "queued/unknown" {
			t.Errorf("another message is %s", got)
		}
		if got := len(w.Inbox(w.ann)); got != steps {
			t.Errorf("%d of %d reports came to the mailbox", got, steps)
		}
	})
}

// What a report of our own queue says is known when it comes: it is listed all the same.
func TestOwnDeliveryReports(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sub := w.submit("carol@example.net")
		w.record(sub, 0, mail.EventFailed)
		content := bounce(sub.EnvID, "failed", "Final-Recipient: rfc822; carol@example.net")
		w.Send("r", content, "ann")
		w.Send("r", strings.Replace(content, "Reporting-MTA: dns; mx.example.net", "Reporting-MTA: dns; "+mailflowtest.Hostname, 1), "ann")
		before := w.told()
		w.Tracking.Tell(t.Context(), w.ann)
		if got := w.listed(sub); got != "2" || w.told() == before {
			t.Errorf("listed are the reports %s, told %v", got, w.told() > before)
		}
	})
}

// A sender who chose the envelope id himself gets the reports, and they say nothing to us: anybody may know it.
func TestChosenEnvelopeID(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := &mail.Envelope{ID: "t", ReversePath: mailflowtest.Address("ann"), EnvID: "QQ314159"}
		w.Must(w.Submit(w.ann, e, strings.NewReader("From: ann@example.org\r\n\r\nhello\r\n"), "carol@example.net"))
		list, _ := w.Submitted(w.ann)
		if got := w.Owing()[0].Envelope.EnvID; got != "QQ314159" {
			t.Errorf("it goes on as %q", got)
		}
		w.record(list[0], 0, mail.EventRelayed)
		w.Send("r", bounce("QQ314159", "failed", "Final-Recipient: rfc822; carol@example.net"), "ann")
		if got := w.fate(list[0]); got != "unknown/unknown" {
			t.Errorf("the message is %s", got)
		}
	})
}

// Receipts count from the recipient, with an aligned signature that holds.
func TestReceipts(t *testing.T) {
	const carol = "carol@mail.example.net"
	each(t, func(t *testing.T, w *world) {
		sub := w.submit(carol, "dora@mail.example.net")
		for n := range 2 {
			w.record(sub, n, mail.EventRelayed)
		}
		const nothing = "unknown/unknown unknown/unknown"
		check := func(name, want, content, to string) {
			t.Helper()
			w.Send("r", content, to)
			w.Tracking.Tell(t.Context(), w.ann)
			if got := w.fate(sub); got != want {
				t.Fatalf("%s: the message is %s", name, got)
			}
		}
		signed := func(domain, from, about, recipient, disposition string) string {
			head, body := receipt(from, about, recipient, disposition)
			return w.sign(domain, head, body)
		}
		head, body := receipt(carol, sub.MessageID, carol, "displayed")
		check("no signature", nothing, head+body, "ann")
		good := signed("example.net", carol, sub.MessageID, carol, "displayed")
		check("changed", nothing, strings.Replace(good, "It was read", "It is read", 1), "ann")
		check("From above", nothing, "From: "+carol+"\r\n"+signed("example.net", "eve@mail.example.net", sub.MessageID, carol, "displayed"), "ann")
		check("another domain", nothing, signed("example.com", carol, sub.MessageID, carol, "displayed"), "ann")
		check("another domain's own", nothing, signed("example.com", "carol@example.com", sub.MessageID, carol, "displayed"), "ann")
		check("another user", nothing, signed("example.net", "eve@mail.example.net", sub.MessageID, carol, "displayed"), "ann")
		check("another user of himself", nothing, signed("example.net", "eve@mail.example.net", sub.MessageID, "eve@mail.example.net", "displayed"), "ann")
		check("another message", nothing, signed("example.net", carol, "x@example.org", carol, "displayed"), "ann")
		check("deleted", nothing, signed("example.net", carol, sub.MessageID, carol, "deleted"), "ann")
		check("another account", nothing, good, "bob")
		w.noDNS = true
		check("no DNS", nothing, good, "ann")
		w.noDNS = false
		check("good", "yes/yes unknown/unknown", good, "ann")
		changes := w.told()
		check("replayed", "yes/yes unknown/unknown", good, "ann")
		if w.told() != changes {
			t.Error("a replayed receipt is told again")
		}
		if got := w.listed(sub); got != "11R" {
			t.Errorf("listed are the reports %s", got)
		}
		check("same domain", "yes/yes yes/yes", signed("mail.example.net", "Dora@mail.example.net", sub.MessageID, "dora@mail.example.net", "displayed"), "ann")
		if w.keywords(sub) != "$delivered $displayed" {
			t.Errorf("keywords are %q", w.keywords(sub))
		}
	})
}

// A receipt from an account here needs no signature, and is held to the account's own addresses.
func TestOwnReceipts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sub := w.submit("bob")
		send := func(from, recipient string) error {
			head, body := receipt(from, sub.MessageID, recipient, "displayed")
			return w.Submit(w.bob, &mail.Envelope{ID: "m"}, strings.NewReader(head+body), "ann")
		}
		if err := send("ann@example.org", "bob@example.org"); err == nil {
			t.Error("bob may write as ann")
		}
		if err := send("bob@example.org", "carol@example.org"); err != nil || w.fate(sub) != "yes/unknown" {
			t.Errorf("for carol: %v, %s", err, w.fate(sub))
		}
		if err := send("bob@example.org", "bob@example.org"); err != nil || w.fate(sub) != "yes/yes" {
			t.Errorf("for himself: %v, %s", err, w.fate(sub))
		}
	})
}

func TestAligned(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"example.net", "example.net", true}, {"mail.example.net", "example.net", true}, {"a.example.net", "b.example.net", true},
		{"example.com", "example.net", false}, {"co.uk", "example.co.uk", false}, {"a.co.uk", "b.co.uk", false}, {"", "", false},
		{"a.github.io", "b.github.io", false}, {"net", "example.net", false},
	} {
		if got := tracking.Aligned(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}
