package db_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// other is a connection that is not the database's, as another program would have it, in a transaction.
func other(t *testing.T, path string, statements ...string) (end func()) {
	t.Helper()
	pool, err := sql.Open(db.SQLiteDriver, path)
	must(t, err)
	t.Cleanup(func() { must(t, pool.Close()) })
	pool.SetMaxOpenConns(1)
	for _, s := range statements {
		_, err := pool.ExecContext(t.Context(), s)
		must(t, err)
	}
	return func() {
		_, err := pool.Exec("ROLLBACK")
		must(t, err)
	}
}

// Another program holds the file locked. Whoever waits is told so together: one after the other, each after the full
// time, the fifty would take a quarter of a minute.
func TestLockedByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + path})
	must(t, err)
	defer d.Close()
	must(t, d.Migrate(t.Context(), schema))
	const writes, wait = 50, 300 * time.Millisecond
	write(t, d, func(tx *db.Tx) error { return tx.QueryRow("PRAGMA busy_timeout=300").Scan(nil) })
	unlock := other(t, path, "BEGIN IMMEDIATE")
	begun := time.Now()
	answers := make(chan error, writes)
	for i := range int64(writes) {
		go func() { answers <- d.Write(context.Background(), i%5, addAccount(i)) }()
	}
	for range writes {
		if err := <-answers; !db.IsUnavailable(err) {
			t.Errorf("a write to a locked file: %v", err)
		}
	}
	if took := time.Since(begun); took > writes*wait/2 {
		t.Errorf("%d writes were answered after %v", writes, took)
	}
	if n := accounts(t, d); n != 0 {
		t.Errorf("%d accounts were written nevertheless", n)
	}
	unlock()
	write(t, d, addAccount(1))
}

// reopening opens a database that cannot be opened again, after a COMMIT that failed, until release is called: another
// program reads the log that must be copied back.
func reopening(t *testing.T) (d *db.DB, release func()) {
	t.Helper()
	disk, d := onDisk(t)
	write(t, d, addAccount(1))
	release = other(t, filepath.Join(disk.Folder(), "mail.db"), "BEGIN", "SELECT * FROM account")
	write(t, d, addAccount(2))
	disk.FailSync("-wal", 1)
	if err := d.Write(t.Context(), 0, addAccount(3)); !errors.Is(err, db.ErrCommitUnknown) {
		t.Fatalf("a write whose sync failed: %v", err)
	}
	return d, release
}

func TestReadsGoOnWhileReopening(t *testing.T) {
	d, release := reopening(t)
	answer := make(chan error)
	go func() { answer <- d.Write(context.Background(), 0, addAccount(4)) }()
	waitFor(t, func() bool { return db.Waiting(d) == 1 })
	for range 20 {
		if n := accounts(t, d); n < 2 {
			t.Errorf("%d accounts, want 2 or 3", n)
		}
	}
	if db.Waiting(d) != 1 {
		t.Error("the file was opened before the reads were answered")
	}
	release()
	must(t, <-answer)
}

func TestCloseWhileReopening(t *testing.T) {
	d, release := reopening(t)
	closed := make(chan error)
	go func() { closed <- d.Close() }()
	waitFor(t, func() bool { return db.Closed(d) })
	release()
	must(t, <-closed)
}
