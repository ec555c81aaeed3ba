package node

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver"
)

// When a node of a cluster is out of service, and back.
const (
	askEvery  = time.Second     // whether the database answers
	answerIn  = 4 * time.Second // at the latest: a machine under load is slow, and not away
	awayAfter = 5 * time.Second // without an answer: a primary that changes faster than that is not noticed
	backAfter = 2               // answers in a row
)

// retryAfter is what HTTP clients are told, in seconds: long enough for a balancer to find another node.
const retryAfter = 5

// availability watches whether this node can serve: whether the database answers, and whether its lease as a node has not run out.
type availability struct {
	ask   func(context.Context) error // the database
	holds func() bool                 // the lease
	away  func(why string)            // the node is out of service
	back  func()
	log   *slog.Logger
}

// Why a node is out of service.
const (
	databaseAway = "the database does not answer"
	leaseLost    = "the lease of this node has run out"
)

// run watches until ctx ends.
func (a *availability) run(ctx context.Context) {
	var out string // why the node is out of service, "" where it is not
	var since time.Time
	answered, inARow := time.Now(), 0
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		asking, cancel := context.WithTimeout(ctx, answerIn)
		err := a.ask(asking)
		cancel()
		if ctx.Err() != nil {
			return
		}
		why := ""
		switch {
		case err == nil:
			answered = time.Now()
		case time.Since(answered) >= awayAfter:
			why = databaseAway
		}
		if why == "" && !a.holds() {
			why = leaseLost
		}
		if inARow++; err != nil || why != "" {
			inARow = 0
		}
		switch {
		case why != "" && why != out:
			if out == "" {
				since = time.Now()
			}
			a.log.Error("out of service: clients are asked to go to another node", "why", why, "err", err)
			a.away(why)
			out = why
		case out != "" && inARow >= backAfter:
			a.log.Warn("in service again", "after", time.Since(since).Round(time.Millisecond))
			a.back()
			out = ""
		}
	}
}

// startAvailability has the node go out of service when it cannot serve, until the returned function is called. A server that is alone
// has its database in the process.
func (n *Node) startAvailability(ctx context.Context) (stop func()) {
	if n.rooms.alone() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	probe := n.rooms.db.NewProbe()
	a := &availability{ask: probe.Ask, log: n.log, holds: func() bool { return n.member.Life().Holds() },
		away: func(why string) { n.service.set(&n.service.away, why); n.pushing.TurnAway() },
		back: func() { n.service.set(&n.service.away, "") }}
	var watching sync.WaitGroup
	watching.Go(func() { a.run(ctx); probe.Close() })
	return func() { cancel(); watching.Wait() }
}

// request counts one of HTTP, or of a WebSocket, until the returned function is called.
func (n *Node) request() (end func()) {
	n.service.requests.Add(1)
	n.meters.underWay.Add(1, "http")
	return func() {
		n.meters.underWay.Add(-1, "http")
		n.service.requests.Add(-1)
	}
}

// whileInService answers requests of HTTP while the doors are in service. RFC 9110 15.6.4: Retry-After tells how long.
func (n *Node) whileInService(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !n.service.gate.IsShut() {
			if r.URL.Path != jmapserver.EventSourcePath { // which lasts: it is a client that pushing counts
				defer n.request()()
			}
			h.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		header.Set("Retry-After", strconv.Itoa(retryAfter))
		header.Set("Connection", "close") // the next one may find another node
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Type", "application/problem+json") // RFC 8620 3.6.1
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte(`{"type":"about:blank","status":503,"detail":"this server is out of service for a moment: try again"}` + "\n"))
	})
}
