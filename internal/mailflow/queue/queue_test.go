package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func inBubble(t *testing.T, test func(*testing.T)) { synctest.Test(t, test) }

// A message goes at once, to each destination on its own, and leaves nothing behind.
func TestRelay(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		defer w.run()()
		w.add(msg("m1", "a@one.example", "b@two.example", "c@one.example"))
		synctest.Wait()
		tried := w.tried()
		slices.SortFunc(tried, func(a, b attempt) int { return strings.Compare(a.domain, b.domain) })
		if len(tried) != 2 || !slices.Equal(tried[0].to, []string{"a@one.example", "c@one.example"}) || !slices.Equal(tried[1].to, []string{"b@two.example"}) {
			t.Errorf("tried were %+v", tried)
		}
		if left := w.left(); len(left) != 0 || w.Objects() != 1 {
			t.Errorf("left are %+v", left)
		}
		w.check()
		if n := w.seen.count(mail.EventRelayed); n != 3 {
			t.Errorf("%d were relayed", n)
		}
	})
}

// Mail that is to go later goes then, and not before.
func TestHoldUntil(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		defer w.run()()
		m := msg("m1", "a@one.example")
		due := time.Now().Add(3 * time.Hour)
		m.Envelope.HoldUntil = due
		w.add(m)
		time.Sleep(3*time.Hour - time.Second)
		synctest.Wait()
		if n := len(w.tried()); n != 0 {
			t.Fatalf("tried %d times before its time", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if tried := w.tried(); len(tried) != 1 || tried[0].at.Before(due) {
			t.Errorf("tried were %+v, due %v", tried, due)
		}
	})
}

// What is put off comes again, later each time, until its sender is told that it is over.
func TestRetryUntilItExpires(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt { return all(j, deferred(false)) }
		defer w.run()()
		ann := w.Account("ann")
		w.add(msg("m1", "a@one.example"))
		begun := time.Now()
		time.Sleep(GiveUpAfter + time.Minute)
		synctest.Wait()
		tried := w.tried()
		if len(tried) < 40 || len(tried) > 120 {
			t.Errorf("tried %d times in %v", len(tried), GiveUpAfter)
		}
		first := tried[1].at.Sub(tried[0].at)
		if first < FirstRetry*3/4 || first > FirstRetry*5/4 {
			t.Errorf("the second attempt came after %v", first)
		}
		for i := 1; i < len(tried); i++ {
			if gap := tried[i].at.Sub(tried[i-1].at); gap > LastRetry*5/4+time.Second {
				t.Errorf("between attempts %d and %d were %v", i-1, i, gap)
			}
		}
		if last := tried[len(tried)-1].at.Sub(begun); last < GiveUpAfter || last > GiveUpAfter+time.Minute {
			t.Errorf("the last attempt was after %v", last)
		}
		if left := w.left(); len(left) != 0 {
			t.Errorf("left are %+v", left)
		}
		inbox := w.Inbox(ann)
		if len(inbox) != 2 || !strings.Contains(inbox[0].Content, "Action: delayed") || !strings.Contains(inbox[1].Content, "Action: failed") ||
			!strings.Contains(inbox[1].Content, "greylisted") || !strings.HasPrefix(inbox[1].Content, "Return-Path: <>\r\n") {
			t.Errorf("the sender has got %d reports: %+v", len(inbox), inbox)
		}
		if n := w.seen.count(mail.EventExpired); n != 1 {
			t.Errorf("%d have expired", n)
		}
		w.check()
	})
}

// What our own database was away for comes again within seconds.
func TestRetryHere(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt {
			a := deferred(false)
			a.Here = true
			return all(j, a)
		}
		defer w.run()()
		w.Account("ann")
		w.add(msg("m1", "a@one.example"))
		time.Sleep(time.Minute)
		synctest.Wait()
		tried := w.tried()
		if len(tried) < 4 || len(tried) > 7 { // after 2, 6, 14, 30 seconds, more or less
			t.Fatalf("tried %d times in a minute", len(tried))
		}
		if first := tried[1].at.Sub(tried[0].at); first < FirstRetryHere*3/4 || first > FirstRetryHere*5/4+time.Second {
			t.Errorf("the second attempt came after %v", first)
		}
	})
}

