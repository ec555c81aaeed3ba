package node_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/leases"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// Every work of a cluster is some node's, both nodes have their share, and what one leaves the other takes.
func TestSharedWork(t *testing.T) {
	cfg := nodetest.Config(t)
	cfg.Database = dbtest.PostgresURL(t, nil)
	first := nodetest.Start(t, cfg, nil)
	other := nodetest.Config(t)
	other.Database = cfg.Database
	copyMasterKey(t, cfg, other)
	second := nodetest.Start(t, other, nil)
	d, err := db.Open(t.Context(), db.Options{URL: cfg.Database})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()

	const lasting = 9 // eight parts of the index, and snoozed mail
	held := awaitLeases(t, d, func(by map[string]int) bool { return len(by) == 2 && sum(by) == lasting })
	for owner, n := range held {
		if n < lasting/2 || n > lasting/2+1 {
			t.Errorf("%s has %d of %d", owner, n, lasting)
		}
	}
	first.Stop(t)
	awaitLeases(t, d, func(by map[string]int) bool { return len(by) == 1 && sum(by) == lasting })
	second.Stop(t)
	awaitLeases(t, d, func(by map[string]int) bool { return len(by) == 0 })
}

func copyMasterKey(t *testing.T, from, to config.Config) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(from.Data, "master.key"))
	if err == nil {
		err = os.MkdirAll(to.Data, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(to.Data, "master.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func sum(by map[string]int) (n int) {
	for _, more := range by {
		n += more
	}
	return n
}

// awaitLeases waits until the work that lasts is held as wanted, by owner. Work that comes again is held for moments only.
func awaitLeases(t *testing.T, d *db.DB, wanted func(by map[string]int) bool) map[string]int {
	t.Helper()
	var by map[string]int
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		list, err := leases.List(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		by = map[string]int{}
		for _, l := range list {
			if l.Owner != "" && l.Alive && l.Every == 0 {
				by[l.Owner]++
			}
		}
		if wanted(by) {
			return by
		}
	}
	t.Fatalf("in the end leases are held so: %v", by)
	return nil
}
