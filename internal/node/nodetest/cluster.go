package nodetest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// Cluster runs count nodes on one new PostgreSQL database, each knowing all others, until the test ends. change may alter the
// configuration of each before it starts.
func Cluster(t testing.TB, count int, change func(i int, cfg *config.Config)) []*Node {
	t.Helper()
	database := dbtest.PostgresURL(t, nil)
	key := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(key, []byte("the master key of a test cluster"), 0o600); err != nil {
		t.Fatal(err)
	}
	var nodes []*Node
	for i := range count {
		cfg := Config(t)
		cfg.Database, cfg.MasterKey = database, key
		cfg.Cluster.Name = string(rune('a' + i))
		if change != nil {
			change(i, &cfg)
		}
		n := Start(t, cfg, nil)
		n.Listens = len(cfg.Listen.Cluster) > 0
		nodes = append(nodes, n)
	}
	if nodes[0].Listens {
		Connected(t, nodes)
	}
	return nodes
}

// Connected waits until events of each node reach every other.
func Connected(t testing.TB, nodes []*Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, n := range nodes {
		for {
			once, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			took, err := n.Inside.EventRoundTrips(once, len(nodes)-1)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if len(took) == len(nodes)-1 {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("a node hears only %v", took)
			}
		}
	}
}
