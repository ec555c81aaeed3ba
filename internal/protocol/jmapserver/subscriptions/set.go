package subscriptions

import (
	"context"
	"errors"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/webpush"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// setArgs are those of a /set without an account and states (RFC 8620 7.2.2).
type setArgs struct {
	Create  map[string]ijson.Value            `json:"create"`
	Update  map[string]map[string]ijson.Value `json:"update"`
	Destroy []string                          `json:"destroy"`
}

// setResponse is its response: what is empty is null.
type setResponse struct {
	Created      *map[string]any           `json:"created"`
	Updated      *map[string]any           `json:"updated"`
	Destroyed    *[]string                 `json:"destroyed"`
	NotCreated   *map[string]*method.Error `json:"notCreated"`
	NotUpdated   *map[string]*method.Error `json:"notUpdated"`
	NotDestroyed *map[string]*method.Error `json:"notDestroyed"`
}

// put notes what became of an object.
func put[V any](in **map[string]V, name string, v V) {
	if *in == nil {
		*in = &map[string]V{}
	}
	(**in)[name] = v
}

func (s *Subscriptions) set(ctx context.Context, c *method.Call) (any, error) {
	var args setArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if err := (&method.SetArgs{Create: args.Create, Update: args.Update, Destroy: args.Destroy}).Check(); err != nil {
		return nil, err
	}
	var out setResponse
	for creation, text := range args.Create {
		sub, err := s.create(ctx, c.User, text)
		failed, err := toldOf(err)
		switch {
		case err != nil:
			return nil, err
		case failed != nil:
			put(&out.NotCreated, creation, failed)
		default:
			c.Created(creation, sub.ID.String())
			put(&out.Created, creation, any(map[string]string{"id": sub.ID.String(), "expires": utc(sub.Expires)}))
		}
	}
	for name, patch := range args.Update {
		changed, err := s.update(ctx, c, name, patch)
		failed, err := toldOf(err)
		id, _ := c.Resolve(name)
		switch {
		case err != nil:
			return nil, err
		case failed != nil:
			put(&out.NotUpdated, id, failed)
		default:
			put(&out.Updated, id, changed)
		}
	}
	return out, s.destroyAll(ctx, c, args.Destroy, &out)
}

func (s *Subscriptions) destroyAll(ctx context.Context, c *method.Call, names []string, out *setResponse) error {
	var gone []string
	for _, name := range method.Unique(names) {
		failed, err := toldOf(s.destroy(ctx, c, name))
		id, _ := c.Resolve(name)
		switch {
		case err != nil:
			return err
		case failed != nil:
			put(&out.NotDestroyed, id, failed)
		default:
			gone = append(gone, id)
		}
	}
	if len(gone) > 0 {
		out.Destroyed = &gone
	}
	return nil
}

// toldOf is what the client is told of an object that failed, or an error of the whole call.
func toldOf(err error) (*method.Error, error) {
	var told *method.Error
	if err == nil || errors.As(err, &told) {
		return told, nil
	}
	told, known := method.ErrorOf(err)
	if !known || told.Type == method.ServerUnavailable {
		return nil, err
	}
	if told.Type == method.InvalidArguments { // of an object
		told.Type = method.InvalidProperties
	}
	return told, nil
}

// created is a PushSubscription that a client makes.
type created struct {
	Device  string    `json:"deviceClientId"`
	URL     string    `json:"url"`
	Keys    *keys     `json:"keys"`
	Code    *string   `json:"verificationCode"`
	Expires *string   `json:"expires"`
	Types   *[]string `json:"types"`
}

type keys struct {
	P256dh string `json:"p256dh"`
	Auth   string `json:"auth"`
}

func (s *Subscriptions) create(ctx context.Context, u *method.User, text ijson.Value) (sub push.Subscription, err error) {
	var c created
	if err := ijson.Strict(text, &c); err != nil {
		return sub, method.Bad(err.Error())
	}
	sub = push.Subscription{Account: u.Account, Device: c.Device, URL: c.URL, Credential: u.Credential}
	switch {
	case c.Device == "":
		return sub, method.Bad("deviceClientId is missing: a text that tells this client on this device from others", "deviceClientId")
	case c.Code != nil:
		return sub, method.Bad("the verificationCode is set once it has been pushed", "verificationCode")
	}
	if err := s.o.Sender.Check(c.URL); err != nil {
		return sub, method.Bad("url: "+mail.Explain(err), "url")
	}
	if c.Keys != nil {
		parsed, err := webpush.ParseKeys(c.Keys.P256dh, c.Keys.Auth)
		if err != nil {
			return sub, method.Bad(err.Error(), "keys")
		}
		sub.P256dh, sub.Auth = parsed.Public.Bytes(), parsed.Auth
	}
	if c.Types != nil {
		sub.Types = append([]string{}, *c.Types...)
	}
	if sub.Expires, err = s.expiry(c.Expires); err != nil {
		return sub, err
	}
	if !s.mayMake(u.Account) {
		return sub, method.Fail(method.RateLimit, "at most %d push subscriptions are made in an hour", MaxAnHour)
	}
	wanted := sub
	err = s.o.Tx.Write(ctx, nil, func(t *tx.Tx) (err error) {
		sub, err = s.o.Push.Create(t, wanted)
		return err
	})
	if err == nil {
		s.o.Sender.Created(sub)
	}
	return sub, err
}

// expiry reads a UTCDate that is to come; null is as long as may be.
func (s *Subscriptions) expiry(text *string) (time.Time, error) {
	if text == nil {
		return time.Time{}, nil
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", *text)
	if err != nil || at.Before(s.o.Now()) {
		return at, method.Bad(`expires is a time to come, in UTC, such as "2030-01-02T15:04:05Z"`, "expires")
	}
	return at, nil
}

// update patches a subscription. It returns what the server has set otherwise than the client asked.
func (s *Subscriptions) update(ctx context.Context, c *method.Call, name string, patch map[string]ijson.Value) (changed any, err error) {
	id, err := s.find(c, name)
	if err != nil {
		return nil, err
	}
	verified := false
	err = s.o.Tx.Write(ctx, nil, func(t *tx.Tx) error {
		changed, verified = nil, false
		sub, err := s.o.Push.Get(t, c.User.Account, id)
		if err != nil {
			return err
		}
		code, expires, err := s.apply(&sub, patch)
		if err != nil {
			return err
		}
		if code != "" {
			if verified, err = s.o.Push.Verify(t, sub.Account, id, code); err == nil && !verified {
				err = method.Bad("this is not the code that was pushed", "verificationCode") // RFC 8620 7.2.2
			}
			if err != nil {
				return err
			}
		}
		set, err := s.o.Push.Update(t, sub.Account, id, sub.Expires, sub.Types)
		if err == nil && expires && !set.Equal(sub.Expires) {
			changed = map[string]string{"expires": utc(set)}
		}
		return err
	})
	if err == nil && verified {
		s.o.Sender.Verified(c.User.Account)
	}
	return changed, err
}

// apply changes what a client may change, and returns the code that it repeats.
func (s *Subscriptions) apply(sub *push.Subscription, patch map[string]ijson.Value) (code string, expires bool, err error) {
	for name, value := range patch {
		switch name {
		case "verificationCode":
			if ijson.Strict(value, &code) != nil || code == "" {
				return "", false, method.Bad("verificationCode is the text that was pushed", name)
			}
		case "expires":
			var text *string
			if ijson.Strict(value, &text) != nil {
				return "", false, method.Bad("expires is a date or null", name)
			}
			if sub.Expires, err = s.expiry(text); err != nil {
				return "", false, err
			}
			expires = true
		case "types":
			var types *[]string
			if ijson.Strict(value, &types) != nil {
				return "", false, method.Bad("types is a list of names, or null", name)
			}
			if sub.Types = nil; types != nil {
				sub.Types = append([]string{}, *types...)
			}
		case "id", "deviceClientId", "url", "keys":
			return "", false, method.Bad(name+" cannot be changed: make another subscription", name)
		default:
			return "", false, method.Bad("there is no such property", name)
		}
	}
	return code, expires, nil
}

// find reads an id, or the creation id of an object of the same request.
func (s *Subscriptions) find(c *method.Call, name string) (push.ID, error) {
	resolved, ok := c.Resolve(name)
	id, is := push.ParseID(resolved)
	if !ok || !is {
		return 0, method.Fail(method.NotFound, "there is no push subscription %.40q", name)
	}
	return id, nil
}

func (s *Subscriptions) destroy(ctx context.Context, c *method.Call, name string) error {
	id, err := s.find(c, name)
	if err != nil {
		return err
	}
	there := false
	err = s.o.Tx.Write(ctx, nil, func(t *tx.Tx) (err error) {
		there, err = s.o.Push.Destroy(t, c.User.Account, id)
		return err
	})
	if err == nil && !there {
		err = method.Fail(method.NotFound, "there is no push subscription %.40q", name)
	}
	return err
}
