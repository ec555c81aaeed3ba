//go:build system

package cluster

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/soak"
	"github.com/mailmesh/mailmesh/test/cluster/nodes"
	"github.com/mailmesh/mailmesh/test/cluster/postgres"
	"github.com/mailmesh/mailmesh/test/cluster/s3"
	"github.com/mailmesh/mailmesh/test/cluster/table"
	"github.com/mailmesh/mailmesh/test/cluster/variant"
)

var rounds = flag.Int("rounds", 1, "how often each fault is played")

const (
	domain   = "example.org"
	password = "correct horse battery"
)

// harness is a cluster to be broken.
type harness struct {
	*testing.T
	*nodes.Cluster
	database *postgres.Pair
	bodies   *s3.Proxy       // in front of the S3 service, behind the nodes' wires
	clocks   []variant.Clock // of the nodes
	played   int
}

// turnable builds the program with a clock that can be turned, once.
var turnable = sync.OnceValues(func() (string, error) {
	var err error
	if builds, err = os.MkdirTemp("", "mailmesh-cluster-"); err != nil {
		return "", err
	}
	return variant.Build(builds, true)
})

// builds is where turnable builds, "" where it has not.
var builds string

func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if builds != "" {
		os.RemoveAll(builds)
	}
	os.Exit(status)
}

func newHarness(t *testing.T, program string) *harness {
	t.Helper()
	h := &harness{T: t, database: postgres.ForTest(t, postgres.Options{})}
	store := s3.Start(t)
	bucket := store.NewBucket(t)
	h.bodies = s3.NewProxy(t, store.Endpoint)
	var err error
	h.Cluster, err = nodes.New(nodes.Plan{Program: program, Folder: t.TempDir(), Count: 3, Database: h.database.URL(),
		Servers: []string{h.database.A.Addr(), h.database.B.Addr()},
		Bodies:  h.bodies.Endpoint, BodiesURL: func(endpoint string) string { return store.URL(bucket, endpoint) },
		Env: []string{"MAILMESH_CONFIG_BODIES_SMALL=4KiB"}}) // so that mail is in both places
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range h.Nodes {
				t.Logf("the end of the log of %s:\n%s", n.Name, n.Log(4000))
			}
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, n := range h.Nodes {
		clock, err := variant.NewClock(filepath.Join(t.TempDir(), n.Name))
		if err != nil {
			t.Fatal(err)
		}
		h.clocks = append(h.clocks, clock)
		n.Env = append(n.Env, clock.Env())
	}
	starting, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := h.Start(starting); err != nil {
		t.Fatal(err)
	}
	return h
}

// fault is something that happens to the cluster while clients work.
type fault struct {
	name   string
	strike func(ctx context.Context, h *harness) (struck int64, err error) // and heals it again
	pause  time.Duration                                                   // that no client may be without success for longer than
}

// play plays a fault once. An error is the harness's own; what the cluster did wrong is in the row.
func (h *harness) play(f fault) (row table.Row, err error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(h.Context(), 3*time.Minute)
	defer cancel()
	h.played++
	row = table.Row{Fault: f.name, Limit: f.pause}
	accounts, err := h.AddAccounts(ctx, domain, fmt.Sprintf("r%d-", h.played), password, 6)
	if err != nil {
		return row, err
	}
	dir := h.TempDir()
	load, err := startMailers(h.Doors("smtp"), accounts, dir, 12)
	if err != nil {
		return row, err
	}
	err = load.await(ctx, table.Enough/4)
	if err == nil {
		row.Struck, err = f.strike(ctx, h)
	}
	if err == nil {
		err = load.await(ctx, max(table.Enough, load.acknowledged()+table.Enough/4))
	}
	load.stop()
	row.Acknowledged, row.Unknown, row.Pause, row.Wrong = load.acknowledged(), load.unknown(), load.pause(), load.permanent()
	if err != nil {
		return row, err
	}
	if err := h.Rest(ctx); err != nil {
		row.Wrong = append(row.Wrong, err.Error())
	}
	row.Took = time.Since(begin)
	h.check(ctx, &row, accounts, dir)
	return row, nil
}

// check compares what was acknowledged with what is there.
func (h *harness) check(ctx context.Context, row *table.Row, accounts []string, dir string) {
	passwords := map[string]string{}
	for _, a := range accounts {
		passwords[a] = password
	}
	report, err := soak.Check(ctx, soak.CheckOptions{Addr: h.Nodes[2].Doors["imap"], Accounts: passwords, Dir: dir, IMAP: imap.Options{}, Atomic: true})
	if err != nil {
		row.Wrong = append(row.Wrong, "the mailboxes cannot be read: "+err.Error())
		return
	}
	row.Lost, row.Doubled = report.Counts[soak.Missing], report.Counts[soak.Doubled]
	for _, p := range report.Problems {
		if p.Kind != soak.Missing && p.Kind != soak.Doubled {
			row.Wrong = append(row.Wrong, p.String())
		}
	}
	if out, err := h.Nodes[1].Command(ctx, "", "verify"); err != nil {
		row.Wrong = append(row.Wrong, "verify: "+strings.TrimSpace(out)+err.Error())
	}
}

// story is where the table is printed besides: `make test` shows it at the end.
func story(t *testing.T, text string) {
	t.Helper()
	t.Log("\n" + text)
	path := os.Getenv("MAILMESH_STORY")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text + "\n"); err != nil {
		t.Error(err)
	}
}
