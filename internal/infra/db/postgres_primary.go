package db

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	lookEvery   = time.Second            // at each of several hosts
	lookAgain   = 100 * time.Millisecond // while there is no primary
	firstLook   = time.Second            // all hosts have so long to answer before one of them is taken for the primary
	lookTimeout = 3 * time.Second        // a server that answers nothing for so long is taken for lost
)

// primary knows which of the servers takes writes.
//
// With several hosts each is looked at every second; with one, only while it does not answer. Of two that both
// take writes the one on the higher timeline is the primary: the other was one before, and is never used again by this process.
type primary struct {
	hosts []*host
	conns *connections
	log   *slog.Logger
	reset func() // forgets the connections that nobody uses now

	// wait bounds how long a transaction waits for a primary, from when it was lost.
	wait time.Duration

	stop    context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	now      *host         // nil while there is none
	timeline uint64        // the highest of any primary seen
	lost     time.Time     // since when there is none
	cut      bool          // connections were cut since then
	changed  chan struct{} // closed when now changes

	had         *host // the last primary
	hadTimeline uint64
	twin        *host // another that takes writes
	single      bool  // the primary waits for no standby
}

func newPrimary(config *pgx.ConnConfig, log *slog.Logger, wait time.Duration) *primary {
	p := &primary{conns: &connections{}, log: log, wait: wait, changed: make(chan struct{}), lost: time.Now()}
	p.hosts = hostsOf(config)
	if len(p.hosts) == 1 {
		p.now, p.had = p.hosts[0], p.hosts[0]
	}
	config.DialFunc = p.conns.dial
	config.ValidateConnect = p.validate
	return p
}

// start begins to look, and with several hosts returns when one of them is found to be the primary.
func (p *primary) start(ctx context.Context) error {
	own, stop := context.WithCancel(context.Background())
	p.stop = stop
	several := len(p.hosts) > 1
	for _, h := range p.hosts {
		p.running.Go(func() { p.watch(own, h, several) })
	}
	if !several {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if _, err := p.await(ctx); err != nil {
		return p.noPrimary()
	}
	return nil
}

func (p *primary) close() {
	p.stop()
	p.running.Wait()
	for _, h := range p.hosts {
		if h.conn != nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_ = h.conn.Close(ctx)
			cancel()
		}
	}
}

// watch looks at a host again and again: one of several always, a single one while it is lost.
func (p *primary) watch(ctx context.Context, h *host, always bool) {
	for {
		if always || p.isLost() {
			h.look(ctx)
			if ctx.Err() != nil {
				return
			}
			p.choose()
		}
		var tick <-chan time.Time
		if every := p.lookEvery(always); every > 0 {
			tick = time.After(every)
		}
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-tick:
		}
	}
}

func (p *primary) isLost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now == nil
}

// leave cuts the connections to servers that were the primary before.
func (p *primary) leave(to *host) int {
	if p.had == to { // it went on under a new timeline
		return p.conns.cut(p.timeline)
	}
	return p.conns.leave(p.timeline)
}

// sawAll reports whether every host was looked at: the first that answers may have been the primary once.
func (p *primary) sawAll() bool {
	for _, h := range p.hosts {
		if h.last().at.IsZero() {
			return false
		}
	}
	return true
}

// lookEvery is the time to the next look at a host, 0 for none before it is asked for.
func (p *primary) lookEvery(always bool) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.now == nil && time.Since(p.lost) < p.wait:
		return lookAgain
	case p.now == nil || always:
		return lookEvery
	}
	return 0
}

// choose decides by what was last seen which host is the primary.
func (p *primary) choose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	best, twin := p.best()
	p.warnOfTwin(twin)
	if best == nil {
		p.lose()
		return
	}
	if p.had == nil && !p.sawAll() && time.Since(p.lost) < firstLook {
		return
	}
	timeline := best.last().timeline
	if best == p.now && timeline <= p.timeline {
		return
	}
	p.timeline = max(p.timeline, timeline)
	if p.had != nil && (p.had != best || timeline > p.hadTimeline) {
		n := p.leave(best)
		p.log.Warn("db: the primary has changed", "from", p.had.address, "to", best.address, "timeline", p.timeline, "cut", n)
	} else if p.had != nil {
		p.log.Info("db: the primary is back", "primary", best.address, "after", time.Since(p.lost).Round(time.Millisecond))
	}
	p.reset()
	p.now, p.had, p.hadTimeline, p.cut = best, best, p.timeline, false
	close(p.changed)
	p.changed = make(chan struct{})
}

