package dbtest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

const childEnv = "MAILMESH_DBTEST_CHILD"

// TestMain makes the test binary, when asked, a process that starts a server and waits to be killed.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	s, err := sharedServer()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.dir)
	time.Sleep(time.Minute)
}

// The server and its folder go when the test binary is killed.
func TestServerEndsWithTheProcess(t *testing.T) {
	if _, err := Programs(); err != nil {
		missing(t, err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the child started no server")
	}
	dir := lines.Text()
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server's folder %s is still there", dir)
		}
	}
}

func TestEachHasADatabaseOfItsOwn(t *testing.T) {
	for range 2 {
		Each(t, func(t *testing.T, open Open) {
			for range 2 { // two handles of one database
				err := open().Write(t.Context(), 0, func(tx *db.Tx) error {
					_, err := tx.Exec("CREATE TABLE IF NOT EXISTS t (id BIGINT)")
					tx.Queue("INSERT INTO t VALUES (1)")
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			err := open().Read(t.Context(), func(tx *db.Tx) error {
				var n int64
				if err := tx.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil || n != 2 {
					t.Errorf("%d rows (%v), want 2", n, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
