package webpush

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/webpush"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// result is what became of a request.
type result string

const (
	sent   result = "sent"
	gone   result = "gone"
	failed result = "failed"
)

// message is one for a push service (RFC 8030 5).
type message struct {
	sub     push.Subscription
	text    ijson.Value
	ttl     time.Duration
	urgency string // RFC 8030 5.3
	topic   string // it takes the place of one of the same topic that still waits (RFC 8030 5.4); "": of none
}

// post hands a message to its push service. pause is when a failure may be tried again.
func (s *Sender) post(ctx context.Context, m message) (r result, pause time.Duration) {
	r, pause, err := s.try(ctx, m)
	s.o.Observe.Pushed(string(r))
	if err != nil && ctx.Err() == nil {
		s.o.Log.Info("web push: a message was not taken", "account", m.sub.Account, "subscription", m.sub.ID, "result", string(r), "err", err)
	}
	return r, pause
}

func (s *Sender) try(ctx context.Context, m message) (r result, pause time.Duration, err error) {
	pause = min(FirstPause<<min(m.sub.Failures, 20), MaxPause)
	header := http.Header{
		"Ttl": {strconv.Itoa(int(m.ttl / time.Second))}, "Urgency": {m.urgency}, "Content-Type": {"application/json"},
	}
	if m.topic != "" {
		header.Set("Topic", m.topic)
	}
	body := []byte(m.text)
	if len(m.sub.P256dh) > 0 {
		if body, err = seal(m); errors.Is(err, webpush.ErrTooLong) {
			return sent, 0, err // never: the next message is another
		} else if err != nil {
			return gone, 0, err // it was checked when it was made: it will never be possible
		}
		header.Set("Content-Encoding", "aes128gcm")
		header.Set("Content-Type", "application/octet-stream")
	}
	authorization, err := s.o.Server.Authorization(m.sub.URL, time.Now())
	if err != nil {
		return gone, 0, err
	}
	header.Set("Authorization", authorization)
	response, err := s.o.Fetch.Do(ctx, fetch.Request{Method: http.MethodPost, URL: m.sub.URL, Header: header, Body: body, Time: requestTime, MaxBytes: 64 << 10})
	switch {
	case mail.Is(err, mail.Invalid), mail.Is(err, mail.Denied):
		return failed, MaxPause, err // it leads nowhere, or inward: perhaps not always
	case err != nil:
		return failed, pause, err
	}
	return judge(response, pause)
}

func seal(m message) ([]byte, error) {
	keys, err := webpush.KeysOf(m.sub.P256dh, m.sub.Auth)
	if err != nil {
		return nil, err
	}
	return webpush.Encrypt(m.text, keys)
}

// judge reads the answer of a push service (RFC 8030 5, 7.3).
func judge(response fetch.Response, pause time.Duration) (result, time.Duration, error) {
	status := response.Status
	err := errors.New("the push service answers " + strconv.Itoa(status))
	switch {
	case status/100 == 2:
		return sent, 0, nil
	case status == http.StatusNotFound, status == http.StatusGone:
		return gone, 0, err
	case status == http.StatusRequestEntityTooLarge:
		return sent, 0, err // never: the next change has another message
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		pause = min(max(pause, time.Duration(seconds)*time.Second), MaxPause)
	}
	return failed, pause, err
}

// verify has the code sent that the client of a new subscription is to repeat (RFC 8620 7.2.2).
func (s *Sender) verify(ctx context.Context, sub push.Subscription) {
	text, err := ijson.Marshal(map[string]any{"@type": "PushVerification", "pushSubscriptionId": sub.ID.String(), "verificationCode": sub.Code})
	if err != nil {
		return
	}
	s.deliver(ctx, message{sub: sub, text: text, ttl: time.Hour, urgency: "high"}, time.Time{})
}

// tries are the pauses between the attempts of what is not kept.
var tries = []time.Duration{0, 5 * time.Second, 30 * time.Second, 2 * time.Minute}

// deliver has a message that is not kept delivered, unless too many of its account wait. at is of what it tells; zero: not to be measured.
func (s *Sender) deliver(ctx context.Context, m message, at time.Time) {
	l, leave, ok := s.places.join(m.sub.Account, MaxWaiting)
	if !ok {
		s.o.Log.Info("web push: a message is dropped, too many wait", "account", m.sub.Account, "subscription", m.sub.ID)
		return
	}
	s.running.Go(func() {
		defer leave()
		if s.tryAll(ctx, l, m) == sent && !at.IsZero() {
			s.o.Observe.Sent(Kind, time.Since(at))
		}
	})
}

// tryAll tries a message some times. A place that is gone loses its subscription.
func (s *Sender) tryAll(ctx context.Context, l *lane, m message) (r result) {
	for _, wait := range tries {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return failed
		}
		release, ok := s.places.take(ctx, l) // not while it waits for the next try: others could not be told meanwhile
		if !ok {
			return failed
		}
		r, _ = s.post(ctx, m)
		if release(); r != failed {
			break
		}
	}
	if r == gone {
		s.report(ctx, m.sub, s.o.Tx.Write(ctx, nil, func(t *tx.Tx) error {
			_, err := s.o.Subscriptions.Destroy(t, m.sub.Account, m.sub.ID)
			return err
		}))
	}
	return r
}

// Notification is an object for clients that want its type.
type Notification struct {
	Account mail.AccountID
	Type    string
	JSON    ijson.Value
	Urgent  bool
	TTL     time.Duration
	At      time.Time // of what it tells
}

// Wanted reports whether a subscription of the account may want notifications: asked before they are made.
func (s *Sender) Wanted(account mail.AccountID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[account]
}

// Notify has a notification sent to the subscriptions that name its type, and returns before they have it.
func (s *Sender) Notify(ctx context.Context, n Notification) {
	var list []push.Subscription
	err := s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		list, err = s.o.Subscriptions.All(t, n.Account)
		return err
	})
	if err != nil {
		s.o.Log.Error("web push: subscriptions cannot be read", "account", n.Account, "err", err)
		return
	}
	urgency := "normal"
	if n.Urgent {
		urgency = "high"
	}
	for _, sub := range list {
		if !sub.Verified || len(sub.P256dh) == 0 || !slices.Contains(sub.Types, n.Type) {
			continue
		}
		s.deliver(ctx, message{sub: sub, text: n.JSON, ttl: n.TTL, urgency: urgency}, n.At)
	}
}
