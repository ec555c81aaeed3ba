package smtpserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// message is what the fake Inbound keeps.
type message struct {
	session smtp.Session
	mail.Envelope
	content string
}

// fakeInbound decides by the local part of recipients and keeps messages in memory.
type fakeInbound struct {
	mu       sync.Mutex
	messages []message
	failures []error // of reading content
	entered  chan struct{}
	proceed  chan struct{} // when set, Receive waits for it after the content
}

// recipientErrors are refusals at RCPT, by local part.
var recipientErrors = map[string]error{
	"unknown":  mail.E("fake", mail.NotFound, nil),
	"relay":    mail.E("fake", mail.Denied, nil),
	"disabled": mail.E("fake", mail.Disabled, nil),
	"full":     mail.E("fake", mail.OverQuota, nil),
	"limit":    mail.E("fake", mail.Limit, nil),
	"invalid":  mail.E("fake", mail.Invalid, errors.New("no such thing")),
	"down":     mail.E("fake", mail.Unavailable, errors.New("the secret cause")),
	"fault":    errors.New("the secret cause"),
	"reply":    fmt.Errorf("wrapped: %w", reply(552, 5, 2, 2, "full\r\n250 for good")),
	"badreply": reply(250, 2, 0, 0, "an error is never this"),
}

func (f *fakeInbound) Recipient(_ context.Context, _ smtp.Session, _ *mail.Envelope, r mail.Recipient) (mail.Recipient, error) {
	if r.Address.Local == "panic" {
		panic("on purpose")
	}
	r.Accounts = []mail.AccountID{mail.AccountID(len(r.Address.Local))}
	return r, recipientErrors[r.Address.Local]
}

// Receive knows the local parts "early-" and "late-" plus a key of recipientErrors: it fails before or after the content.
// "greedy" does not read to the end, "short" forgets an outcome, "defer" and "refuse" have their own outcomes.
func (f *fakeInbound) Receive(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader) ([]mail.Outcome, error) {
	first := e.Recipients[0].Address.Local
	if name, ok := strings.CutPrefix(first, "early-"); ok {
		return nil, recipientErrors[name]
	}
	if first == "greedy" {
		io.ReadFull(content, make([]byte, 2))
		return delivered(e), nil
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, content); err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.failures = append(f.failures, err)
		return nil, fmt.Errorf("reading: %w", err)
	}
	if f.proceed != nil {
		f.entered <- struct{}{}
		select {
		case <-f.proceed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if name, ok := strings.CutPrefix(first, "late-"); ok {
		return nil, recipientErrors[name]
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.messages = append(f.messages, message{s, *e, b.String()})
	if first == "short" {
		return nil, nil
	}
	return delivered(e), nil
}

func delivered(e *mail.Envelope) []mail.Outcome {
	outcomes := make([]mail.Outcome, len(e.Recipients))
	for i, r := range e.Recipients {
		outcomes[i] = mail.Outcome{Recipient: r.Address, Status: mail.Delivered}
		switch r.Address.Local {
		case "defer":
			outcomes[i].Status, outcomes[i].Reply = mail.Deferred, reply(452, 4, 2, 2, "full now")
		case "refuse":
			outcomes[i].Status, outcomes[i].Reply = mail.Refused, reply(550, 5, 7, 1, "a script says no")
		case "mixedup":
			outcomes[i].Status, outcomes[i].Reply = mail.Refused, reply(250, 2, 0, 0, "never sent")
		}
	}
	return outcomes
}

func (f *fakeInbound) kept() []message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]message(nil), f.messages...)
}

// counter is an Observer that remembers.
type counter struct {
	mu       sync.Mutex
	open     int
	accepted int
	refused  []string
	signIns  []string
}

func (c *counter) SessionStarted(Mode) { c.add(func() { c.open++ }) }
func (c *counter) SessionEnded(Mode)   { c.add(func() { c.open-- }) }
func (c *counter) CommandStarted(Mode) {}
func (c *counter) CommandEnded(Mode)   {}
func (c *counter) Accepted(_ Mode, n int, _ int64, _ time.Duration) {
	c.add(func() { c.accepted += n })
}
func (c *counter) Refused(_ Mode, command string, r mail.Reply) {
	c.add(func() { c.refused = append(c.refused, fmt.Sprint(command, " ", r.Code, " ", r.Enhanced)) })
}
func (c *counter) SignedIn(_ Mode, mechanism string) {
	c.add(func() { c.signIns = append(c.signIns, mechanism+" ok") })
}
func (c *counter) SignInFailed(_ Mode, mechanism string, why mail.Kind) {
	c.add(func() { c.signIns = append(c.signIns, mechanism+" "+string(why)) })
}
func (c *counter) add(f func()) { c.mu.Lock(); defer c.mu.Unlock(); f() }

// fixture is a running server with everything fake around it.
type fixture struct {
	*fakeInbound
	*listentest.Pipes
	counter *counter
	server  *Server
	stop    func() // begins the shutdown
	done    chan error
}

// start runs a server until the test ends. Ids count from 1; the first is the first session's.
func start(t testing.TB, o Options) *fixture {
	f := &fixture{fakeInbound: &fakeInbound{}, Pipes: listentest.NewPipes(), counter: &counter{}, done: make(chan error, 1)}
	var mu sync.Mutex
	id := 0
	o.NewID = func() string {
		mu.Lock()
		defer mu.Unlock()
		id++
		return fmt.Sprint("id", id)
	}
	if o.Inbound == nil {
		o.Inbound = f.fakeInbound
	}
	if o.Mode == "" {
		o.Mode = MX
	}
	o.Hostname, o.Observer = "mx.example.org", f.counter
	srv, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.server = srv
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	go func() { f.done <- srv.Serve(ctx, f.Pipes); close(f.done) }()
	t.Cleanup(func() {
		cancel()
		if err := <-f.done; err != nil {
			t.Errorf("Serve returns %v", err)
		}
	})
	return f
}

// serverTLS is the configuration of every test's server.
func serverTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{listentest.Certificate()}}
}
