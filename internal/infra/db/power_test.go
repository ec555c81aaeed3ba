package db_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// ledger holds the ids of accounts whose Write was acknowledged.
type ledger struct {
	mu    sync.Mutex
	acked map[int64]bool
}

func (l *ledger) snapshot() map[int64]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acked)
}

// add writes accounts until stop is closed.
func (l *ledger) add(t *testing.T, d *db.DB, first int64, stop <-chan struct{}) {
	for id := first; ; id++ {
		select {
		case <-stop:
			return
		default:
		}
		err := d.Write(context.Background(), first, addAccount(id))
		switch {
		case err == nil:
			l.mu.Lock()
			l.acked[id] = true
			l.mu.Unlock()
		case !errors.Is(err, db.ErrCommitUnknown) && !db.IsUnavailable(err):
			t.Errorf("write %d: %v", id, err)
			return
		}
	}
}

// check opens what a power loss has left and wants every acknowledged row in it.
func check(t *testing.T, folder string, acked map[int64]bool) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + filepath.Join(folder, "mail.db")})
	must(t, err)
	defer d.Close()
	found := make(map[int64]bool)
	must(t, d.Read(t.Context(), func(tx *db.Tx) error {
		var sound string
		if err := tx.QueryRow("PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
			t.Errorf("integrity_check: %s (%v)", sound, err)
		}
		rows, err := tx.Query("SELECT id FROM account")
		if err != nil {
			return err
		}
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			found[id] = true
		}
		return rows.Err()
	}))
	lost := 0
	for id := range acked {
		if !found[id] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged rows are lost", lost, len(acked))
	}
}

// onDisk opens a database on a disk that knows what is stable, with a small log, so that it is copied back often.
func onDisk(t *testing.T) (*dbtest.Disk, *db.DB) {
	t.Helper()
	disk := dbtest.NewDisk(t)
	d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + filepath.Join(disk.Folder(), "mail.db")})
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	must(t, d.Migrate(t.Context(), schema))
	write(t, d, func(tx *db.Tx) error { return tx.QueryRow("PRAGMA wal_autocheckpoint=20").Scan(nil) })
	return disk, d
}

// grow runs writers until n more rows are acknowledged and then calls each.
func grow(t *testing.T, l *ledger, d *db.DB, first int64, rounds, n int, each func()) {
	t.Helper()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range int64(8) {
		wg.Go(func() { l.add(t, d, first+i*1_000_000, stop) })
	}
	for range rounds {
		before := len(l.snapshot())
		waitFor(t, func() bool { return len(l.snapshot()) >= before+n })
		each()
	}
	close(stop)
	wg.Wait()
}

func TestPowerLoss(t *testing.T) {
	disk, d := onDisk(t)
	l := &ledger{acked: make(map[int64]bool)}
	for name, keep := range map[string]func() bool{
		"nothing unsynced is kept": nil,
		"half of it is kept":       func() bool { return rand.IntN(2) == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			grow(t, l, d, int64(len(l.acked))+rand.Int64N(1000)*100_000_000, 6, 100, func() {
				acked := l.snapshot() // first: what is acknowledged now must be in what is stable later
				check(t, disk.PowerLoss(keep), acked)
			})
		})
	}
}

// Syncs fail, of the log or of the file while the log is copied back. Callers who were told of success keep their rows,
// also those who were told so after the failure. With two failures the log cannot be copied back on closing either, so
// that opening replays what was never synced: nothing may be built on it before it is.
func TestSyncFails(t *testing.T) {
	for _, name := range []string{"-wal", "mail.db"} {
		for times := 1; times <= 4; times++ {
			t.Run(fmt.Sprint(name, " ", times), func(t *testing.T) {
				disk, d := onDisk(t)
				l := &ledger{acked: make(map[int64]bool)}
				grow(t, l, d, 1, 2, 50, func() { disk.FailSync(name, times) })
				grow(t, l, d, 50_000_000, 2, 50, func() {
					acked := l.snapshot()
					check(t, disk.PowerLoss(nil), acked)
				})
				must(t, d.Ping(t.Context()))
			})
		}
	}
}

func TestFailedSyncIsUnknown(t *testing.T) {
	disk, d := onDisk(t)
	write(t, d, addAccount(1))
	disk.FailSync("-wal", 1)
	if err := d.Write(t.Context(), 0, addAccount(2)); !errors.Is(err, db.ErrCommitUnknown) {
		t.Errorf("a write whose sync failed: %v", err)
	}
	write(t, d, addAccount(3))
	check(t, disk.PowerLoss(nil), map[int64]bool{1: true, 3: true})
}

// The disk fills up under writers. They are told, reads go on, and when there is space again so do writes.
func TestDiskFillsUp(t *testing.T) {
	disk, d := onDisk(t)
	l := &ledger{acked: make(map[int64]bool)}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range int64(4) {
		wg.Go(func() { l.add(t, d, i*1_000_000, stop) })
	}
	acknowledged := func() int { return len(l.snapshot()) }
	waitFor(t, func() bool { return acknowledged() > 50 })
	disk.SetFull(true)
	body := make([]byte, 1<<16)
	var err error
	for uid := 0; err == nil; uid++ {
		err = d.Write(t.Context(), 0, func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO item VALUES (1, $1, 0, 0, 0, NULL, $2)", uid, body)
			return err
		})
	}
	if !db.IsUnavailable(err) && !errors.Is(err, db.ErrCommitUnknown) {
		t.Errorf("a write on a full disk: %v", err)
	}
	for range 20 {
		if err := d.Ping(t.Context()); err != nil && !db.IsUnavailable(err) { // a read may meet the reopening
			t.Errorf("a read on a full disk: %v", err)
		}
	}
	disk.SetFull(false)
	before := acknowledged()
	waitFor(t, func() bool { return acknowledged() > before+50 })
	close(stop)
	wg.Wait()
	acked := l.snapshot()
	check(t, disk.PowerLoss(nil), acked)
}
