package db_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// killedEnv makes the test binary the process that TestKilled kills: it names the database.
const killedEnv = "MAILMESH_TEST_KILLED"

// writeUntilKilled adds accounts and prints the id of each that was acknowledged.
func writeUntilKilled(path string) {
	fatal := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	d, err := db.Open(context.Background(), db.Options{URL: "sqlite:" + path})
	if err != nil {
		fatal(err)
	}
	var wg sync.WaitGroup
	for i := range int64(8) {
		wg.Go(func() {
			for id := i * 1_000_000; ; id++ {
				if err := d.Write(context.Background(), i, addAccount(id)); err != nil {
					fatal(err)
				}
				fmt.Println(id)
			}
		})
	}
	wg.Wait()
}

// A process that is killed while it writes leaves every row that it was told is kept.
func TestKilled(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "mail.db")
	d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + path})
	must(t, err)
	must(t, d.Migrate(t.Context(), schema))
	must(t, d.Close())

	child := osexec.Command(os.Args[0])
	child.Env = append(os.Environ(), killedEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	acked := make(map[int64]bool)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		id, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			continue // a line cut short
		}
		if acked[id] = true; len(acked) == 500 {
			must(t, child.Process.Kill()) // and read on to the end of what it said
		}
	}
	_ = child.Wait() // killed
	if len(acked) < 500 {
		t.Fatalf("the process ended by itself after %d rows", len(acked))
	}
	check(t, folder, acked)
}
