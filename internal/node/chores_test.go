package node_test

import (
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// A server that starts has ended the work of the one before when its doors open.
func TestInterruptedWorkIsFinishedAtTheStart(t *testing.T) {
	cfg := nodetest.Config(t)
	nodetest.Start(t, cfg, nil).Stop(t)
	left := func(do string, args ...any) (rows int) {
		t.Helper()
		d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + cfg.Data + "/mailmesh.db"})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		err = d.Write(t.Context(), 0, func(t *db.Tx) error {
			if _, err := t.Exec(do, args...); err != nil {
				return err
			}
			return t.QueryRow(`SELECT COUNT(*) FROM unfinished`).Scan(&rows)
		})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	const aCopy = `INSERT INTO unfinished (account_id, id, kind, mailbox_id, uids, at)
		SELECT account_id, 1, 2, MIN(id), '', $1 FROM mailbox GROUP BY account_id`
	const nothing = `DELETE FROM unfinished WHERE id = 0`
	if n := left(aCopy, time.Now().UnixMilli()); n != 2 {
		t.Fatalf("%d copies were interrupted", n)
	}
	again := nodetest.Start(t, cfg, nil)
	if n := left(nothing); n != 0 {
		t.Errorf("%d are left", n)
	}
	again.Stop(t)
}
