//go:build system

package cluster

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/haproxy"
	"github.com/mailmesh/mailmesh/test/cluster/history"
	"github.com/mailmesh/mailmesh/test/cluster/load"
	"github.com/mailmesh/mailmesh/test/cluster/nodes"
	"github.com/mailmesh/mailmesh/test/cluster/postgres"
	"github.com/mailmesh/mailmesh/test/cluster/s3"
	"github.com/mailmesh/mailmesh/test/cluster/table"
	"github.com/mailmesh/mailmesh/test/cluster/variant"
)

var (
	rounds   = flag.Int("rounds", 1, "how often each fault is played")
	patience = flag.Int("patience", 1, "multiplies what clients may have to wait, for a machine that is busy with other things")
)

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
	proxy    *haproxy.Proxy  // once a fault has asked for it
	outside  *outside        // where mail for other domains goes
	wrong    []string        // what a strike found, for the row
	notice   time.Duration   // that a strike has measured itself
	watched  int
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
	h := &harness{T: t, database: postgres.ForTest(t, postgres.Options{}), outside: startOutside(t)}
	store := s3.Start(t)
	bucket := store.NewBucket(t)
	h.bodies = s3.NewProxy(t, store.Endpoint)
	var err error
	h.Cluster, err = nodes.New(nodes.Plan{Program: program, Folder: t.TempDir(), Count: 3, Database: h.database.URL(),
		Servers: []string{h.database.A.Addr(), h.database.B.Addr()},
		Bodies:  h.bodies.Endpoint, BodiesURL: func(endpoint string) string { return store.URL(bucket, endpoint) },
		Env: []string{"MAILMESH_CONFIG_BODIES_SMALL=4KiB", // so that mail is in both places
			"MAILMESH_CONFIG_OUTBOUND_SMARTHOST=smtp://" + h.outside.listener.Addr().String()}})
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
	limits table.Limits
	front  bool          // clients go through haproxy
	giveUp time.Duration // clients wait so long for an answer; 0: as long as load.Mixed has it
}

// play plays a fault once, and then has everything verified that is kept, if asked to. An error is the harness's own; what the cluster did
// wrong is in the row.
func (h *harness) play(f fault, verify bool) (row table.Row, err error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(h.Context(), 4*time.Minute)
	defer cancel()
	h.played++
	patience := time.Duration(*patience)
	row = table.Row{Fault: f.name, Limits: table.Limits{Pause: patience * f.limits.Pause, Reconnect: patience * f.limits.Reconnect, Notice: patience * f.limits.Notice}}
	targets, err := h.targets(ctx, fmt.Sprintf("r%d-", h.played), f.front)
	if err != nil {
		return row, err
	}
	plan := load.Mixed()
	plan.Patience = cmp.Or(f.giveUp, plan.Patience)
	run, err := load.Start(ctx, targets, plan)
	if err != nil {
		return row, err
	}
	err = run.Await(ctx, table.Enough/4)
	if err == nil {
		row.Struck, err = f.strike(ctx, h)
	}
	if err == nil {
		err = run.Await(ctx, max(table.Enough, run.Acknowledged()+table.Enough/4))
	}
	struck := time.Since(begin)
	run.End()
	if err != nil {
		return row, err
	}
	ended := time.Since(begin)
	resting, cancel := context.WithTimeout(ctx, patience*time.Minute)
	defer cancel()
	if err := h.Rest(resting, domain); err != nil {
		row.Wrong = append(row.Wrong, err.Error())
	}
	rested := time.Since(begin)
	catchingUp, cancel := context.WithTimeout(ctx, patience*20*time.Second)
	defer cancel()
	record := run.CatchUp(catchingUp)
	h.check(ctx, &row, &record, targets)
	if verify {
		if out, err := h.Nodes[1].Command(ctx, "", "verify"); err != nil {
			row.Wrong = append(row.Wrong, fmt.Sprintf("%v: %s", err, strings.TrimSpace(out)))
		}
	}
	h.Logf("%s: worked for %.1f s, ended after %.1f s, at rest after %.1f s, checked after %.1f s", f.name, struck.Seconds(), ended.Seconds(), rested.Seconds(), time.Since(begin).Seconds())
	paused, pause := record.LongestPause()
	reconnected, reconnect := record.LongestReconnect()
	h.Logf("%s: the longest pause was %.1f s, of %s; the longest reconnect %.1f s, of %s", f.name, paused.Seconds(), pause, reconnected.Seconds(), reconnect)
	for reason, n := range record.Reasons {
		h.Logf("%6d %s", n, reason)
	}
	return row, nil
}

