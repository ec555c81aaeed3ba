package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// twoNodes are nodes on one database.
func twoNodes(t *testing.T) (a, b *nodetest.Node) {
	t.Helper()
	first := nodetest.Config(t)
	first.Database = dbtest.PostgresURL(t, nil)
	a = nodetest.Start(t, first, nil)
	second := nodetest.Config(t)
	second.Database = first.Database
	key, err := os.ReadFile(filepath.Join(first.Data, "master.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(second.Data, "master.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, nodetest.Start(t, second, nil)
}

// until asks again and again, for a minute.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for begun := time.Now(); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal("not so after a minute: ", what)
		}
	}
}

// A node is drained by a word to another, says so at every door, lets the other do what it did, and serves again by a word.
func TestDrain(t *testing.T) {
	t.Parallel()
	a, b := twoNodes(t)
	admin := b.Inside.DirectAdmin()
	status := func() node.ClusterStatus {
		t.Helper()
		s, err := admin.ClusterStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var s node.ClusterStatus
	until(t, "events come back", func() bool { // at the start nodes look for each other
		s = status()
		return !slices.ContainsFunc(s.Concerns, func(c string) bool { return strings.Contains(c, "no event comes back") })
	})
	i := slices.IndexFunc(s.Nodes, func(n node.ClusterNode) bool { return n.Name != s.Here })
	if len(s.Nodes) != 2 || i < 0 || s.Here == "" || s.Alone || len(s.Concerns) != 1 || !strings.Contains(s.Concerns[0], "standby") {
		t.Fatalf("%+v", s)
	}
	other := s.Nodes[i].Name
	state := func(want string) func() bool {
		return func() bool {
			return slices.ContainsFunc(status().Nodes, func(n node.ClusterNode) bool { return n.Name == other && n.State == want })
		}
	}
	until(t, "each has work", func() bool {
		return slices.ContainsFunc(status().Works, func(w node.ClusterWork) bool { return w.Node == other && w.Due == nil })
	})
	waiting := map[string]line{}
	for door := range farewells {
		waiting[door] = dialDoor(t, a, door)
		waiting[door]()
	}
	if n, err := admin.DrainNode(t.Context(), other); err != nil || n.Wish != "drain" {
		t.Fatalf("%+v, %v", n, err)
	}
	for door, want := range farewells {
		if got := waiting[door](); !strings.HasPrefix(got, want) {
			t.Errorf("who waits at %s hears %q, want %q", door, got, want)
		}
	}
	until(t, "drained", state("drained"))
	for door, want := range farewells {
		if got := dialDoor(t, a, door)(); !strings.HasPrefix(got, want) {
			t.Errorf("%s greets with %q, want %q", door, got, want)
		}
	}
	if code, text := get(t, "http://"+a.Doors["metrics"]+"/readyz"); code != 503 || text != "draining\n" {
		t.Errorf("readyz says %d %s", code, text)
	}
	until(t, "the other node has all work", func() bool {
		return !slices.ContainsFunc(status().Works, func(w node.ClusterWork) bool { return w.Due == nil && w.Node != s.Here })
	})
	if got := b.Send(t, "smtp", "me@example.net", []string{a.Accounts[0].Address}, letter("to the other")); got[0][:3] != "250" {
		t.Error(got)
	}
	if n, err := admin.UndrainNode(t.Context(), other); err != nil || n.Wish != "" {
		t.Fatalf("%+v, %v", n, err)
	}
	until(t, "serving", state("serving"))
	if got := a.Send(t, "smtp", "me@example.net", []string{a.Accounts[0].Address}, letter("to the one")); got[0][:3] != "250" {
		t.Error(got)
	}
	becomes(t, a, 200)
}

// Who names a node that there is not, or several, or drains a server that is alone, is told what there is.
func TestDrainWhom(t *testing.T) {
	t.Parallel()
	a, _ := twoNodes(t)
	admin := a.Inside.DirectAdmin()
	if _, err := admin.DrainNode(t.Context(), "x"); !mail.Is(err, mail.NotFound) || !strings.Contains(err.Error(), "localhost.") {
		t.Error(err)
	}
	if _, err := admin.DrainNode(t.Context(), "localhost"); !mail.Is(err, mail.Invalid) || !strings.Contains(err.Error(), "any of localhost.") {
		t.Error(err)
	}
	alone := nodetest.Start(t, nodetest.Config(t), nil).Inside.DirectAdmin()
	if _, err := alone.DrainNode(t.Context(), "localhost"); !mail.Is(err, mail.Invalid) || !strings.Contains(err.Error(), "alone") {
		t.Error(err)
	}
	if s, err := alone.ClusterStatus(t.Context()); err != nil || !s.Alone || len(s.Nodes) != 1 || !strings.Contains(s.Bodies.Store, "packs") {
		t.Errorf("%+v, %v", s, err)
	}
}