// best is the host to write to, with another that also takes writes.
func (p *primary) best() (best, twin *host) {
	var most uint64
	for _, h := range p.hosts {
		s := h.last()
		if s.at.IsZero() || s.err != nil || s.writable() != nil || s.timeline < p.timeline && s.timeline > 0 {
			if s.err == nil && !s.at.IsZero() && s.writable() == nil {
				twin = h
			}
			continue
		}
		if best == nil || s.timeline > most || s.timeline == most && h == p.now {
			if best != nil {
				twin = best
			}
			best, most = h, s.timeline
		} else {
			twin = h
		}
	}
	return best, twin
}

// lose notes that there is no primary. Who waits for an answer of the old one waits no longer than others for a new one.
func (p *primary) lose() {
	if p.now != nil {
		p.log.Warn("db: the primary is lost", "primary", p.now.address, "err", p.now.last().err)
		p.now, p.lost, p.cut = nil, time.Now(), false
		for _, h := range p.hosts {
			h.wakeUp()
		}
	}
	if !p.cut && time.Since(p.lost) > p.wait {
		p.cut = true
		p.conns.cut(0)
		p.reset()
	}
}

// warnOfTwin tells the operator once of two servers that take writes.
func (p *primary) warnOfTwin(twin *host) {
	if twin != nil && p.twin != twin {
		p.log.Error("db: two servers take writes: this one was the primary before and must be stopped; it is not used here", "server", twin.address)
	}
	p.twin = twin
}

// warnOfStandbys tells the operator once, and again after it has changed, of what keeps mail in one place only.
func (p *primary) warnOfStandbys(names string) {
	if names == "" && !p.single {
		p.log.Warn("db: no synchronous standby is named: when the primary's disk is lost, so is the newest mail",
			"setting", "synchronous_standby_names")
	}
	p.single = names == ""
}

// failed notes that no connection could be had.
func (p *primary) failed(h *host) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == h {
		p.now, p.lost, p.cut = nil, time.Now(), false
	}
	for _, h := range p.hosts {
		h.wakeUp()
	}
}

// await waits for a primary, from when the last one was lost at most p.wait.
func (p *primary) await(ctx context.Context) (*host, error) {
	var timer *time.Timer
	for {
		p.mu.Lock()
		now, changed, left := p.now, p.changed, p.wait-time.Since(p.lost)
		p.mu.Unlock()
		switch {
		case now != nil:
			return now, nil
		case left <= 0:
			return nil, p.noPrimary()
		case timer == nil:
			timer = time.NewTimer(left)
			defer timer.Stop()
		}
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// noPrimary says what was seen at each host.
func (p *primary) noPrimary() error {
	var said []string
	for _, h := range p.hosts {
		s := h.last()
		err := s.err
		if err == nil {
			err = s.writable()
		}
		if err == nil && s.timeline < p.timeline {
			err = fmt.Errorf("the server is on timeline %d and one on %d was seen: what that one has acknowledged is not here", s.timeline, p.timeline)
		}
		if err != nil {
			said = append(said, h.address+": "+err.Error())
		}
	}
	err := fmt.Errorf("no PostgreSQL server takes writes (%s)", strings.Join(said, "; "))
	return &engineError{class: classUnavailable, code: codeConnection, err: err}
}

// aim makes a new connection lead to the primary.
func (p *primary) aim(_ context.Context, c *pgx.ConnConfig) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return p.noPrimary()
	}
	c.Host, c.Port, c.TLSConfig, c.Fallbacks = p.now.config.Host, p.now.config.Port, p.now.config.TLSConfig, p.now.config.Fallbacks
	return nil
}

// validate refuses a new connection to a server that takes no writes, was the primary before, or would lose what it acknowledges.
func (p *primary) validate(ctx context.Context, conn *pgconn.PgConn) error {
	id, err := readIdentity(ctx, conn)
	if err != nil {
		return err
	}
	if err := id.writable(); err != nil {
		return err
	}
	if err := id.safe(); err != nil {
		return err
	}
	p.conns.mark(conn.Conn().LocalAddr(), id.timeline)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warnOfStandbys(id.standbys)
	switch {
	case id.timeline == 0 || id.timeline == p.timeline:
	case id.timeline < p.timeline:
		return fmt.Errorf("the server is on timeline %d and one on %d was seen: it was the primary before", id.timeline, p.timeline)
	case p.timeline == 0:
		p.timeline, p.hadTimeline = id.timeline, id.timeline
	default: // behind an address that leads to whoever is the primary
		p.timeline, p.hadTimeline = id.timeline, id.timeline
		n := p.conns.cut(id.timeline)
		p.log.Warn("db: the primary has changed", "primary", p.hosts[0].address, "timeline", id.timeline, "cut", n)
	}
	return nil
}
