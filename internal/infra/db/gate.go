package db

import (
	"context"
	"errors"
	"sync"
	"time"
)

const gateTimeout = 30 * time.Second

var errNoTurn = errors.New("all connections to the database are busy with work that does not end")

// gate bounds how many transactions use connections of the PostgreSQL pool, and how many of one turn do: the writes of an
// account wait for each other's row lock anyway, and without the bound one account's flood would hold all connections.
// Turn 0 stands for work of no account in particular, which shares no lock and so has no bound of its own. Who waits is
// served in turn.
type gate struct {
	mu      sync.Mutex
	free    int
	perTurn int
	busy    map[int64]int
	waiting *turnQueue
}

func newGate(n, perTurn int) *gate {
	return &gate{free: n, perTurn: perTurn, busy: make(map[int64]int), waiting: newTurnQueue()}
}

// enter waits for a place, at most gateTimeout: when commits hang, so would all who wait behind them. The caller leaves when it
// has entered.
func (g *gate) enter(ctx context.Context, turn int64) error {
	j := &job{turn: turn, done: make(chan error, 1)}
	if err := g.waiting.put(j); err != nil {
		return err
	}
	g.admit()
	select {
	case err := <-j.done:
		return err
	default:
	}
	late := time.NewTimer(gateTimeout)
	defer late.Stop()
	var why error
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-late.C:
		why = errNoTurn
	}
	if g.waiting.withdraw(j) {
		return why
	}
	return <-j.done
}

func (g *gate) leave(turn int64) {
	g.mu.Lock()
	g.free++
	if g.busy[turn]--; g.busy[turn] == 0 {
		delete(g.busy, turn)
	}
	g.mu.Unlock()
	g.admit()
}

// admit lets in who may enter now.
func (g *gate) admit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.free > 0 {
		j := g.waiting.takeIf(func(turn int64) bool { return turn == 0 || g.busy[turn] < g.perTurn })
		if j == nil {
			return
		}
		g.free--
		g.busy[j.turn]++
		j.done <- nil
	}
}

func (g *gate) close() {
	for _, j := range g.waiting.close() {
		j.done <- errClosed
	}
}
