//go:build system

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/nodes"
	"github.com/mailmesh/mailmesh/test/cluster/s3"
	"github.com/mailmesh/mailmesh/test/cluster/wire"
)

// last lets a fault last.
func last(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// during breaks wires for a while, and counts what that struck.
func during(ctx context.Context, d time.Duration, f wire.Fault, wires ...*wire.Wire) (struck int64, err error) {
	for _, w := range wires {
		struck -= w.Count().Struck()
		w.Set(f)
	}
	err = last(ctx, d)
	for _, w := range wires {
		w.Mend()
		struck += w.Count().Struck()
	}
	return struck, err
}

// kill kills two nodes, one after the other, and starts each again. The second stays dead until others have taken over its work.
func kill(ctx context.Context, h *harness) (struck int64, err error) {
	for i, dead := range []time.Duration{time.Second, 10 * time.Second} {
		n := h.Nodes[i]
		if err := n.Kill(); err != nil {
			return struck, err
		}
		struck++
		if err := errors.Join(last(ctx, dead), n.Start(ctx)); err != nil {
			return struck, err
		}
	}
	return struck, nil
}

func freeze(ctx context.Context, h *harness) (struck int64, err error) {
	return freezeFor(ctx, h, 30*time.Second)
}

// freezeBriefly is over when others have had time to try again what they have taken over.
func freezeBriefly(ctx context.Context, h *harness) (struck int64, err error) {
	return freezeFor(ctx, h, 15*time.Second)
}

// freezeFor stops a node for some time and until others have taken over its work, while it waits for an answer from outside. It hears the
// answer first when it goes on: what it hears must not count any more.
func freezeFor(ctx context.Context, h *harness, d time.Duration) (struck int64, err error) {
	n := h.Nodes[1]
	sender, err := h.postOutside(ctx, n)
	if err != nil {
		return 0, err
	}
	before := h.takenOver(ctx)
	if err := n.Freeze(); err != nil {
		return 0, err
	}
	frozen := time.Now()
	err = eventually(ctx, "others take over", func() bool { return h.takenOver(ctx) > before })
	takenOver := time.Since(frozen)
	if err := errors.Join(err, last(ctx, d-takenOver)); err != nil {
		return 0, errors.Join(err, n.Continue())
	}
	if takenOver > 12*time.Second {
		h.wrong = append(h.wrong, fmt.Sprintf("the work of a frozen node was taken over after %v", takenOver))
	}
	close(h.outside.gate(hostname(n)))
	if err := errors.Join(n.Continue(), last(ctx, 2*time.Second)); err != nil { // in which it writes what it has heard
		return 1, err
	}
	close(h.outside.gate(hostname(h.Nodes[0])))
	close(h.outside.gate(hostname(h.Nodes[2])))
	return 1, h.reportedOnce(ctx, sender)
}

// takenOver is how much work of the second node the others have taken over by now.
func (h *harness) takenOver(ctx context.Context) (recipients float64) {
	for _, n := range []*nodes.Node{h.Nodes[0], h.Nodes[2]} {
		if taken, err := n.Meter(ctx, "mailmesh_queue_taken_over_total", ""); err == nil {
			recipients += taken
		}
	}
	return recipients
}

// cutFromDatabase makes the way to the database silent for longer than a node's lease, and then for a while refuses it.
func cutFromDatabase(ctx context.Context, h *harness) (struck int64, err error) {
	n := h.Nodes[0]
	held, err := during(ctx, 12*time.Second, wire.Fault{Silence: true}, n.Database...)
	if err != nil {
		return held, err
	}
	reset, err := during(ctx, 4*time.Second, wire.Fault{Refuse: true}, n.Database...)
	return held + reset, err
}

// cutFromBodies makes the way to S3 silent, and then for a while refuses it.
func cutFromBodies(ctx context.Context, h *harness) (struck int64, err error) {
	held, err := during(ctx, 8*time.Second, wire.Fault{Silence: true}, h.Nodes[0].Bodies)
	if err != nil {
		return held, err
	}
	reset, err := during(ctx, 3*time.Second, wire.Fault{Refuse: true}, h.Nodes[0].Bodies)
	return held + reset, err
}

// cutFromNodes makes the ways between a node and the others silent, and then for a while refuses them: the first, which the others dial.
func cutFromNodes(ctx context.Context, h *harness) (struck int64, err error) {
	if err := h.routed(); err != nil {
		return 0, err
	}
	held, err := during(ctx, 8*time.Second, wire.Fault{Silence: true}, h.Nodes[0].Bus)
	if err != nil {
		return held, err
	}
	reset, err := during(ctx, 3*time.Second, wire.Fault{Refuse: true}, h.Nodes[0].Bus)
	return held + reset, err
}

// cutFromAll cuts a node off from whatever it needs. Clients still reach it.
func cutFromAll(ctx context.Context, h *harness) (struck int64, err error) {
	if err := h.routed(); err != nil {
		return 0, err
	}
	n := h.Nodes[0]
	all := append([]*wire.Wire{n.Bus, n.Bodies}, n.Database...)
	held, err := during(ctx, 12*time.Second, wire.Fault{Silence: true}, all...)
	if err != nil {
		return held, err
	}
	reset, err := during(ctx, 3*time.Second, wire.Fault{Refuse: true}, all...)
	return held + reset, err
}

// dropEvents lets nothing pass between nodes: every event is lost for all but the node where it happens. It makes sure that they passed
// before, and that a client that waits on another node hears of a delivery all the same.
func dropEvents(ctx context.Context, h *harness) (struck int64, err error) {
	if err := h.routed(); err != nil {
		return 0, err
	}
	prompt, err := h.quiet(ctx)
	if err != nil {
		return 0, err
	}
	for _, w := range h.buses() {
		struck -= w.Count().Struck()
		w.Set(wire.Fault{Refuse: true})
	}
	late, err := h.quiet(ctx)
	for _, w := range h.buses() {
		w.Mend()
		struck += w.Count().Struck()
	}
	h.Logf("a client on another node heard of a delivery after %v, and without events after %v", prompt, late)
	if h.notice = late; err == nil && late < prompt {
		err = fmt.Errorf("a client heard of a delivery after %v with events and after %v without: nothing was dropped", prompt, late)
	}
	return struck, err
}

// routed makes sure that nodes are connected to each other: the first is dialled by both others, the second by the third.
func (h *harness) routed() error {
	for i, least := range []int{2, 1} {
		if open := h.Nodes[i].Bus.Open(); open < least {
			return fmt.Errorf("%d connections of other nodes to %s, want at least %d: there is nothing to cut", open, h.Nodes[i].Name, least)
		}
	}
	return nil
}

// delayEvents lets everything between nodes come two seconds late, or a little more.
func delayEvents(ctx context.Context, h *harness) (struck int64, err error) {
	if err := h.routed(); err != nil {
		return 0, err
	}
	noticed := make(chan error, 1)
	go func() {
		notice, err := h.quiet(ctx)
		h.notice = notice
		noticed <- err
	}()
	struck, err = during(ctx, 7*time.Second, wire.Fault{Delay: 2 * time.Second}, h.buses()...)
	return struck, errors.Join(err, <-noticed)
}

func (h *harness) buses() (all []*wire.Wire) {
	for _, n := range h.Nodes {
		all = append(all, n.Bus)
	}
	return all
}

// failingBodies has S3 answer every other request with 500 for a while, and then lose the answers to some that it has carried out.
func failingBodies(ctx context.Context, h *harness) (struck int64, err error) {
	defer h.bodies.Set(nil)
	for _, fault := range []s3.Fault{s3.Error, s3.Lost} {
		var asked atomic.Int64
		h.bodies.Set(func(*http.Request) s3.Fault {
			if asked.Add(1)%2 == 0 {
				return fault
			}
			return s3.None
		})
		if err := last(ctx, 4*time.Second); err != nil {
			return 0, err
		}
		if h.bodies.Struck(fault) == 0 {
			return 0, nil
		}
		struck += h.bodies.Struck(fault)
	}
	return struck, nil
}

// slowBodies has every request to S3 wait for a second.
func slowBodies(ctx context.Context, h *harness) (struck int64, err error) {
	before := h.bodies.Passed()
	h.bodies.Delay(time.Second, time.Second)
	defer h.bodies.Delay(0, 0)
	err = last(ctx, 6*time.Second)
	return h.bodies.Passed() - before, err
}

// outlastClients has requests to S3 wait for longer than clients do, in the end for some time in which there is no fault any more: what
// clients have given up is accepted late.
func outlastClients(ctx context.Context, h *harness) (struck int64, err error) {
	h.bodies.Delay(4*time.Second, 9*time.Second) // less than a node waits for an answer
	defer h.bodies.Delay(0, 0)
	before := h.bodies.Delayed()
	err = last(ctx, 5*time.Second)
	return h.bodies.Delayed() - before, err
}

// committed is how PostgreSQL says that it has: CommandComplete in its protocol.
const committed = "C\x00\x00\x00\x0bCOMMIT\x00"

// loseCommits ends connections when COMMIT has been carried out and before its answer comes, on every node.
func loseCommits(ctx context.Context, h *harness) (struck int64, err error) {
	var all []*wire.Wire
	for _, n := range h.Nodes {
		all = append(all, n.Database...)
	}
	return during(ctx, 4*time.Second, wire.Fault{LoseAnswer: committed, LoseEach: 15}, all...)
}

// turnClocks makes the clock of one node ten minutes fast and that of another as much slow, while they run and for a start.
func turnClocks(ctx context.Context, h *harness) (struck int64, err error) {
	wrong := []time.Duration{10 * time.Minute, -10 * time.Minute}
	for i, by := range wrong {
		if err := h.clocks[i].Turn(by); err != nil {
			return struck, err
		}
		if err := isOff(ctx, h.Nodes[i], by); err != nil {
			return struck, err
		}
		struck++
	}
	if err := last(ctx, 3*time.Second); err != nil {
		return struck, err
	}
	for i := range wrong {
		if err := errors.Join(h.Nodes[i].Kill(), h.Nodes[i].Start(ctx)); err != nil {
			return struck, err
		}
	}
	if err := last(ctx, 3*time.Second); err != nil {
		return struck, err
	}
	for i := range wrong {
		err = errors.Join(err, h.clocks[i].Turn(0))
	}
	return struck, err
}

// isOff makes sure that a node's clock is wrong, by the date of its answers.
func isOff(ctx context.Context, n *nodes.Node, by time.Duration) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Doors["metrics"]+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	answer.Body.Close()
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if off := time.Until(date); err != nil || (off-by).Abs() > time.Minute {
		return fmt.Errorf("the clock of %s is off by %v, want %v (%w)", n.Name, off, by, errors.Join(err))
	}
	return nil
}

func restartDatabase(ctx context.Context, h *harness) (struck int64, err error) {
	if err := h.database.Primary().Restart(ctx); err != nil {
		return 0, err
	}
	return 1, h.database.AwaitSync(ctx)
}

// promote kills the primary, makes the standby the primary, and has the old one come back as its standby.
func promote(ctx context.Context, h *harness) (struck int64, err error) {
	if err := h.database.Primary().Kill(); err != nil {
		return 0, err
	}
	if err := h.database.Promote(ctx); err != nil {
		return 0, err
	}
	return 1, errors.Join(last(ctx, 2*time.Second), h.database.Rejoin(ctx))
}
