package db

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

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

	// A closure that met a lock is tried in so many further groups before it waits in one that does.
	maxSkipped = 1

	// A group that waits does so for each lock no longer than this: what it has locked is locked for as long. It is more than many commits
	// take, for closures that then wait alone cost each other much more.
	groupLockTimeout = time.Second

	// aloneFor is for how many closures nothing is shared after a group was taken back: what has failed once may fail often, and each
	// time all of its group would run twice.
	aloneFor = 64
)

// groups hands closures that wait at the same time to shared transactions: the group commit of PostgreSQL. In one group each
// account has one closure at most, and none that is in another group: closures of one account see each other's changes.
type groups struct {
	server *server
	kinds  [2]groupKind

	mu    sync.Mutex
	busy  map[int64]bool // turns of closures in groups that run
	alone int            // closures that still go alone
}

// groupKind is the groups that pass over what is locked, or those that wait for it.
type groupKind struct {
	waiting *turnQueue
	running int
}

const (
	skipping = iota
	queuing
)

func newGroups(s *server) *groups {
	g := &groups{server: s, busy: make(map[int64]bool)}
	for kind := range g.kinds {
		g.kinds[kind].waiting = newTurnQueue()
	}
	return g
}

// writeShared runs the closure in a group, or alone where that did not work: nothing has changed then.
func (s *server) writeShared(ctx context.Context, turn int64, fn func(*Tx) error) error {
	if s.groups.goesAlone() {
		return s.write(ctx, turn, fn)
	}
	for attempt := 1; ; attempt++ {
		kind := skipping
		if attempt > 1+maxSkipped {
			kind = queuing
			s.options.Observe.Retry("locked")
		}
		err := s.groups.write(ctx, kind, &job{ctx: context.WithoutCancel(ctx), fn: fn, turn: turn, done: make(chan error, 1)})
		switch {
		case errors.Is(err, errGroup):
			s.options.Observe.Retry("failed closure")
			return s.write(ctx, turn, fn)
		case !errors.Is(err, ErrAlone):
			return err
		case kind == queuing:
			return s.write(ctx, turn, fn)
		}
		if err := pause(ctx, attempt); err != nil {
			return mail.E("db.Write", mail.Unavailable, err)
		}
	}
}

func (g *groups) goesAlone() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.alone = max(0, g.alone-1)
	return g.alone > 0
}

// write waits for the answer of a group.
func (g *groups) write(ctx context.Context, kind int, j *job) error {
	waiting := g.kinds[kind].waiting
	if err := waiting.put(j); err != nil {
		return mail.E("db.Write", mail.Unavailable, err)
	}
	g.mu.Lock()
	g.start(kind)
	g.mu.Unlock()
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if waiting.withdraw(j) {
			return mail.E("db.Write", mail.Unavailable, context.Cause(ctx))
		}
		return <-j.done
	}
}

// start begins one more group where that is worth it. The lock is held.
func (g *groups) start(kind int) {
	k := &g.kinds[kind]
	if n := k.waiting.len(); n > 0 && (k.running == 0 || n >= fullGroup && k.running < maxGroups) {
		k.running++
		go g.run(kind)
	}
}

// run serves one group after the other until another serves those that wait.
func (g *groups) run(kind int) {
	var last []*job
	for {
		runtime.Gosched() // who can hand in a closure at once does so first: on busy cores that makes groups several times as large
		jobs := g.take(kind, last)
		if jobs == nil {
			return
		}
		if err := g.server.runGroup(jobs, kind == queuing); err != nil && !isLockTimeout(err) {
			g.mu.Lock()
			g.alone = aloneFor
			g.mu.Unlock()
		}
		last = jobs
	}
}

// take frees the turns of the last group and returns the closures of the next, nil when there is none to run.
func (g *groups) take(kind int, last []*job) (jobs []*job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, j := range last {
		delete(g.busy, j.turn)
	}
	k := &g.kinds[kind]
	if last == nil || k.running == 1 || k.waiting.len() >= fullGroup {
		for len(jobs) < maxMembers {
			j := k.waiting.takeIf(func(turn int64) bool { return !g.busy[turn] })
			if j == nil {
				break
			}
			g.busy[j.turn] = true
			jobs = append(jobs, j)
		}
	}
	if jobs == nil {
		k.running--
	}
	if last != nil {
		g.start(skipping + queuing - kind) // its closures may have waited for the turns that are free now
	}
	return jobs
}

func (g *groups) close() {
	for kind := range g.kinds {
		for _, j := range g.kinds[kind].waiting.close() {
			j.done <- mail.E("db.Write", mail.Unavailable, errClosed)
		}
	}
}
