package listen

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Gate stands before the doors of a server that can be out of service while it runs. While it is shut, a session that begins is
// drained at once: it says goodbye in the words of its protocol, also over TLS, where that takes a handshake first.
type Gate struct {
	mu    sync.Mutex
	shut  bool
	crowd map[*openSessions]struct{} // of all doors
}

// spreadStep is how finely goodbyes are spread.
const spreadStep = 50 * time.Millisecond

// IsShut reports whether sessions are drained when they begin.
func (g *Gate) IsShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// Sessions is how many sessions are open at all doors.
func (g *Gate) Sessions() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for o := range g.crowd {
		n += o.count()
	}
	return n
}

// Shut takes the doors out of service until Open. What is still there after the Options.Drain of its door is aborted.
func (g *Gate) Shut() {
	g.mu.Lock()
	g.shut = true
	doors := slices.Collect(maps.Keys(g.crowd))
	g.mu.Unlock()
	for _, o := range doors {
		o.drain()
	}
}

// Open puts the doors into service again. Sessions that were drained end all the same.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}

// Spread drains the sessions that are open one after the other in the time within, so that their clients do not come back all at
// once. Sessions that begin meanwhile are served as ever. It ends early with ctx, and does not shut the gate.
func (g *Gate) Spread(ctx context.Context, within time.Duration) {
	g.mu.Lock()
	var all []Session
	for o := range g.crowd {
		all = o.append(all)
	}
	g.mu.Unlock()
	Spread(ctx, within, len(all), func(i int) { all[i].Drain() })
}

// Spread does something n times, spread over the time within. It ends early with ctx.
func Spread(ctx context.Context, within time.Duration, n int, do func(i int)) {
	if n == 0 {
		return
	}
	steps := max(1, int(within/spreadStep))
	tick := time.NewTicker(spreadStep)
	defer tick.Stop()
	for step := range steps {
		for i := n * step / steps; i < n*(step+1)/steps; i++ {
			do(i)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// enter puts a door behind the gate until leave is called.
func (g *Gate) enter(o *openSessions) (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.crowd == nil {
		g.crowd = map[*openSessions]struct{}{}
	}
	g.crowd[o] = struct{}{}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.crowd, o)
	}
}
