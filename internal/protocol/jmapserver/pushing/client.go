package pushing

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// why a connection ends by the server's doing.
type why string

const (
	goingAway  why = "this server goes out of service: connect again"
	notNow     why = "this server is out of service for a moment: connect again"
	signedOut  why = "this sign-in is no longer good"
	tooSlow    why = "what was sent was not read"
	wentSilent why = "no answer to a ping"
)

// noReading is told to who may only send: what is pushed tells of mail, and notifications hold some of it.
const noReading = "what you have signed in with does not allow to read mail"

// client is a connected client: what it wants to hear of, and what waits for it.
type client struct {
	p    *Pushing
	user *method.User
	kind string
	// wake has the connection look for news. It returns at once.
	wake func()
	// end closes the connection. It may be called more than once.
	end func(why)

	large    chan struct{} // shared by the clients of the account
	listener *states.Listener
	settings atomic.Bool // the sign-in is to be looked at

	mu      sync.Mutex // guards what follows, and that one at a time changes what is listened to
	types   states.Types
	detach  []func()
	objects []Object
}

// news is what a client is told in one go.
type news struct {
	changed []states.Changed
	told    states.PushState // with changed
	objects []Object
}

func (n news) any() bool { return len(n.changed) > 0 || len(n.objects) > 0 }

// wants is what a client has asked to hear of.
type wants struct {
	types   states.Types
	objects []string // types of Sources
}

// want reads a list of types; nil is all that the standards know.
func want(named []string) (w wants) {
	if named == nil {
		return wants{types: states.All}
	}
	for _, name := range named {
		w.types |= states.Set(states.Type(name))
	}
	w.objects = named
	return w
}

// open begins with a client, which is told nothing yet. A refusal is the status and what it means.
func (p *Pushing) open(c *client) (refusal int, meaning string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	account := c.user.Account
	switch {
	case p.closed:
		return http.StatusServiceUnavailable, string(goingAway)
	case p.count[account] >= MaxClients:
		return http.StatusTooManyRequests, "too many clients of this account are connected: end one of them"
	}
	c.p = p
	p.clients[c] = struct{}{}
	if p.count[account]++; p.count[account] == 1 {
		p.large[account] = make(chan struct{}, largeAtOnce)
	}
	c.large = p.large[account]
	p.done.Add(1)
	p.o.Observe.Connected(c.kind)
	return 0, ""
}

// begin listens to what ends the client's sign-in.
func (c *client) begin(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	c.listener, err = c.p.o.Feed.Listen(ctx, states.Listening{Accounts: map[mail.AccountID]states.Types{c.user.Account: 0}, Wake: c.wake,
		Settings: func() {
			c.settings.Store(true)
			c.wake()
		}})
	return err
}

// close is the end of a client.
func (c *client) close() {
	c.mu.Lock()
	c.detachAll()
	c.mu.Unlock()
	if c.listener != nil {
		c.listener.Close()
	}
	p := c.p
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, c)
	if p.count[c.user.Account]--; p.count[c.user.Account] == 0 {
		delete(p.count, c.user.Account)
		delete(p.large, c.user.Account)
	}
	p.o.Observe.Disconnected(c.kind)
	p.done.Done()
}

func (c *client) detachAll() {
	for _, detach := range c.detach {
		detach()
	}
	c.detach, c.objects = nil, nil
}

// enable has the client told of what it wants, beginning with what came since; nil: from now on.
func (c *client) enable(ctx context.Context, w wants, since states.PushState) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	accounts, err := c.p.o.Accounts(ctx, c.user)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.detachAll()
	c.types = w.types
	accounts = c.narrow(accounts)
	if since == nil {
		since = states.FromNow(accounts)
	}
	if err := c.listener.Follow(ctx, accounts, since); err != nil {
		return err
	}
	for _, s := range c.p.o.Sources {
		if slices.Contains(w.objects, s.Type()) {
			c.detach = append(c.detach, s.Attach(c.user, c.object))
		}
	}
	c.wake()
	return nil
}

