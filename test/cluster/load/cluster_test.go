//go:build system

package load_test

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/history"
	"github.com/mailmesh/mailmesh/test/cluster/load"
	"github.com/mailmesh/mailmesh/test/cluster/nodes"
	"github.com/mailmesh/mailmesh/test/cluster/postgres"
	"github.com/mailmesh/mailmesh/test/program"
)

func TestMain(m *testing.M) {
	status := m.Run()
	program.Remove()
	os.Exit(status)
}

var (
	operations = flag.Int("operations", 1000, "acknowledged operations of each run")
	crowd      = flag.Int("crowd", 1, "clients of each kind that work on an account")
)

const password = "correct horse battery"

// cluster starts nodes on one database and returns them with what a load needs.
func cluster(t *testing.T, count int) (*nodes.Cluster, load.Targets) {
	t.Helper()
	path, err := program.Path()
	if err != nil {
		t.Fatal(err)
	}
	database := postgres.ForTest(t, postgres.Options{})
	c, err := nodes.New(nodes.Plan{Program: path, Folder: t.TempDir(), Count: count, Database: database.URL(), Servers: []string{database.A.Addr(), database.B.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range c.Nodes {
				t.Logf("the end of the log of %s:\n%s", n.Name, n.Log(2000))
			}
		}
		c.Close()
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, targets(t, c)
}

func targets(t *testing.T, c *nodes.Cluster) load.Targets {
	t.Helper()
	addresses, err := c.AddAccounts(t.Context(), "example.org", "u", password, 4)
	if err != nil {
		t.Fatal(err)
	}
	to := load.Targets{SMTP: c.Doors("smtp"), LMTP: c.Doors("lmtp"), Submission: c.Doors("submission"), IMAP: c.Doors("imap"), JMAP: c.Doors("https")}
	n := c.Nodes[0]
	for _, a := range addresses {
		to.Accounts = append(to.Accounts, load.Account{Address: a, Password: password})
		command(t, n, "account", "set", a, "--max-recipients=-1", "--max-strangers=-1", "--no-sent-copy")
	}
	command(t, n, "group", "add", "relay@example.org", "--post", "anyone")
	command(t, n, "group", "member", "add", "relay@example.org", addresses[0])
	to.Relays = []load.Relay{{Address: "relay@example.org", Account: addresses[0]}}
	return to
}

func command(t *testing.T, n *nodes.Node, args ...string) {
	t.Helper()
	if out, err := n.Command(t.Context(), "", args...); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// What clients were promised is kept where nothing goes wrong, by one node and by three.
func TestMixedLoad(t *testing.T) {
	for name, count := range map[string]int{"one node": 1, "three nodes": 3} {
		t.Run(name, func(t *testing.T) {
			c, targets := cluster(t, count)
			play(t, targets, func() {})
			if out, err := c.Nodes[0].Command(t.Context(), "", "verify"); err != nil {
				t.Errorf("verify: %v\n%s", err, out)
			}
		})
	}
}

// The same while a node is killed.
func TestMixedLoadAndDeath(t *testing.T) {
	c, targets := cluster(t, 3)
	play(t, targets, func() {
		if err := c.Nodes[1].Kill(); err != nil {
			t.Fatal(err)
		}
		if err := c.Nodes[1].Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func play(t *testing.T, targets load.Targets, fault func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	begin := time.Now()
	plan := load.Mixed()
	plan.Editors, plan.JMAPEditors = *crowd, *crowd
	run, err := load.Start(ctx, targets, plan)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Stop(ctx)
	if err := run.Await(ctx, *operations/2); err != nil {
		t.Fatal(err)
	}
	fault()
	if err := run.Await(ctx, *operations); err != nil {
		t.Fatal(err)
	}
	worked := time.Since(begin)
	record := run.Stop(ctx)
	stopped := time.Since(begin)
	server, err := load.Read(ctx, targets)
	if err != nil {
		t.Fatal(err)
	}
	read := time.Since(begin)
	result := history.Check(&record, server)
	t.Logf("worked %v, stopped %v, read %v, checked %v", worked, stopped, read, time.Since(begin))
	pause, who := record.LongestPause()
	again, whose := record.LongestReconnect()
	t.Logf("%+v; longest pause %v (%s), reconnect %v (%s)", result.Totals, pause, who, again, whose)
	for name, c := range record.Clients {
		if c.Notice > time.Second {
			t.Logf("%s learned of a message after %v", name, c.Notice)
		}
	}
	for reason, n := range record.Reasons {
		t.Logf("%5d %s", n, reason)
	}
	if err := result.Err(); err != nil {
		t.Error(err)
	}
}
