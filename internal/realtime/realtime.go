package realtime

import (
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Observer is told how notices fare. Its methods are called on the path of notices and must not block.
type Observer interface {
	// Delay is the time from the commit to a watch. Between nodes it includes the difference of their clocks.
	Delay(time.Duration)
	// Recovered counts accounts whose newest number was learned by asking the store, and whose notice had not come by the
	// next question either: it was lost.
	Recovered(accounts int)
}

// Options says what a Realtime stands on.
type Options struct {
	Bus     cluster.Bus
	Observe Observer         // nil: nobody looks
	Now     func() time.Time // nil: time.Now
}

// Realtime hands notices to watches. It is safe for concurrent use.
type Realtime struct {
	bus     cluster.Bus
	observe Observer
	now     func() time.Time
	cancel  func()
	shards  [shardCount]shard
}

// shardCount spreads the accounts over locks, so that notices of different accounts rarely meet.
const shardCount = 64

type shard struct {
	mu       sync.Mutex
	accounts map[mail.AccountID]*watched
}

// watched is an account that somebody watches.
type watched struct {
	watches []*Watch
	heard   mail.ModSeq // newest number that came by a notice
	asked   mail.ModSeq // the store's last answer, 0 before the first
	before  mail.ModSeq // its answer before that
}

// New returns a Realtime that listens on the bus until Close.
func New(o Options) *Realtime {
	r := &Realtime{bus: o.Bus, observe: o.Observe, now: o.Now}
	if r.observe == nil {
		r.observe = nobody{}
	}
	if r.now == nil {
		r.now = time.Now
	}
	for i := range r.shards {
		r.shards[i].accounts = make(map[mail.AccountID]*watched)
	}
	r.cancel = r.bus.Subscribe(subject, r.hear)
	return r
}

// Close stops listening. Watches stay open and hear nothing more.
func (r *Realtime) Close() { r.cancel() }

// Ring tells every node that an account has reached a state. It implements the unit of work's bell.
func (r *Realtime) Ring(c mail.StateChange) {
	var buffer [32]byte
	r.bus.Publish(subject, notice{c, r.now()}.appendTo(buffer[:0]))
}

// Listen calls f for every notice that comes over the bus, of any account, until cancel is called. It may come several times,
// late or never, and f must not block.
func (r *Realtime) Listen(f func(mail.StateChange)) (cancel func()) {
	return r.bus.Subscribe(subject, func(payload []byte) {
		if n, ok := parseNotice(payload); ok {
			f(n.StateChange)
		}
	})
}

func (r *Realtime) hear(payload []byte) {
	n, ok := parseNotice(payload)
	if !ok {
		return
	}
	if r.hand(n) {
		r.observe.Delay(max(0, r.now().Sub(n.at)))
	}
}

// hand gives the state of a notice to the watches of its account and reports whether it was news to one of them.
func (r *Realtime) hand(n notice) (news bool) {
	s := r.shard(n.Account)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[n.Account]
	if a == nil {
		return false
	}
	a.heard = max(a.heard, n.State)
	return a.offer(n.StateChange, n.at)
}

func (a *watched) offer(c mail.StateChange, at time.Time) (news bool) {
	for _, w := range a.watches {
		news = w.offer(c, at) || news
	}
	return news
}

func (r *Realtime) shard(id mail.AccountID) *shard { return &r.shards[uint64(id)%shardCount] }

type nobody struct{}

func (nobody) Delay(time.Duration) {}
func (nobody) Recovered(int)       {}
