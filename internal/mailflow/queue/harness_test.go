package queue

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// world is a server with a queue, whose transport the test is.
type world struct {
	*mailflowtest.Rooms
	t      testing.TB
	db     *db.DB
	spool  *spool.Store
	subs   *submissions.Store
	member *members.Member
	queue  *Queue
	seen   *seen

	mu       sync.Mutex
	deliver  func(ctx context.Context, j mailflow.Job) []mailflow.Attempt
	attempts []attempt
	now      map[string]int // deliveries under way, by domain
	most     map[string]int
	changed  chan struct{}
}

// attempt is what the transport was asked for.
type attempt struct {
	at     time.Time
	domain string
	id     string
	to     []string
}

func newWorld(t testing.TB, d *db.DB) *world {
	w := &world{Rooms: mailflowtest.New(t, d, mailflowtest.Options{}), t: t, db: d, seen: &seen{}, now: map[string]int{}, most: map[string]int{}, changed: make(chan struct{}, 1)}
	w.spool, w.subs = w.Spool, w.Submissions
	w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt { return all(j, relayed()) }
	var err error
	w.member, err = members.Join(t.Context(), members.Options{DB: d, Name: "test", Alone: true})
	w.Must(err)
	w.queue = w.newQueue()
	return w
}

func (w *world) newQueue() *Queue {
	return New(Options{Host: mailflowtest.Hostname, Tx: w.Tx, Spool: w.spool, Bodies: w.Bodies, Submissions: w.subs, Directory: w.Directory,
		Members: w.member, Alone: true, Local: w.Inbound.Local(), Transport: w, Observe: w.seen})
}

// onSQLite runs a test on a world whose time is the test's.
func onSQLite(t *testing.T, test func(t *testing.T, w *world)) {
	open := dbtest.OnSQLite(t, schema.Files)
	inBubble(t, func(t *testing.T) {
		d := open()
		defer d.Close()
		test(t, newWorld(t, d))
	})
}

// run starts the queue and returns what stops it.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.queue.Run(ctx) })
	return sync.OnceFunc(func() { cancel(); wg.Wait() })
}

func relayed() mailflow.Attempt {
	return mailflow.Attempt{Event: mail.Event{Kind: mail.EventRelayed, By: "mx.example.net [192.0.2.1]", Reply: mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 0, 0}, Text: "ok"}}}
}

func deferred(destination bool) mailflow.Attempt {
	return mailflow.Attempt{Destination: destination, Event: mail.Event{Kind: mail.EventDeferred, By: "mx.example.net [192.0.2.1]",
		Reply: mail.Reply{Code: 451, Enhanced: mail.EnhancedCode{4, 7, 1}, Text: "greylisted"}}}
}

func failed() mailflow.Attempt {
	return mailflow.Attempt{Event: mail.Event{Kind: mail.EventFailed, By: "mx.example.net [192.0.2.1]", Reply: mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 1, 1}, Text: "no such user"}}}
}

func all(j mailflow.Job, a mailflow.Attempt) []mailflow.Attempt {
	out := make([]mailflow.Attempt, len(j.Envelope.Recipients))
	for i := range out {
		out[i] = a
	}
	return out
}

// Deliver implements mailflow.Transport.
func (w *world) Deliver(ctx context.Context, j mailflow.Job) []mailflow.Attempt {
	a := attempt{at: time.Now(), domain: j.Domain, id: j.Envelope.ID}
	for _, r := range j.Envelope.Recipients {
		a.to = append(a.to, r.Address.String())
	}
	w.mu.Lock()
	w.attempts = append(w.attempts, a)
	w.now[j.Domain]++
	w.most[j.Domain] = max(w.most[j.Domain], w.now[j.Domain])
	deliver := w.deliver
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.now[j.Domain]--
	}()
	return deliver(ctx, j)
}

func (w *world) tried() []attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]attempt(nil), w.attempts...)
}

// deliveries are those under way to a domain, and the most there were at a time.
func (w *world) deliveries(domain string) (now, most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now[domain], w.most[domain]
}

// msg is what add puts into the spool.
func msg(id string, to ...string) spool.Message {
	e := mail.Envelope{ID: id, ReversePath: mailflowtest.Address("ann")}
	for _, a := range to {
		e.Recipients = append(e.Recipients, mail.Recipient{Address: mailflowtest.Address(a)})
	}
	return spool.Message{Envelope: e}
}

const letter = "Received: by mx.example.org; now\r\nFrom: ann@example.org\r\nSubject: hello\r\n\r\nhello\r\n"

// add puts a message into the spool, as submission does.
func (w *world) add(m spool.Message) (id mail.SpoolID) {
	w.t.Helper()
	return w.addWith(m, letter)
}

func (w *world) addWith(m spool.Message, content string) (id mail.SpoolID) {
	w.t.Helper()
	body, err := w.Bodies.Put(context.Background(), strings.NewReader(content))
	w.Must(err)
	w.Must(w.Tx.Write(context.Background(), nil, func(t *tx.Tx) error {
		blob, err := w.Bodies.Hold(t, mail.SpoolAccount, body)
		if err != nil {
			return err
		}
		m.Blob, m.Size = blob, body.Size
		id, err = w.spool.Add(t, m)
		return err
	}))
	return id
}

// left are the recipients still in the spool.
func (w *world) left() (out []spool.Recipient) {
	w.t.Helper()
	w.Must(w.Tx.Read(context.Background(), func(t *tx.Tx) error {
		out = nil
		ids, err := w.spool.Messages(t, 0, 0)
		for _, id := range ids {
			var to []spool.Recipient
			if to, err = w.spool.Recipients(t, id); err != nil {
				return err
			}
			out = append(out, to...)
		}
		return err
	}))
	return out
}

// check fails the test where the spool's rows or the holds on bodies do not agree.
func (w *world) check() {
	w.t.Helper()
	w.Must(w.Tx.Read(context.Background(), func(t *tx.Tx) error {
		return w.spool.Check(t, func(f spool.Finding) { w.t.Errorf("spool: %+v", f) })
	}))
}

// seen is the queue's observer.
type seen struct {
	mu                         sync.Mutex
	ended                      map[mail.EventKind]int
	lost, relayedTwice, others int
	postponed                  int
}

func (s *seen) Taken(int)                           {}
func (s *seen) Running(int)                         {}
func (s *seen) Delivery(time.Duration)              {}
func (s *seen) Committed(int, time.Duration, error) {}
func (s *seen) Waited(int, time.Duration)           {}

func (s *seen) Ended(k mail.EventKind, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = map[mail.EventKind]int{}
	}
	s.ended[k] += n
}

func (s *seen) Postponed(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.postponed += n
}

func (s *seen) LeaseLost(n, relayed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost += n
	s.relayedTwice += relayed
}

func (s *seen) TakenOver(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others += n
}

func (s *seen) count(k mail.EventKind) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended[k]
}

// misses are results that were in vain, those among them that were relayed, and recipients put off without an attempt.
func (s *seen) misses() (lost, relayed, postponed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost, s.relayedTwice, s.postponed
}

func address(n int, domain string) string { return fmt.Sprintf("u%d@%s", n, domain) }
