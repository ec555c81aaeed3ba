package jmaptimes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/histogram"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/jmap"
)

// TypingOptions: the first account's client tells that it writes to the second, again and again.
type TypingOptions struct {
	Server   Server
	Accounts [2]measure.Account // whom nobody has written to
	Count    int
	Interval time.Duration // between signals
	Limit    time.Duration // for one to come
}

// Typing measures from before Signal/send is sent on one WebSocket until the Signal is read from the other.
func Typing(ctx context.Context, o TypingOptions) (*histogram.Summary, error) {
	a, err := newTalker(ctx, o.Server, o.Accounts[0])
	if err != nil {
		return nil, err
	}
	defer a.close()
	b, err := newTalker(ctx, o.Server, o.Accounts[1])
	if err != nil {
		return nil, err
	}
	defer b.close()
	// Signals pass between people who have written to each other. Each sees that the other is there once both listen.
	if err := errors.Join(a.write(ctx, b.address), b.write(ctx, a.address), a.hear(ctx), b.hear(ctx)); err != nil {
		return nil, err
	}
	for _, t := range []*talker{a, b} {
		if _, err := t.heard(ctx, "online", o.Limit); err != nil {
			return nil, fmt.Errorf("%s does not see that the other is there: %w", t.address, err)
		}
	}
	var times histogram.Histogram
	for i := range o.Count {
		state := []string{"composing", "paused"}[i%2]
		begin := time.Now()
		if err := a.signal(ctx, b.address, state); err != nil {
			return nil, err
		}
		at, err := b.heard(ctx, state, o.Limit)
		if err != nil {
			return nil, fmt.Errorf("signal %d: %w", i+1, err)
		}
		times.Record(at.Sub(begin))
		if err := pause(ctx, o.Interval); err != nil {
			return nil, err
		}
	}
	s := times.Summary()
	return &s, nil
}

// talker is a client that signals.
type talker struct {
	client  *jmap.Client
	socket  *jmap.Socket
	account jmap.ID
	address string
	signals chan signalHeard
}

type signalHeard struct {
	at    time.Time
	state string
}

func newTalker(ctx context.Context, s Server, a measure.Account) (*talker, error) {
	c, err := s.client(ctx, a, 0)
	if err != nil {
		return nil, err
	}
	t := &talker{client: c, account: c.Session.Primary(jmap.Mail), address: a.Address, signals: make(chan signalHeard, 64)}
	t.socket, err = c.Connect(ctx)
	return t, err
}

func (t *talker) close() { t.socket.Close() }

// write sends a message.
func (t *talker) write(ctx context.Context, to string) error {
	identities, err := jmap.Call[jmap.GetResponse[jmap.Identity]](ctx, t.client, "Identity/get", jmap.Get{AccountID: t.account})
	if err != nil {
		return err
	}
	if len(identities.List) == 0 {
		return fmt.Errorf("%s has no identity", t.address)
	}
	_, mailbox, err := inbox(ctx, t.client)
	if err != nil {
		return err
	}
	var b jmap.Batch
	b.Use(jmap.Submission)
	email := jmap.Add[jmap.SetResponse[jmap.Email]](&b, "Email/set", jmap.Set{AccountID: t.account, Create: map[string]any{"m": map[string]any{
		"mailboxIds": map[jmap.ID]bool{mailbox: true}, "subject": "hello", "from": []jmap.Address{{Email: t.address}}, "to": []jmap.Address{{Email: to}},
		"textBody": []any{map[string]any{"partId": "1", "type": "text/plain"}}, "bodyValues": map[string]any{"1": map[string]any{"value": "hello\n"}},
	}}})
	sent := jmap.Add[jmap.SetResponse[jmap.EmailSubmission]](&b, "EmailSubmission/set", jmap.Set{AccountID: t.account, Create: map[string]any{
		"s": map[string]any{"emailId": "#m", "identityId": identities.List[0].ID},
	}})
	if err := t.client.Do(ctx, &b); err != nil {
		return err
	}
	return errors.Join(email.Err, sent.Err, email.Value.Err(), sent.Value.Err())
}

// hear begins to listen to signals.
func (t *talker) hear(ctx context.Context) error {
	if err := t.socket.Listen(ctx, []string{"Signal"}, ""); err != nil {
		return err
	}
	go func() {
		defer close(t.signals)
		for p := range t.socket.Pushed() {
			at := time.Now()
			var s jmap.Signal
			if p.Type == "Signal" && json.Unmarshal(p.Raw, &s) == nil {
				select {
				case t.signals <- signalHeard{at, s.State}:
				case <-ctx.Done():
				}
			}
		}
	}()
	return nil
}

func (t *talker) signal(ctx context.Context, to, state string) error {
	var b jmap.Batch
	b.Use(jmap.Live)
	r := jmap.Add[map[string]any](&b, "Signal/send", map[string]any{"accountId": t.account, "to": []string{to}, "state": state})
	return errors.Join(t.socket.Do(ctx, &b), r.Err)
}

// heard waits for a signal with this state.
func (t *talker) heard(ctx context.Context, state string, limit time.Duration) (time.Time, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no signal within %v", limit))
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return time.Time{}, context.Cause(ctx)
		case h, open := <-t.signals:
			if !open {
				return time.Time{}, errors.Join(errors.New("the WebSocket has ended"), t.socket.Err())
			}
			if h.state == state {
				return h.at, nil
			}
		}
	}
}