// A destination that hangs and one that is down delay no other, and get no more than their share.
func TestNoDestinationDelaysAnother(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		w.deliver = func(ctx context.Context, j mailflow.Job) []mailflow.Attempt {
			switch j.Domain {
			case "hangs.example":
				select {
				case <-time.After(5 * time.Minute):
				case <-ctx.Done():
				}
				return all(j, deferred(true))
			case "down.example":
				return all(j, deferred(true))
			}
			return all(j, relayed())
		}
		for i := range 100 {
			w.add(msg(fmt.Sprint("h", i), address(i, "hangs.example")))
			w.add(msg(fmt.Sprint("d", i), address(i, "down.example")))
		}
		w.add(msg("good", "a@good.example"))
		begun := time.Now()
		defer w.run()()
		synctest.Wait()
		good := 0
		for _, a := range w.tried() {
			if a.domain == "good.example" && a.at.Sub(begun) < time.Second {
				good++
			}
		}
		if good != 1 {
			t.Error("the good destination waits")
		}
		if _, n := w.deliveries("hangs.example"); n > FirstLimit {
			t.Errorf("%d deliveries hang at one destination", n)
		}
		down := 0
		for _, a := range w.tried() {
			if a.domain == "down.example" {
				down++
			}
		}
		if down > 2*FirstLimit {
			t.Errorf("%d attempts at a destination that is down", down)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		w.mu.Lock()
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt { return all(j, relayed()) }
		w.mu.Unlock()
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		if left := w.left(); len(left) != 0 {
			t.Errorf("%d are left after the destinations have recovered: %+v", len(left), left[0])
		}
	})
}

// A destination that takes mail gets more connections, one that refuses gets fewer.
func TestConcurrencyFollowsTheDestination(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt {
			time.Sleep(time.Second)
			return all(j, relayed())
		}
		for i := range 400 {
			w.add(msg(fmt.Sprint("m", i), address(i, "one.example")))
		}
		stop := w.run()
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if n, _ := w.deliveries("one.example"); n != FirstLimit {
			t.Errorf("%d deliveries in the first second", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, n := w.deliveries("one.example"); n <= FirstLimit || n > MaxPerDestination {
			t.Errorf("at most %d deliveries at a time", n)
		}
		if left := w.left(); len(left) != 0 {
			t.Errorf("%d are left after a minute", len(left))
		}
		stop()
	})
}

// Everything that happens to a recipient is told to the submission, in the commit of the result.
func TestEvents(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		ann := w.Account("ann")
		answers := []mailflow.Attempt{deferred(false), failed()}
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt {
			if j.Domain == "one.example" {
				return all(j, relayed())
			}
			a := answers[0]
			answers = answers[1:]
			return all(j, a)
		}
		m := msg("m1", "a@one.example", "b@two.example")
		m.Account = ann
		w.Must(w.Tx.Write(t.Context(), []mail.AccountID{ann}, func(t *tx.Tx) (err error) {
			m.Submission, err = w.subs.Add(t, submissions.Submission{Account: ann, ReversePath: m.Envelope.ReversePath,
				Recipients: []submissions.Recipient{{Address: m.Envelope.Recipients[0].Address}, {Address: m.Envelope.Recipients[1].Address}}})
			return err
		}))
		w.add(m)
		defer w.run()()
		time.Sleep(time.Hour)
		synctest.Wait()
		var events [][]mail.Event
		w.Must(w.Tx.Read(t.Context(), func(t *tx.Tx) (err error) { events, err = w.subs.Events(t, ann, m.Submission); return err }))
		var got [2][]mail.EventKind
		for i, list := range events {
			for _, e := range list {
				got[i] = append(got[i], e.Kind)
			}
		}
		if want := []mail.EventKind{mail.EventQueued, mail.EventAttempted, mail.EventRelayed}; !slices.Equal(got[0], want) {
			t.Errorf("the first recipient: %v", got[0])
		}
		if want := []mail.EventKind{mail.EventQueued, mail.EventAttempted, mail.EventDeferred, mail.EventAttempted, mail.EventFailed}; !slices.Equal(got[1], want) {
			t.Errorf("the second recipient: %v", got[1])
		}
		if last := events[1][len(events[1])-1]; last.Reply.Code != 550 || last.By != "mx.example.net [192.0.2.1]" {
			t.Errorf("the last event is %+v", last)
		}
		if inbox := w.Inbox(ann); len(inbox) != 1 || !strings.Contains(inbox[0].Content, "no such user") {
			t.Errorf("the sender has got %+v", inbox)
		}
	})
}

