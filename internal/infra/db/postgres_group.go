package db

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
)

const (
	// A shared transaction takes so many closures at most: each of their accounts is locked until the last has ended.
	maxMembers = 32

	// Beside the shared transactions that run another begins when so many closures wait. With fewer it is cheaper for all that they
	// wait for the one that runs.
	fullGroup = 16

	// maxGroups is how many shared transactions may run at a time.
	maxGroups = 8

	// A closure that met a lock is tried in so many further groups before it waits in a transaction of its own.
	maxSkipped = 2

	// aloneFor is for how many closures nothing is shared after a group was taken back: what has failed once may fail often, and each
	// time all of its group would run twice.
	aloneFor = 64
)

// groups hands closures that wait at the same time to shared transactions: the group commit of PostgreSQL. In one group each
// account has one closure at most, and none that is in another group: closures of one account see each other's changes.
type groups struct {
	server  *server
	waiting *turnQueue

	mu      sync.Mutex
	running int
	busy    map[int64]bool // turns of closures in groups that run
	alone   int            // closures that still go alone
}

func newGroups(s *server) *groups {
	return &groups{server: s, waiting: newTurnQueue(), busy: make(map[int64]bool)}
}

// writeShared runs the closure in a group, or alone where that did not work: nothing has changed then.
func (s *server) writeShared(ctx context.Context, turn int64, fn func(*Tx) error) error {
	if s.groups.goesAlone() {
		return s.write(ctx, turn, fn)
	}
	for attempt := 1; attempt <= 1+maxSkipped; attempt++ {
		err := s.groups.write(ctx, &job{ctx: context.WithoutCancel(ctx), fn: fn, turn: turn, done: make(chan error, 1)})
		switch {
		case errors.Is(err, errGroup):
			s.options.Observe.Retry("failed closure")
			return s.write(ctx, turn, fn)
		case !errors.Is(err, ErrAlone):
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return mail.E("db.Write", mail.Unavailable, err)
		}
	}
	s.options.Observe.Retry("locked")
	return s.write(ctx, turn, fn)
}

func (g *groups) goesAlone() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.alone = max(0, g.alone-1)
	return g.alone > 0
}

// write waits for the answer of a group.
func (g *groups) write(ctx context.Context, j *job) error {
	if err := g.waiting.put(j); err != nil {
		return mail.E("db.Write", mail.Unavailable, err)
	}
	g.mu.Lock()
	if n := g.waiting.len(); n > 0 && (g.running == 0 || n >= fullGroup && g.running < maxGroups) {
		g.running++
		go g.run()
	}
	g.mu.Unlock()
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if g.waiting.withdraw(j) {
			return mail.E("db.Write", mail.Unavailable, context.Cause(ctx))
		}
		return <-j.done
	}
}

// run serves one group after the other until another serves those that wait.
func (g *groups) run() {
	var last []*job
	for {
		runtime.Gosched() // who can hand in a closure at once does so first: on busy cores that makes groups several times as large
		jobs := g.take(last)
		if jobs == nil {
			return
		}
		if g.server.runGroup(jobs) != nil {
			g.mu.Lock()
			g.alone = aloneFor
			g.mu.Unlock()
		}
		last = jobs
	}
}

// take frees the turns of the last group and returns the closures of the next, nil when there is none to run.
func (g *groups) take(last []*job) (jobs []*job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, j := range last {
		delete(g.busy, j.turn)
	}
	if last == nil || g.running == 1 || g.waiting.len() >= fullGroup {
		for len(jobs) < maxMembers {
			j := g.waiting.takeIf(func(turn int64) bool { return !g.busy[turn] })
			if j == nil {
				break
			}
			g.busy[j.turn] = true
			jobs = append(jobs, j)
		}
	}
	if jobs == nil {
		g.running--
	}
	return jobs
}

func (g *groups) close() {
	for _, j := range g.waiting.close() {
		j.done <- mail.E("db.Write", mail.Unavailable, errClosed)
	}
}
