package node_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// A server that starts has ended the work of the one before when its doors open.
func TestInterruptedWorkIsFinishedAtTheStart(t *testing.T) {
	cfg := nodetest.Config(t)
	nodetest.Start(t, cfg, nil).Stop(t)
	const aCopy = `INSERT INTO unfinished (account_id, id, kind, mailbox_id, uids, at)
		SELECT account_id, 1, 2, MIN(id), '', $1 FROM mailbox GROUP BY account_id`
	if n := change(t, cfg, aCopy, time.Now().UnixMilli()); n != 2 {
		t.Fatalf("%d copies were interrupted", n)
	}
	again := nodetest.Start(t, cfg, nil)
	if n := change(t, cfg, `DELETE FROM unfinished`); n != 0 {
		t.Errorf("%d are left", n)
	}
	again.Stop(t)
}

// change runs a statement on the database of a node and returns how many rows it changed.
func change(t *testing.T, cfg config.Config, sql string, args ...any) (rows int64) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + filepath.Join(cfg.Data, "mailmesh.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.Write(t.Context(), 0, func(t *db.Tx) (err error) {
		rows, err = t.Exec(sql, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
