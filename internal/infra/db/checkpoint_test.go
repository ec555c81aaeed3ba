package db_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// copiedBeside opens a database whose log is copied back beside the writer all the time, and by the writer hardly ever.
func copiedBeside(t *testing.T) (*dbtest.Disk, *db.DB) {
	t.Helper()
	disk := dbtest.NewDisk(t)
	d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + filepath.Join(disk.Folder(), "mail.db")})
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	must(t, d.Migrate(t.Context(), schema))
	db.CopyLogAfter(d, 10)
	return disk, d
}

func TestPowerLossBesideACopy(t *testing.T) {
	disk, d := copiedBeside(t)
	l := &ledger{acked: make(map[int64]bool)}
	grow(t, l, d, 1, 10, 100, func() {
		acked := l.snapshot()
		check(t, disk.PowerLoss(nil), acked)
	})
}

// A log that was copied back whole begins anew with the next write, and then the file alone has its rows: the copy must
// have synced it. The writer, which copies what comes next, is kept from doing that for it.
func TestPowerLossAfterACopy(t *testing.T) {
	disk, d := copiedBeside(t)
	acked := make(map[int64]bool)
	for id := range int64(10) { // the last one asks for a copy
		write(t, d, addAccount(id))
		acked[id] = true
	}
	waitFor(t, func() bool { _, all := db.LogCopied(d); return all })
	disk.FailSync("mail.db", 1)
	write(t, d, addAccount(10))
	acked[10] = true
	check(t, disk.PowerLoss(nil), acked)
}

// A copy of a part of the log is not synced. When the sync of the copy that follows fails, that part is lost with it, and must
// be copied again before the log is let go, also when the process ends in good order.
func TestSyncFailsAfterACopyOfAPart(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(fmt.Sprint("closed ", ends), func(t *testing.T) {
			disk, d := copiedBeside(t)
			acked := make(map[int64]bool)
			add := func(from, to int64) {
				for id := from; id < to; id++ {
					write(t, d, addAccount(id))
					acked[id] = true
				}
			}
			add(0, 5)
			reading, release, read := make(chan struct{}), make(chan struct{}), make(chan error)
			go func() {
				read <- d.Read(context.Background(), func(tx *db.Tx) error {
					_, err := tx.Query("SELECT id FROM account")
					close(reading)
					<-release
					return err
				})
			}()
			<-reading
			add(5, 15) // the last of the first ten asks for a copy, which ends at what is being read
			waitFor(t, func() bool { some, all := db.LogCopied(d); return some && !all })
			close(release)
			must(t, <-read)
			disk.FailSync("mail.db", 1)
			for id := int64(15); disk.FailsSync(); id++ {
				add(id, id+1)
			}
			if ends {
				must(t, d.Close())
			} else {
				add(1000, 1040)
			}
			check(t, disk.PowerLoss(nil), acked)
		})
	}
}

func TestSyncFailsBesideACopy(t *testing.T) {
	for _, name := range []string{"-wal", "mail.db"} {
		for _, times := range []int{1, 3} {
			t.Run(fmt.Sprint(name, " ", times), func(t *testing.T) {
				disk, d := copiedBeside(t)
				l := &ledger{acked: make(map[int64]bool)}
				grow(t, l, d, 1, 2, 50, func() { disk.FailSync(name, times) })
				grow(t, l, d, 50_000_000, 2, 50, func() {
					acked := l.snapshot()
					check(t, disk.PowerLoss(nil), acked)
				})
			})
		}
	}
}

// Writers who never pause do not keep the log from beginning anew.
func TestLogStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + path})
	must(t, err)
	defer d.Close()
	must(t, d.Migrate(t.Context(), schema))
	const copyAfter, rounds = 200, 40
	db.CopyLogAfter(d, copyAfter)
	body := make([]byte, 4000) // a page of log, at least
	var wg sync.WaitGroup
	for writer := range 4 {
		wg.Go(func() {
			for i := range rounds * copyAfter / 4 / 10 {
				err := d.Write(context.Background(), int64(writer), func(tx *db.Tx) error {
					for j := range 10 {
						tx.Queue("INSERT INTO item VALUES ($1, $2, 0, 0, 0, NULL, $3)", writer, 10*i+j, body)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	info, err := os.Stat(path + "-wal")
	must(t, err)
	if most := int64(rounds * copyAfter * 4096 / 4); info.Size() > most {
		t.Errorf("the log has %d bytes after %d pages of rows, want at most %d", info.Size(), rounds*copyAfter, most)
	}
}
