package jmaptimes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/histogram"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/bench/smtp"
	"github.com/mailmesh/mailmesh/jmap"
)

// PushOptions: one message after the other is sent to an account with a client that listens on a WebSocket.
type PushOptions struct {
	Server   Server
	Account  measure.Account
	From     string
	Count    int
	Size     int
	Interval time.Duration
	Limit    time.Duration // for one push to come
}

// PushResult is the time to the client.
type PushResult struct {
	MailToPush histogram.Summary // from before MAIL FROM was sent
	After250   histogram.Summary // from when the 250 was read; 0 where the push was there first
}

// Push measures until the StateChange with a new state of Email is read. After each the client asks what has changed, and finds the
// one message.
func Push(ctx context.Context, o PushOptions) (*PushResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l, err := listen(ctx, o.Server, o.Account)
	if err != nil {
		return nil, err
	}
	defer l.socket.Close()
	conn, err := smtp.Dial(ctx, o.Server.SMTP, smtp.Options{})
	if err != nil {
		return nil, err
	}
	defer conn.Quit()
	gen, err := generator(o.Size)
	if err != nil {
		return nil, err
	}
	var mail, after histogram.Histogram
	for range o.Count {
		m := gen.Next(o.From, o.Account.Address, "")
		sent, err := conn.Send(smtp.Mail{From: o.From, To: []string{o.Account.Address}, Content: [3][]byte{m.Header, m.Body, m.Tail}, Dots: m.Dots})
		if err != nil {
			return nil, err
		}
		if sent.Accepted() != 1 {
			return nil, fmt.Errorf("the mail was refused: %d %s", sent.Replies[0].Code, sent.Replies[0].Text)
		}
		at, err := l.next(ctx, o.Limit)
		if err != nil {
			return nil, err
		}
		mail.Record(at.Sub(sent.Started))
		after.Record(at.Sub(sent.Done))
		if err := pause(ctx, o.Interval); err != nil {
			return nil, err
		}
	}
	return &PushResult{mail.Summary(), after.Summary()}, nil
}

// listener is a client that hears of an account's mail.
type listener struct {
	client  *jmap.Client
	socket  *jmap.Socket
	account jmap.ID
	state   string // of Email, known
	heard   chan heard
}

// heard is a new state of Email, and when it was read.
type heard struct {
	at    time.Time
	state string
}

func listen(ctx context.Context, s Server, a measure.Account) (*listener, error) {
	c, err := s.client(ctx, a, 0)
	if err != nil {
		return nil, err
	}
	l := &listener{client: c, account: c.Session.Primary(jmap.Mail), heard: make(chan heard, 64)}
	got, err := jmap.Call[jmap.GetResponse[jmap.Email]](ctx, c, "Email/get", jmap.Get{AccountID: l.account, IDs: []jmap.ID{}})
	if err != nil {
		return nil, err
	}
	l.state = got.State
	if l.socket, err = c.Connect(ctx); err != nil {
		return nil, err
	}
	if err := l.socket.Listen(ctx, []string{"Email"}, ""); err != nil {
		return nil, err
	}
	go func() {
		defer close(l.heard)
		for p := range l.socket.Pushed() {
			at := time.Now()
			if p.StateChange == nil {
				continue
			}
			if state := p.StateChange.Changed[l.account]["Email"]; state != "" {
				l.heard <- heard{at, state}
			}
		}
	}()
	return l, nil
}

// next waits for a state that is new, and checks that one message came with it.
func (l *listener) next(ctx context.Context, limit time.Duration) (time.Time, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no push within %v", limit))
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return time.Time{}, context.Cause(ctx)
		case h, open := <-l.heard:
			if !open {
				return time.Time{}, errors.Join(errors.New("the WebSocket has ended"), l.socket.Err())
			}
			if h.state == l.state {
				continue
			}
			got, err := jmap.Call[jmap.ChangesResponse](ctx, l.client, "Email/changes", jmap.Changes{AccountID: l.account, SinceState: l.state})
			if err == nil && len(got.Created) != 1 {
				err = fmt.Errorf("after a push %d emails are new, want 1", len(got.Created))
			}
			l.state = got.NewState
			return h.at, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
