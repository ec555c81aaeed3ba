//go:build system

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/history"
	"github.com/mailmesh/mailmesh/test/cluster/load"
	"github.com/mailmesh/mailmesh/test/cluster/nodes"
	"github.com/mailmesh/mailmesh/test/cluster/postgres"
	"github.com/mailmesh/mailmesh/test/cluster/s3"
)

// A server is moved to a cluster by `mailmesh migrate` while clients of all kinds use it, and is killed at each step of that. They find
// in the cluster what they were promised, and go on from the state that the old server had told them.
func TestMigrate(t *testing.T) {
	program, err := turnable()
	if err != nil {
		t.Fatal(err)
	}
	database, store := postgres.ForTest(t, postgres.Options{}), s3.Start(t)
	bucket := store.NewBucket(t)
	c, err := nodes.New(nodes.Plan{Program: program, Folder: t.TempDir(), Count: 3, Database: database.URL(),
		Servers: []string{database.A.Addr(), database.B.Addr()}, Bodies: store.Endpoint,
		BodiesURL: func(at string) string { return store.URL(bucket, at) },
		Env:       []string{"MAILMESH_CONFIG_BODIES_SMALL=4KiB"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range c.Nodes {
				t.Logf("the end of the log of %s:\n%s", n.Name, n.Log(4000))
			}
		}
		c.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	m := &moving{T: t, ctx: ctx, old: c.Nodes[0], to: map[string]string{"to": database.URL(), "blobs": store.URL(bucket, "")}}
	m.old.Env = append(m.old.Env, "MAILMESH_CONFIG_DATABASE=", "MAILMESH_CONFIG_BODIES_STORE=") // a server with a folder of its own
	m.must(m.old.Start(ctx))
	targets := m.targets(c)
	run, err := load.Start(ctx, targets, load.Mixed())
	m.must(err)
	defer run.End()
	m.must(run.Await(ctx, 1000))
	for _, step := range []string{"copy", "compare", "paused"} {
		m.killAt(step)
	}
	m.finish()
	if err := m.old.Start(ctx); err == nil {
		t.Error("the old server starts again")
	}
	for _, n := range c.Nodes[1:] {
		m.must(n.Start(ctx))
	}
	operations := run.Acknowledged()
	m.must(run.Await(ctx, operations+1000))
	run.End()
	m.must((&nodes.Cluster{Nodes: c.Nodes[1:]}).Rest(ctx, domain))
	record := run.CatchUp(ctx)
	targets.IMAP, targets.JMAP = targets.IMAP[1:], targets.JMAP[1:] // the others are gone
	server, err := load.Read(ctx, targets)
	m.must(err)
	result := history.Check(&record, server)
	pause, who := record.LongestPause()
	t.Logf("%+v; killed at %v; longest pause %v (%s)", result.Totals, m.killed, pause, who)
	if err := result.Err(); err != nil {
		t.Error(err)
	}
	if out, err := c.Nodes[1].Command(ctx, "", "verify"); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// moving is a server that is moved.
type moving struct {
	*testing.T
	ctx    context.Context
	old    *nodes.Node
	to     map[string]string
	killed []string
}

func (m *moving) must(err error) {
	if err != nil {
		m.Helper()
		m.Fatal(err)
	}
}

func (m *moving) command(args ...string) {
	m.Helper()
	if out, err := m.old.Command(m.ctx, "", args...); err != nil {
		m.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// targets makes accounts on the old server, for clients that know its address and those of the cluster.
func (m *moving) targets(c *nodes.Cluster) load.Targets {
	addresses, err := c.AddAccounts(m.ctx, domain, "m", password, 4)
	m.must(err)
	to := load.Targets{SMTP: c.Doors("smtp"), LMTP: c.Doors("lmtp"), Submission: c.Doors("submission"), IMAP: c.Doors("imap"), JMAP: c.Doors("https")}
	for _, a := range addresses {
		to.Accounts = append(to.Accounts, load.Account{Address: a, Password: password})
		m.command("account", "set", a, "--max-recipients=-1", "--max-strangers=-1", "--no-sent-copy")
	}
	m.command("group", "add", "relay@"+domain, "--post", "anyone")
	m.command("group", "member", "add", "relay@"+domain, addresses[0])
	to.Relays = []load.Relay{{Address: "relay@" + domain, Account: addresses[0]}}
	return to
}

// status is what the admin API says of a migration.
type status struct {
	State, Error string
	PausedMS     int64
	Progress     struct{ Step string }
}

func (s status) is(step string) bool {
	return s.State == step || s.State == "running" && s.Progress.Step == step
}

// ask speaks to the admin socket.
func (m *moving) ask(method, body string) (s status, err error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(m.old.Data(), "admin.sock"))
	}}}
	r, err := http.NewRequestWithContext(m.ctx, method, "http://admin/v1/migration", strings.NewReader(body))
	if err != nil {
		return s, err
	}
	answer, err := client.Do(r)
	if err != nil {
		var e *url.Error
		errors.As(err, &e)
		return s, e.Err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		return s, err
	}
	if answer.StatusCode != http.StatusOK || s.Error != "" {
		return s, fmt.Errorf("%s: %s", answer.Status, s.Error)
	}
	return s, nil
}

// killAt begins or goes on, kills the server when it is at a step, and starts it again.
func (m *moving) killAt(step string) {
	m.Helper()
	body, err := json.Marshal(m.to)
	m.must(err)
	s, err := m.ask(http.MethodPost, string(body))
	for ; err == nil && !s.is(step); s, err = m.ask(http.MethodGet, "") {
		if s.State != "running" && s.State != "paused" {
			m.Fatalf("the migration is %q before it was seen at %s", s.State, step)
		}
		time.Sleep(time.Millisecond)
	}
	m.must(err)
	m.must(m.old.Kill())
	m.killed = append(m.killed, step)
	if err := m.old.Start(m.ctx); err != nil && step != "paused" { // there it may have moved
		m.Fatal(err)
	}
}

// finish has the command come to its end.
func (m *moving) finish() {
	m.Helper()
	out, err := m.old.Command(m.ctx, "", "migrate", "--to", m.to["to"], "--blobs", m.to["blobs"])
	if err != nil || !strings.Contains(out, "the cluster may be started") {
		m.Fatalf("migrate: %v\n%s", err, out)
	}
	m.Log(strings.TrimSpace(out))
	for begin := time.Now(); m.old.Running(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			m.Fatal("the server that has moved goes on")
		}
	}
}
