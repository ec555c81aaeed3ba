package outbound

import (
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
)

// Limits of the connections that are kept between messages.
const (
	idleTime    = 10 * time.Second // then it is closed
	maxIdle     = 500              // in all
	maxIdleHost = 50               // to one host
	maxAge      = 5 * time.Minute  // of a connection that is kept once more
	maxMessages = 1000             // on one connection
)

// key is what connections have in common that can stand in for each other: the host, and what its TLS has proved.
type key struct{ host, requirement string }

// pool keeps the connections that nobody uses for a short while.
type pool struct {
	mu     sync.Mutex
	idle   map[key][]*session // the one used last at the end
	total  int
	closed bool
}

func newPool() *pool { return &pool{idle: map[key][]*session{}} }

// take returns a connection that was kept, nil when there is none. One that the host has closed meanwhile is not returned where the
// system can tell.
func (p *pool) take(k key) *session {
	for {
		s := p.pop(k)
		if s == nil {
			return nil
		}
		if hungUp, known := listen.HungUp(s.nc); !known || !hungUp {
			s.reused = true
			return s
		}
		s.conn.Close()
	}
}

func (p *pool) pop(k key) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle[k]
	if len(idle) == 0 {
		return nil
	}
	s := idle[len(idle)-1]
	p.remove(s)
	s.timer.Stop()
	return s
}

// remove takes a session that is there out of the pool.
func (p *pool) remove(s *session) {
	idle := p.idle[s.key]
	for i, other := range idle {
		if other == s {
			p.idle[s.key] = append(idle[:i], idle[i+1:]...)
			p.total--
			break
		}
	}
	if len(p.idle[s.key]) == 0 {
		delete(p.idle, s.key)
	}
}

// put keeps a connection, or says goodbye.
func (p *pool) put(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.total >= maxIdle || len(p.idle[s.key]) >= maxIdleHost || time.Since(s.begun) > maxAge || !s.more() {
		go s.conn.Quit()
		return
	}
	p.idle[s.key] = append(p.idle[s.key], s)
	p.total++
	s.timer = time.AfterFunc(idleTime, func() { p.expire(s) })
}

// expire ends a session that is still there.
func (p *pool) expire(s *session) {
	p.mu.Lock()
	before := p.total
	p.remove(s)
	gone := p.total < before
	p.mu.Unlock()
	if gone {
		s.conn.Quit()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	var all []*session
	for _, idle := range p.idle {
		all = append(all, idle...)
	}
	p.idle, p.total = map[key][]*session{}, 0
	p.mu.Unlock()
	var wait sync.WaitGroup
	for _, s := range all {
		s.timer.Stop()
		wait.Go(func() { s.conn.Quit() })
	}
	wait.Wait()
}
