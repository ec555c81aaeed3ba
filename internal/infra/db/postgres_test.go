package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// The answer to COMMIT is lost, once with COMMIT itself and once without: nobody can tell which, and the caller is told so.
func TestCommitAnswerLost(t *testing.T) {
	p, d := dbtest.ThroughProxy(t, schema)
	for i, c := range []struct {
		loss dbtest.Loss
		rows int64
	}{{dbtest.Request, 1}, {dbtest.Answer, 3}} {
		write(t, d, addAccount(int64(i))) // prepares the statements on the new connection
		runs := 0
		err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
			runs++
			err := addAccount(int64(10 + i))(tx)
			p.Lose(c.loss)
			return err
		})
		if !errors.Is(err, db.ErrCommitUnknown) || db.IsUnavailable(err) || runs != 1 {
			t.Errorf("the answer to COMMIT was lost: %v after %d runs", err, runs)
		}
		var n int64
		waitFor(t, func() bool { n = accounts(t, d); return n == c.rows })
	}
}

// A connection lost before COMMIT was sent costs the caller nothing: the closure runs again.
func TestConnectionLostBeforeCommit(t *testing.T) {
	for _, loss := range []dbtest.Loss{dbtest.Request, dbtest.Answer} {
		p, d := dbtest.ThroughProxy(t, schema)
		runs := 0
		must(t, d.Write(t.Context(), 0, func(tx *db.Tx) error {
			if runs++; runs == 1 {
				if err := addAccount(1)(tx); err != nil {
					return err
				}
				p.Lose(loss)
				return addAccount(2)(tx)
			}
			return errors.Join(addAccount(1)(tx), addAccount(2)(tx))
		}))
		if n := accounts(t, d); n != 2 || runs != 2 {
			t.Errorf("%d accounts after %d runs, want 2 after 2", n, runs)
		}
		runs = 0
		must(t, d.Read(t.Context(), func(tx *db.Tx) error {
			if runs++; runs == 1 {
				p.Lose(loss)
			}
			return tx.QueryRow("SELECT 1").Scan(new(int64))
		}))
		if runs != 2 {
			t.Errorf("the read ran %d times, want 2", runs)
		}
	}
}

// TestRoundTrips counts what a delivery costs: BEGIN, the clock and the first statement; reads; queued statements and
// COMMIT.
func TestRoundTrips(t *testing.T) {
	p, d := dbtest.ThroughProxy(t, schema)
	write(t, d, addAccount(1))
	delivery := func(tx *db.Tx) error {
		var counter, n int64
		if err := tx.QueryRow("UPDATE account SET counter = counter + 1 WHERE id = 1 RETURNING counter").Scan(&counter); err != nil {
			return err
		}
		now := tx.Now().UnixMilli()
		b := tx.Batch()
		b.Query("SELECT count(*) FROM account")
		b.Query("SELECT count(*) FROM item WHERE account = $1", 1)
		if err := errors.Join(b.QueryRow().Scan(&n), b.QueryRow().Scan(&n)); err != nil {
			return err
		}
		for i := range int64(5) {
			tx.Queue("INSERT INTO item (account, uid, flags, modseq, email) VALUES (1, $1, 0, $2, $3)", counter*10+i, counter, now)
		}
		return nil
	}
	for range 2 {
		write(t, d, delivery) // prepares the statements
	}
	before := p.Trips()
	write(t, d, delivery)
	if n := p.Trips() - before; n != 3 {
		t.Errorf("a delivery took %d round trips, want 3", n)
	}
}

func TestDeadlockRunsAgain(t *testing.T) {
	d := dbtest.OnPostgres(t, schema)()
	exec(t, d, "INSERT INTO account (id, counter) VALUES (1, 0), (2, 0)")
	var meet, wg sync.WaitGroup
	meet.Add(2)
	cross := func(first, second int64) {
		runs := 0
		must(t, d.Write(context.Background(), first, func(tx *db.Tx) error {
			runs++
			const add = "UPDATE account SET counter = counter + 1 WHERE id = $1"
			if _, err := tx.Exec(add, first); err != nil {
				return err
			}
			if runs == 1 {
				meet.Done()
				meet.Wait() // both hold their first row now
			}
			_, err := tx.Exec(add, second)
			return err
		}))
	}
	wg.Go(func() { cross(1, 2) })
	wg.Go(func() { cross(2, 1) })
	wg.Wait()
	if n := number(t, d, "SELECT sum(counter) FROM account"); n != 4 {
		t.Errorf("the counters add up to %d, want 4", n)
	}
}

// The setting can be wrong for one role or database only.
func TestRefusesAsynchronousCommit(t *testing.T) {
	url := dbtest.PostgresURL(t, schema)
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	_, err = conn.Exec(t.Context(), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$")
	must(t, errors.Join(err, conn.Close(t.Context())))
	if d, err := db.Open(t.Context(), db.Options{URL: url}); err == nil || !strings.Contains(err.Error(), "synchronous_commit") {
		t.Errorf("synchronous_commit is off: %v", err)
		if err == nil {
			d.Close()
		}
	}
}

// TestServerSettings changes a server of its own: first a standby that does not exist, then fsync.
func TestServerSettings(t *testing.T) {
	url := dbtest.OwnPostgres(t)
	admin, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer admin.Close(context.Background())
	set := func(name, value string) {
		_, err := admin.Exec(t.Context(), fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, value))
		must(t, err)
		_, err = admin.Exec(t.Context(), "SELECT pg_reload_conf()")
		must(t, err)
		waitFor(t, func() bool {
			var now string
			must(t, admin.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&now))
			return now == value
		})
	}
	var log bytes.Buffer
	d, err := db.Open(t.Context(), db.Options{URL: url, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, err)
	defer d.Close()
	if !strings.Contains(log.String(), "synchronous_standby_names") {
		t.Errorf("no warning of the missing standby in the log: %s", &log)
	}
	exec(t, d, "CREATE TABLE account (id BIGINT PRIMARY KEY, counter BIGINT)")

	// COMMIT waits for the standby; the operator cancels the waiting, and the server answers success with a warning.
	set("synchronous_standby_names", "nobody")
	result := make(chan error)
	var over atomic.Bool
	go func() { // the server takes a moment to begin to wait for standbys
		var err error
		for id := int64(1); err == nil && !over.Load(); id++ {
			err = d.Write(context.Background(), 0, addAccount(id))
		}
		result <- err
	}()
	var pid int32
	waitFor(t, func() bool {
		return admin.QueryRow(t.Context(), "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'").Scan(&pid) == nil
	})
	over.Store(true)
	_, err = admin.Exec(t.Context(), "SELECT pg_cancel_backend($1)", pid)
	must(t, err)
	if err := <-result; !errors.Is(err, db.ErrCommitUnknown) {
		t.Errorf("COMMIT with a warning: %v", err)
	}

	set("synchronous_standby_names", "")
	set("fsync", "off")
	if d, err := db.Open(t.Context(), db.Options{URL: url}); err == nil || !strings.Contains(err.Error(), "fsync") {
		t.Errorf("fsync is off: %v", err)
		if err == nil {
			d.Close()
		}
	}
}
