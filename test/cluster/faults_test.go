//go:build system

package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/table"
)

// TestFaults plays every fault and prints what became of what was acknowledged meanwhile.
func TestFaults(t *testing.T) {
	h := newHarness(t)
	var rows []table.Row
	for range *rounds {
		for _, f := range faults {
			row, err := h.play(f)
			if err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
			t.Logf("%s took %.1f s", f.name, row.Took.Seconds())
			if rows = append(rows, row); !row.Green() {
				t.Errorf("%s is red", f.name)
			}
		}
	}
	story(t, table.String(rows))
}

var faults = []fault{
	{"kill -9 a node", kill, 20 * time.Second},
	{"freeze a node", freeze, 40 * time.Second},
}

// kill kills a node, leaves it dead until the others have taken over, and starts it again.
func kill(ctx context.Context, h *harness) (struck int64, err error) {
	n := h.Nodes[0]
	for range 2 {
		if err := n.Kill(); err != nil {
			return struck, err
		}
		struck++
		if err := n.Start(ctx); err != nil {
			return struck, err
		}
		select {
		case <-ctx.Done():
			return struck, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return struck, nil
}

func freeze(ctx context.Context, h *harness) (struck int64, err error) {
	n := h.Nodes[1]
	if err := n.Freeze(); err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
	case <-time.After(30 * time.Second):
	}
	return 1, n.Continue()
}
