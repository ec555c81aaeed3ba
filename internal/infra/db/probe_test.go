package db_test

import (
	"context"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// A probe has an answer while all connections are taken, notices that its own is lost, and finds the database again.
func TestProbe(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open dbtest.Open) {
		d := open(func(o *db.Options) {})
		p := d.NewProbe()
		defer p.Close()
		ask := func() error { return p.Ask(t.Context()) }
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		if d.Engine() == db.SQLite {
			return
		}
		err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
			_, err := tx.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_is_in_recovery%' AND datname = current_database()`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := ask(); !db.IsUnavailable(err) {
			t.Errorf("its connection is lost: %v", err)
		}
		if err := ask(); err != nil {
			t.Errorf("then: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Ask(ended); !db.IsUnavailable(err) {
			t.Errorf("without time: %v", err)
		}
	})
}
