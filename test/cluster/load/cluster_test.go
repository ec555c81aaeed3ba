//go:build system

package load_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
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

// Servers are a single one or those of a cluster.
type servers struct {
	doors   func(name string) []string
	command func(stdin string, args ...string) (string, error)
	log     func() string
}

// What clients were promised is kept where nothing goes wrong, by one server and by three nodes of a cluster. Faults are played
// by the parent package.
func TestMixedLoad(t *testing.T) {
	for name, start := range map[string]func(*testing.T) servers{"one server": single, "three nodes": cluster} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the end of the log:\n%s", s.log())
				}
			})
			play(t, s.targets(t))
			s.run(t, "", "verify")
		})
	}
}

// single starts one server on a data folder.
func single(t *testing.T) servers {
	t.Helper()
	path, err := program.Path()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	data, ready := filepath.Join(dir, "data"), filepath.Join(dir, "ready.json")
	cmd := exec.Command(path, "serve", "--data", data, "--any-port", "--ready-file", ready)
	log := new(program.Output)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	doors := awaitReady(t, ready, log)
	return servers{
		doors: func(name string) []string { return []string{doors[name].(string)} },
		log:   log.String,
		command: func(stdin string, args ...string) (string, error) {
			cmd := exec.Command(path, append(args, "--data", data)...)
			cmd.Stdin = strings.NewReader(stdin)
			out, err := cmd.CombinedOutput()
			return string(out), err
		},
	}
}

func awaitReady(t *testing.T, path string, log *program.Output) (doors map[string]any) {
	t.Helper()
	deadline := time.After(time.Minute)
	poll := time.NewTicker(5 * time.Millisecond) // another process writes the file
	defer poll.Stop()
	for {
		if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &doors) == nil {
			return doors
		}
		select {
		case <-deadline:
			t.Fatalf("the server is not ready after a minute:\n%s", log)
		case <-poll.C:
		}
	}
}

// cluster starts three nodes.
func cluster(t *testing.T) servers {
	t.Helper()
	path, err := program.Path()
	if err != nil {
		t.Fatal(err)
	}
	database := postgres.ForTest(t, postgres.Options{})
	c, err := nodes.New(nodes.Plan{Program: path, Folder: t.TempDir(), Count: 3, Database: database.URL(), Servers: []string{database.A.Addr(), database.B.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return servers{
		doors: c.Doors,
		command: func(stdin string, args ...string) (string, error) {
			return c.Nodes[0].Command(t.Context(), stdin, args...)
		},
		log: func() (text string) {
			for _, n := range c.Nodes {
				text += n.Name + ":\n" + n.Log(2000)
			}
			return text
		},
	}
}

func (s servers) run(t *testing.T, stdin string, args ...string) {
	t.Helper()
	if out, err := s.command(stdin, args...); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// targets makes the accounts.
func (s servers) targets(t *testing.T) load.Targets {
	t.Helper()
	to := load.Targets{SMTP: s.doors("smtp"), LMTP: s.doors("lmtp"), Submission: s.doors("submission"), IMAP: s.doors("imap"), JMAP: s.doors("https")}
	s.run(t, "", "domain", "add", "example.org")
	for i := range 4 {
		a := fmt.Sprintf("u%d@example.org", i)
		s.run(t, password+"\n", "account", "add", a, "--password-stdin")
		s.run(t, "", "account", "set", a, "--max-recipients=-1", "--max-strangers=-1", "--no-sent-copy")
		to.Accounts = append(to.Accounts, load.Account{Address: a, Password: password})
	}
	s.run(t, "", "group", "add", "relay@example.org", "--post", "anyone")
	s.run(t, "", "group", "member", "add", "relay@example.org", to.Accounts[0].Address)
	to.Relays = []load.Relay{{Address: "relay@example.org", Account: to.Accounts[0].Address}}
	return to
}

func play(t *testing.T, targets load.Targets) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	plan := load.Mixed()
	plan.Editors, plan.JMAPEditors = *crowd, *crowd
	run, err := load.Start(ctx, targets, plan)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Stop(ctx)
	if err := run.Await(ctx, *operations); err != nil {
		t.Fatal(err)
	}
	record := run.Stop(ctx)
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