// narrow leaves the types that the client wants. The account itself is always listened to, for its settings.
func (c *client) narrow(accounts map[mail.AccountID]states.Types) map[mail.AccountID]states.Types {
	out := map[mail.AccountID]states.Types{c.user.Account: 0}
	for account, types := range accounts {
		if types &= c.types; types != 0 {
			out[account] = types
		}
	}
	return out
}

// disable has the client told of nothing more.
func (c *client) disable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.detachAll()
	c.types = 0
	_ = c.listener.Follow(c.p.ctx, map[mail.AccountID]states.Types{c.user.Account: 0}, nil) // waits for nothing: it is followed already
}

// refresh looks whether the sign-in still stands, and which accounts the user sees now.
func (c *client) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := c.stands(ctx); err != nil {
		c.p.o.Log.Info("jmap: the sign-in was taken away", "client", c.kind, "account", c.user.Account, "session", c.user.Session, "err", err)
		c.end(signedOut)
		return
	}
	accounts, err := c.p.o.Accounts(ctx, c.user)
	if err != nil {
		return // the store cannot answer now: it is asked again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.types != 0 && c.listener.Follow(ctx, c.narrow(accounts), nil) == nil {
		c.wake()
	}
}

// stands is the end of the sign-in, if that has come. A store that cannot answer is asked again.
func (c *client) stands(ctx context.Context) error {
	if c.user.Stands == nil {
		return nil
	}
	err := c.user.Stands(ctx)
	if mail.Is(err, mail.Denied) || mail.Is(err, mail.Disabled) {
		return err
	}
	return nil
}

// object takes an object of a Source.
func (c *client) object(o Object) {
	c.mu.Lock()
	if o.Key != "" {
		c.objects = slices.DeleteFunc(c.objects, func(old Object) bool { return old.Key == o.Key })
	}
	if len(c.objects) == MaxObjects {
		c.objects = slices.Delete(c.objects, 0, 1)
	}
	c.objects = append(c.objects, o)
	c.mu.Unlock()
	c.wake()
}

// look returns what the client is to be told now, and when the newest change of it was committed. It is called by one goroutine
// at a time.
func (c *client) look() (n news, rung time.Time) {
	if c.settings.Swap(false) {
		c.refresh(c.p.ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil {
		if n.changed, rung, _ = c.listener.Next(); len(n.changed) > 0 {
			n.told = c.listener.Told()
		}
	}
	now := c.p.o.Now()
	for _, o := range c.objects {
		if o.Until.IsZero() || now.Before(o.Until) {
			n.objects = append(n.objects, o)
		}
	}
	c.objects = nil
	return n, rung
}

func (c *client) measure(n news, rung time.Time) {
	now := c.p.o.Now()
	if !rung.IsZero() {
		c.p.o.Observe.Sent(c.kind, max(0, now.Sub(rung)))
	}
	for _, o := range n.objects {
		if !o.At.IsZero() {
			c.p.o.Observe.Sent(c.kind, max(0, now.Sub(o.At)))
		}
	}
}

// stateChange is RFC 8620 7.1's, with the pushState of RFC 8887 4.3.5.1.
type stateChange struct {
	Type      string                       `json:"@type"`
	Changed   map[string]map[string]string `json:"changed"`
	PushState string                       `json:"pushState,omitempty"`
}

func newStateChange(changed []states.Changed, pushState string) ijson.Value {
	s := stateChange{"StateChange", make(map[string]map[string]string, len(changed)), pushState}
	for _, c := range changed {
		types := map[string]string{}
		c.Types.Each(func(t states.Type) { types[string(t)] = c.Now.Of(t) })
		s.Changed[c.Account.String()] = types
	}
	text, err := ijson.Marshal(s)
	if err != nil {
		panic(err) // texts of our own
	}
	return text
}

// withMembers puts members, as text, before those of a JSON object.
func withMembers(members string, object []byte) []byte {
	rest := bytes.TrimLeft(object, " \t\r\n")[1:]
	out := make([]byte, 0, len(members)+len(rest)+2)
	out = append(append(out, '{'), members...)
	if !bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte("}")) {
		out = append(out, ',')
	}
	return append(out, rest...)
}