// What the sender of a message wants by its BY, NOTIFY and null reverse-path is done.
func TestWhatTheSenderWants(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(e *mail.Envelope)
		attempt mailflow.Attempt
		reports []string // the actions, in order
		until   time.Duration
	}{
		{"failure", func(*mail.Envelope) {}, failed(), []string{"failed"}, 0},
		{"never", func(e *mail.Envelope) { e.Recipients[0].Notify = mail.NotifyNever }, failed(), nil, 0},
		{"null reverse-path", func(e *mail.Envelope) { e.ReversePath = mail.Address{} }, failed(), nil, 0},
		{"relayed to a host without DSN", func(e *mail.Envelope) { e.Recipients[0].Notify = mail.NotifySuccess }, relayed(), []string{"relayed"}, 0},
		{"relayed to a host with DSN", func(e *mail.Envelope) { e.Recipients[0].Notify = mail.NotifySuccess }, reporting(relayed()), nil, 0},
		{"by R", func(e *mail.Envelope) { e.DeliverBy = mail.DeliverBy{Time: time.Now().Add(time.Hour), Return: true} }, deferred(false), []string{"failed"}, time.Hour},
		{"by N", func(e *mail.Envelope) { e.DeliverBy = mail.DeliverBy{Time: time.Now().Add(time.Hour)} }, deferred(false), []string{"delayed", "failed"}, GiveUpAfter},
		{"no delays", func(e *mail.Envelope) { e.Recipients[0].Notify = mail.NotifyFailure }, deferred(false), []string{"failed"}, GiveUpAfter},
	} {
		t.Run(c.name, func(t *testing.T) {
			onSQLite(t, func(t *testing.T, w *world) {
				ann := w.Account("ann")
				w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt { return all(j, c.attempt) }
				defer w.run()()
				m := msg("m1", "a@one.example")
				c.change(&m.Envelope)
				w.add(m)
				time.Sleep(c.until + time.Minute)
				synctest.Wait()
				if left := w.left(); len(left) > 0 {
					t.Errorf("left are %+v", left)
				}
				inbox := w.Inbox(ann)
				if len(inbox) != len(c.reports) {
					t.Fatalf("%d reports, want %v", len(inbox), c.reports)
				}
				for i, action := range c.reports {
					if !strings.Contains(inbox[i].Content, "Action: "+action) {
						t.Errorf("report %d does not say %s: %s", i, action, inbox[i].Content)
					}
				}
				w.check()
			})
		})
	}
}

func reporting(a mailflow.Attempt) mailflow.Attempt { a.Reports = true; return a }

// A queue that stops gives back what it has not begun, cuts off what hangs, and both are there for the next.
func TestStop(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		w.deliver = func(ctx context.Context, j mailflow.Job) []mailflow.Attempt {
			<-ctx.Done()
			return all(j, deferred(true))
		}
		for i := range 50 {
			w.add(msg(fmt.Sprint("m", i), address(i, "one.example")))
		}
		stop := w.run()
		synctest.Wait()
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > stopWithin+time.Second {
			t.Errorf("stopping took %v", took)
		}
		left := w.left()
		if len(left) != 50 {
			t.Errorf("%d are left of 50", len(left))
		}
		for _, r := range left {
			if r.Owner != "" || r.Attempts != 0 || r.Due.After(time.Now()) {
				t.Fatalf("left is %+v", r)
			}
		}
		w.mu.Lock()
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt { return all(j, relayed()) }
		w.mu.Unlock()
		w.queue = w.newQueue()
		defer w.run()()
		time.Sleep(time.Minute)
		synctest.Wait()
		if left := w.left(); len(left) != 0 {
			t.Errorf("%d are left", len(left))
		}
	})
}

