//go:build system

package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// takenIn is the time in which other nodes have the work of one that has died.
const takenIn = 10 * time.Second

// Every work that one node does at a time is another's within ten seconds of its node's death: chores, the text index, snoozed mail.
func TestTakeover(t *testing.T) {
	program, err := turnable()
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, program)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h.awaitHeld(ctx, 3)
	dead := h.Nodes[0]
	if err := dead.Kill(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	h.awaitHeld(ctx, 2)
	took := time.Since(begun)
	t.Logf("all work of a dead node was taken over after %v", took.Round(10*time.Millisecond))
	if took > time.Duration(*patience)*takenIn {
		t.Errorf("the work of a dead node was taken over after %v", took)
	}
}

// awaitHeld waits until all work that lasts is done by so many nodes that live.
func (h *harness) awaitHeld(ctx context.Context, nodes int) {
	h.Helper()
	db, err := pgx.Connect(ctx, h.database.URL())
	if err != nil {
		h.Fatal(err)
	}
	defer db.Close(ctx)
	for {
		var works, held, owners int
		err := db.QueryRow(ctx, `SELECT count(*), count(n.name), count(DISTINCT n.name) FROM lease l
			LEFT JOIN node n ON n.name = l.owner AND n.epoch = l.epoch WHERE l.every = 0`).Scan(&works, &held, &owners)
		if err != nil {
			h.Fatal(err)
		}
		if works > 0 && held == works && owners == nodes {
			return
		}
		select {
		case <-ctx.Done():
			h.Fatalf("%d of %d works are held by %d nodes, want all by %d", held, works, owners, nodes)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