// targets makes accounts for a load, and an address from where mail comes to one of them through the queue.
func (h *harness) targets(ctx context.Context, name string, front bool) (t load.Targets, err error) {
	doors := h.Doors
	if front {
		doors = h.front()
	}
	t = load.Targets{SMTP: doors("smtp"), LMTP: doors("lmtp"), Submission: doors("submission"), IMAP: doors("imap"), JMAP: doors("https")}
	addresses, err := h.AddAccounts(ctx, domain, name, password, 4, "--max-recipients=-1", "--max-strangers=-1", "--no-sent-copy")
	if err != nil {
		return t, err
	}
	for _, a := range addresses {
		t.Accounts = append(t.Accounts, load.Account{Address: a, Password: password})
	}
	relay := name + "relay@" + domain
	t.Relays = []load.Relay{{Address: relay, Account: addresses[0]}}
	for _, args := range [][]string{{"group", "add", relay, "--post", "anyone"}, {"group", "member", "add", relay, addresses[0]}} {
		if _, err := h.Nodes[0].Command(ctx, "", args...); err != nil {
			return t, err
		}
	}
	return t, nil
}

// front is where haproxy has the doors of the nodes.
func (h *harness) front() func(door string) []string {
	if h.proxy == nil {
		_, health, err := net.SplitHostPort(h.Nodes[0].Doors["metrics"])
		if err != nil {
			h.Fatal(err)
		}
		var doors []haproxy.Door
		for _, name := range []string{"smtp", "lmtp", "submission", "imap", "https"} {
			doors = append(doors, haproxy.Door{Name: name, At: h.Elsewhere(name), To: h.Doors(name)})
		}
		h.proxy = haproxy.Start(h, health, doors...)
	}
	return func(door string) []string { return []string{h.Elsewhere(door)} }
}

// check compares what clients were promised with what is there.
func (h *harness) check(ctx context.Context, row *table.Row, record *history.Record, targets load.Targets) {
	row.Acknowledged = record.Acknowledged()
	row.Pause, _ = record.LongestPause()
	row.Reconnect, _ = record.LongestReconnect()
	row.Notice, h.notice = h.notice, 0
	for _, c := range record.Clients {
		row.Notice = max(row.Notice, c.Notice)
	}
	row.Wrong, h.wrong = append(row.Wrong, h.wrong...), nil
	row.Wrong = append(row.Wrong, refusedForGood(record)...)
	server, err := load.Read(ctx, targets)
	for again := 0; err != nil && again < 3; again++ { // a node may go out of service for a moment: this machine is busy
		h.Logf("%s: read again: %v", row.Fault, err)
		if err = h.Ready(ctx); err == nil {
			server, err = load.Read(ctx, targets)
		}
	}
	if err != nil {
		row.Wrong = append(row.Wrong, "the mailboxes cannot be read: "+err.Error())
	} else {
		result := history.Check(record, server)
		row.Unknown, row.Lost, row.Doubled = result.Totals.Unknown, result.Totals.Lost, result.Totals.Doubled
		for _, f := range result.Findings {
			row.Wrong = append(row.Wrong, f.String())
		}
	}
}

// refusedForGood are the deliveries that were: a sender who is told so gives up, whatever fault it was.
func refusedForGood(record *history.Record) (wrong []string) {
	for k, operations := range record.Messages {
		for _, o := range operations {
			if o.Outcome == history.Refused && (o.Kind == history.Deliver || o.Kind == history.Relay) {
				wrong = append(wrong, fmt.Sprintf("refused for good: %s: %s", k, o))
			}
		}
	}
	return wrong
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