// What a process leaves leased that was killed goes on with the next.
func TestAfterAKill(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		stuck := make(chan struct{})
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt { <-stuck; return all(j, relayed()) }
		w.add(msg("m1", "a@one.example"))
		stop := w.run()
		synctest.Wait()
		if left := w.left(); len(left) != 1 || left[0].Owner == "" {
			t.Fatalf("under way is %+v", left)
		}
		old := w.queue
		next := newWorld(t, w.db) // joins alone: all lives before are over
		next.queue = next.newQueue()
		stopNext := next.run()
		synctest.Wait()
		if len(next.tried()) != 1 || len(next.left()) != 0 {
			t.Errorf("tried by the next: %+v, left %+v", next.tried(), next.left())
		}
		close(stuck)
		synctest.Wait()
		if lost, relayed, _ := old.o.Observe.(*seen).misses(); lost != 1 || relayed != 1 {
			t.Errorf("in vain were %d results, %d of them relayed", lost, relayed)
		}
		stopNext()
		stop()
	})
}

// Mail in the spool for somebody here is delivered here.
func TestDeliverHere(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		ann, bob := w.Account("ann"), w.Account("bob")
		w.Alias("both", "ann@example.org", "bob@example.org")
		defer w.run()()
		m := msg("m1", "both", "bob", "nobody")
		m.Envelope.Recipients[0].Notify = mail.NotifySuccess
		m.Envelope.ReversePath = mailflowtest.Address("ann")
		w.add(m)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(w.tried()) != 0 || len(w.left()) != 0 {
			t.Errorf("tried elsewhere: %v, left %+v", w.tried(), w.left())
		}
		inbox := w.Inbox(bob)
		if len(inbox) != 1 || inbox[0].Content != "Return-Path: <ann@example.org>\r\n"+letter {
			t.Errorf("bob has %+v", inbox)
		}
		inbox = w.Inbox(ann)
		if len(inbox) != 2 || !strings.Contains(inbox[1].Content, "Action: failed") || !strings.Contains(inbox[1].Content, "Action: delivered") {
			t.Errorf("ann has %+v", inbox)
		}
		w.check()
	})
}

// An operator stops a destination, or all, and starts them again.
func TestStopAndStart(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		defer w.run()()
		for _, domain := range []string{"", "one.example"} {
			before := len(w.tried())
			w.Must(w.Tx.Write(t.Context(), nil, func(t *tx.Tx) error { return w.spool.Stop(t, domain, "restored") }))
			w.add(msg("m1", "a@one.example"))
			time.Sleep(2 * LookAtAll)
			synctest.Wait()
			if len(w.tried()) != before {
				t.Fatalf("tried while %q is stopped", domain)
			}
			w.Must(w.Tx.Write(t.Context(), nil, func(t *tx.Tx) error { return w.spool.Start(t, domain) }))
			synctest.Wait()
			if len(w.tried()) != before+1 {
				t.Errorf("not tried after %q was started", domain)
			}
		}
	})
}

// A destination is down for days: it is asked now and then, its mail is put off without being tried, and each message still ends
// when its time is over.
func TestADestinationIsDownForDays(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		const messages = 30
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt { return all(j, deferred(true)) }
		defer w.run()()
		for i := range messages {
			m := msg(fmt.Sprint("m", i), address(i, "down.example"))
			m.Envelope.ReversePath = mail.Address{}
			w.add(m)
		}
		time.Sleep(GiveUpAfter - time.Hour)
		synctest.Wait()
		if left := w.left(); len(left) != messages {
			t.Errorf("%d of %d are left before their time is over", len(left), messages)
		}
		if n := len(w.tried()); n > 2*int(GiveUpAfter/LastPause) || n < 50 {
			t.Errorf("tried %d times", n)
		}
		if _, _, postponed := w.seen.misses(); postponed == 0 {
			t.Error("nothing was put off without an attempt")
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if left := w.left(); len(left) != 0 || w.seen.count(mail.EventExpired) != messages {
			t.Errorf("%d are left, %d have expired", len(left), w.seen.count(mail.EventExpired))
		}
		w.check()
	})
}
