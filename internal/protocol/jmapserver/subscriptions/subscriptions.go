package subscriptions

import (
	"context"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/core"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// VAPID is the capability of RFC 9749 3.
const VAPID = "urn:ietf:params:jmap:webpush-vapid"

// MaxAnHour is how many subscriptions an account may make in an hour.
const MaxAnHour = 60

// Sender sends what is pushed.
type Sender interface {
	// Check refuses a URL that nothing will be sent to.
	Check(url string) error
	// Created is told of a new subscription: its code is to be sent. It returns at once.
	Created(push.Subscription)
	// Verified is told that something is to be pushed to the account from now on. It returns at once.
	Verified(mail.AccountID)
}

// Options say what Subscriptions stand on.
type Options struct {
	Tx     *tx.Store
	Push   *push.Store
	Sender Sender
	Key    string           // with which the server signs, as base64url
	Now    func() time.Time // nil: time.Now
}

// Subscriptions are the methods.
type Subscriptions struct {
	o Options

	mu   sync.Mutex
	hour time.Time              // that is counted
	made map[mail.AccountID]int // in it
}

// New makes them.
func New(o Options) *Subscriptions {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Subscriptions{o: o, made: map[mail.AccountID]int{}}
}

// Register adds the methods and the capability.
func (s *Subscriptions) Register(r *method.Registry) {
	r.Capability(VAPID, map[string]string{"applicationServerKey": s.o.Key}, nil)
	r.Add("PushSubscription/get", method.Method{Capability: core.Capability, Needs: method.Read, Run: s.get})
	r.Add("PushSubscription/set", method.Method{Capability: core.Capability, Needs: method.Read, Run: s.set})
}

// mayMake counts a new subscription, unless there were too many.
func (s *Subscriptions) mayMake(account mail.AccountID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hour := s.o.Now().Truncate(time.Hour); hour != s.hour {
		s.hour = hour
		clear(s.made)
	}
	s.made[account]++
	return s.made[account] <= MaxAnHour
}

// shown is a subscription as clients see it. Its url and keys they know.
type shown struct {
	ID      string    `json:"id"`
	Device  string    `json:"deviceClientId"`
	Code    *string   `json:"verificationCode"` // that the client has repeated
	Expires *string   `json:"expires"`
	Types   *[]string `json:"types"`
}

var properties = method.Known("id", "deviceClientId", "verificationCode", "expires", "types")

func show(sub push.Subscription) shown {
	expires := utc(sub.Expires)
	out := shown{ID: sub.ID.String(), Device: sub.Device, Expires: &expires}
	if sub.Verified {
		out.Code = &sub.Code
	}
	if sub.Types != nil {
		out.Types = &sub.Types
	}
	return out
}

// utc is a UTCDate (RFC 8620 1.4).
func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// getArgs are those of a /get without an account (RFC 8620 7.2.1).
type getArgs struct {
	IDs        *[]string `json:"ids"`
	Properties *[]string `json:"properties"`
}

type getResponse struct {
	List     []any    `json:"list"`
	NotFound []string `json:"notFound"`
}

func (s *Subscriptions) get(ctx context.Context, c *method.Call) (any, error) {
	var args getArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if args.Properties != nil {
		for _, name := range *args.Properties {
			if name == "url" || name == "keys" { // RFC 8620 7.2.1
				return nil, method.Fail(method.Forbidden, "the url and the keys of a subscription are not shown")
			}
		}
	}
	selected, err := method.Select(args.Properties, properties)
	if err != nil {
		return nil, err
	}
	var list []push.Subscription
	if err := s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		list, err = s.o.Push.All(t, c.User.Account)
		return err
	}); err != nil {
		return nil, err
	}
	there := map[string]push.Subscription{}
	var ids []string
	for _, sub := range list {
		there[sub.ID.String()] = sub
		ids = append(ids, sub.ID.String())
	}
	if args.IDs != nil {
		if err := method.CheckGet(len(*args.IDs)); err != nil {
			return nil, err
		}
		ids = method.Unique(*args.IDs)
	}
	var out getResponse
	for _, id := range ids {
		sub, known := there[id]
		if !known {
			out.NotFound = append(out.NotFound, id)
			continue
		}
		object, err := selected.Of(show(sub))
		if err != nil {
			return nil, err
		}
		out.List = append(out.List, object)
	}
	return out, nil
}
