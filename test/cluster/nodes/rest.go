package nodes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	lookEvery  = 20 * time.Millisecond // other processes work: nothing tells when they are done
	retryEvery = time.Second
)

// Rest waits until every node is ready and none has anything left to do, be it for a client that has given up: what that
// has asked for may still be done, long after it was. The clients that are left may wait for news meanwhile, and must ask for nothing.
// Mail to the domain is tried again that was put off; mail to others is not waited for.
func (c *Cluster) Rest(ctx context.Context, domain string) error {
	if err := c.Ready(ctx); err != nil { // it has answered: what was sent to it before a fault it has read
		return err
	}
	for _, n := range c.Nodes {
		if err := c.doorsRest(ctx, n); err != nil {
			return err
		}
	}
	return c.queueRests(ctx, domain)
}

// doors are what keeps a node from resting: what it does, and sessions whose client may be gone and which have not noticed.
var doors = []struct{ meter, labels string }{
	{"mailmesh_requests_under_way", ""},
	{"mailmesh_sessions", `"smtp"`},
	{"mailmesh_sessions", `"lmtp"`},
	{"mailmesh_sessions", `"submission"`},
}

// doorsRest waits until nothing is under way at the doors of a node.
func (c *Cluster) doorsRest(ctx context.Context, n *Node) error {
	for _, d := range doors {
		for {
			open, err := n.Meter(ctx, d.meter, d.labels)
			if errors.Is(err, errNoMeter) && (d.labels != "" || c.Older) { // no such session yet
				break
			}
			if err == nil && open == 0 {
				break
			}
			if !wait(ctx, lookEvery) {
				return fmt.Errorf("%s does not rest: %s{%s} is %v (%v): %w", n.Name, d.meter, d.labels, open, err, context.Cause(ctx))
			}
		}
	}
	return nil
}

// queueRests waits until no mail is owed to a domain. A fault may have put it off, and for that nobody waits here.
func (c *Cluster) queueRests(ctx context.Context, domain string) error {
	n := c.Nodes[0]
	for retried := (time.Time{}); ; {
		owed, err := n.Command(ctx, "", "queue", "list", "--domain", domain, "--json")
		if err == nil && owed == "" {
			return nil
		}
		if err == nil && time.Since(retried) > retryEvery {
			retried = time.Now()
			_, err = n.Command(ctx, "", "queue", "retry", "--domain", domain)
		}
		if !wait(ctx, lookEvery) {
			return fmt.Errorf("the queue does not rest: %d messages are owed to %s (%v): %w", strings.Count(owed, "\n"), domain, err, context.Cause(ctx))
		}
	}
}

// wait waits a while, and reports whether ctx has not ended.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
