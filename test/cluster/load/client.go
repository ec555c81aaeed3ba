package load

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// client is what all clients share: a name, addresses, and how it fares.
type client struct {
	run       *Run
	name      string
	addresses []string
	at        int // of the address in use
	rand      *rand.Rand
	stats     history.Client
	answered  time.Duration // when the last acknowledgement came
	lost      time.Duration // since when it has no connection, -1: it has one
	joined    time.Duration // since when it hears of changes, over this one
}

// newClient makes a client that begins with another address than its neighbours.
func (r *Run) newClient(kind string, a, i int, addresses []string) client {
	r.workers++
	now := r.recorder.Now()
	return client{
		run: r, name: fmt.Sprintf("%s-%d.%d", kind, a, i), addresses: addresses, at: (a + i + len(kind)) % len(addresses),
		rand: rand.New(rand.NewPCG(r.plan.Seed, uint64(r.workers))), answered: now, lost: now,
	}
}

// launch runs a client until the load ends.
func (r *Run) launch(c *client, work func(ctx context.Context)) {
	r.clients.Add(1)
	go func() {
		defer r.clients.Done()
		work(r.ctx)
		c.pause()
		r.recorder.Client(c.name, c.stats)
	}()
}

// goesOn says that the load has not ended.
func (c *client) goesOn() bool { return c.run.ctx.Err() == nil && !c.run.recorder.Full() }

// acknowledged notes that an answer has come that was hoped for.
func (c *client) acknowledged() {
	c.pause()
	c.stats.Acknowledged++
	c.answered = c.run.recorder.Now()
}

// pause notes how long it has been without one.
func (c *client) pause() {
	c.stats.Pause = max(c.stats.Pause, c.run.recorder.Now()-c.answered)
}

// rest is the time between two operations.
func (c *client) rest() {
	sleep(c.run.ctx, c.run.plan.Pause/2+rand.N(c.run.plan.Pause))
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Backoff between attempts to connect: it starts again with each connection.
const (
	backoffLeast = 5 * time.Millisecond
	backoffMost  = 500 * time.Millisecond
)

// connect tries one address after the other until open has made a connection, or ctx ends. open has Plan.Connect for it.
func (c *client) connect(ctx context.Context, open func(ctx context.Context, address string) error) error {
	if c.lost < 0 {
		c.lost = c.run.recorder.Now()
	}
	for wait := backoffLeast; ; wait = min(2*wait, backoffMost) {
		tried, cancel := context.WithTimeout(ctx, c.run.plan.Connect)
		err := open(tried, c.addresses[c.at])
		cancel()
		if err == nil {
			c.stats.Connections++
			c.stats.Reconnect = max(c.stats.Reconnect, c.run.recorder.Now()-c.lost)
			c.lost, c.joined = -1, math.MaxInt64
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		c.run.reason(c.name, "connecting", err)
		c.at = (c.at + 1) % len(c.addresses)
		sleep(ctx, wait/2+rand.N(wait))
	}
}

// again tries something until it succeeds, or ctx ends.
func again(ctx context.Context, do func(context.Context) error) error {
	for {
		err := do(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		sleep(ctx, backoffMost)
	}
}

// leave notes that the connection is gone; the next is to another address.
func (c *client) leave() {
	if c.lost < 0 {
		c.lost = c.run.recorder.Now()
	}
	c.at = (c.at + 1) % len(c.addresses)
}

// joins notes that from now on it hears of changes.
func (c *client) joins() { c.joined = c.run.recorder.Now() }

// noticed notes how long it took to hear of a message that was delivered while the client was connected, and moved nowhere since.
func (c *client) noticed(k history.Key) {
	if at, ok := c.run.known.of(k); ok && at > c.joined && !c.run.moved.has(k) {
		c.stats.Notice = max(c.stats.Notice, c.run.recorder.Now()-at)
	}
}

// add takes down an operation that began at call, and what became of it.
func (c *client) add(k history.Key, o history.Operation, call time.Duration) {
	o.Client, o.Call, o.Return = c.name, call, c.run.recorder.Now()
	c.run.recorder.Add(k, o)
	if o.Outcome != history.Acknowledged {
		return
	}
	c.acknowledged()
	if o.Kind == history.Deliver {
		c.run.known.arrived(k, o.Return)
	}
}

func (a *arrivals) arrived(k history.Key, at time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[k] = at
}

func (a *arrivals) of(k history.Key) (time.Duration, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.at[k]
	return at, ok
}

// first is true for the first who asks.
func (c *claims) first(k history.Key) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made[k] {
		return false
	}
	c.made[k] = true
	return true
}

// digits differ between refusals that are the same.
var digits = regexp.MustCompile(`[0-9a-f]{8,}|[0-9]{4,}`)

// reason counts why something was not acknowledged.
func (r *Run) reason(client, doing string, err error) {
	if err == nil || r.ctx.Err() != nil {
		return
	}
	kind, _, _ := strings.Cut(client, "-")
	r.recorder.Reason(kind + ": " + doing + ": " + digits.ReplaceAllString(err.Error(), "#"))
}

func (c *claims) has(k history.Key) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made[k]
}

// mine says that a token is of this run.
func (r *Run) mine(token string) bool { return strings.HasPrefix(token, r.prefix) }
