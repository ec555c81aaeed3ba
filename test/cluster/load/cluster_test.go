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

var (
	operations = flag.Int("operations", 600, "acknowledged operations of each run")
	crowd      = flag.Int("crowd", 1, "clients of each kind that work on an account")
)

func TestMain(m *testing.M) {
	status := m.Run()
	program.Remove()
	os.Exit(status)
}

const password = "correct horse battery"

const domain = "example.org"

// What clients were promised is kept where nothing goes wrong, by one server and by three nodes of a cluster. Faults are played
// by the parent package.
func TestMixedLoad(t *testing.T) {
	for name, plan := range map[string]func(*testing.T) nodes.Plan{
		"one server": func(*testing.T) nodes.Plan { return nodes.Plan{Count: 1} },
		"three nodes": func(t *testing.T) nodes.Plan {
			database := postgres.ForTest(t, postgres.Options{})
			return nodes.Plan{Count: 3, Database: database.URL(), Servers: []string{database.A.Addr(), database.B.Addr()}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, plan(t))
			s.play(t, s.targets(t))
			s.run(t, "", "verify")
		})
	}
}

// servers are a single one or those of a cluster.
type servers struct{ *nodes.Cluster }

func start(t *testing.T, p nodes.Plan) servers {
	t.Helper()
	var err error
	if p.Program, err = program.Path(); err != nil {
		t.Fatal(err)
	}
	p.Folder = t.TempDir()
	c, err := nodes.New(p)
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
	return servers{c}
}

func (s servers) run(t *testing.T, stdin string, args ...string) {
	t.Helper()
	if out, err := s.Nodes[0].Command(t.Context(), stdin, args...); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// targets makes the accounts.
func (s servers) targets(t *testing.T) load.Targets {
	t.Helper()
	to := load.Targets{SMTP: s.Doors("smtp"), LMTP: s.Doors("lmtp"), Submission: s.Doors("submission"), IMAP: s.Doors("imap"), JMAP: s.Doors("https")}
	addresses, err := s.AddAccounts(t.Context(), domain, "u", password, 4, "--max-recipients=-1", "--max-strangers=-1", "--no-sent-copy")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		to.Accounts = append(to.Accounts, load.Account{Address: a, Password: password})
	}
	relay := "relay@" + domain
	s.run(t, "", "group", "add", relay, "--post", "anyone")
	s.run(t, "", "group", "member", "add", relay, addresses[0])
	to.Relays = []load.Relay{{Address: relay, Account: addresses[0]}}
	return to
}

func (s servers) play(t *testing.T, targets load.Targets) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	plan := load.Mixed()
	plan.Editors, plan.JMAPEditors = *crowd, *crowd
	run, err := load.Start(ctx, targets, plan)
	if err != nil {
		t.Fatal(err)
	}
	defer run.End()
	if err := run.Await(ctx, *operations); err != nil {
		t.Fatal(err)
	}
	run.End()
	if err := s.Rest(ctx, domain); err != nil {
		t.Fatal(err)
	}
	record := run.CatchUp(ctx)
	server, err := load.Read(ctx, targets)
	if err != nil {
		t.Fatal(err)
	}
	result := history.Check(&record, server)
	pause, who := record.LongestPause()
	again, whose := record.LongestReconnect()
	t.Logf("%v: %+v; longest pause %v (%s), reconnect %v (%s)", record.Took, result.Totals, pause, who, again, whose)
	for reason, n := range record.Reasons {
		t.Logf("%5d %s", n, reason)
	}
	if err := result.Err(); err != nil {
		t.Error(err)
	}
	if record.Outcomes[history.Refused] > 0 || record.Outcomes[history.Unknown] > 0 {
		t.Errorf("outcomes %v: nothing was broken, and not all was acknowledged", record.Outcomes)
	}
}
