// Package nodetest runs a whole node inside a test: real rooms and real doors on free loopback ports, on a data folder that
// goes with the test.
package nodetest

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/node"
)

// Node is a node that serves until the test ends.
type Node struct {
	Doors    map[string]string // host:port by name
	Accounts []node.DemoAccount
	Data     string
	Listens  bool       // for other nodes
	Inside   *node.Node // for tests of node that look at its rooms
	stop     func() error
}

// Config is a configuration for a test: free loopback ports and a folder that goes with the test.
func Config(t testing.TB) config.Config {
	cfg := config.Default()
	free := config.Endpoints{"127.0.0.1:0"}
	cfg.Hostname, cfg.Cluster.Name, cfg.Data = "localhost", "localhost", t.TempDir()
	cfg.Listen = config.Listen{SMTP: free, LMTP: free, Submission: free, Submissions: free, IMAP: free, IMAPS: free, POP3: free, POP3S: free, HTTP: free, HTTPS: free, Cluster: free, Metrics: free}
	return cfg
}

// Start runs a node with the demo's accounts and mail. log may be nil.
func Start(t testing.TB, cfg config.Config, log *slog.Logger) *Node {
	t.Helper()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	n, err := node.Open(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	out := &Node{Data: cfg.Data, Inside: n}
	if out.Accounts, err = n.Demo(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, served := make(chan node.Ready, 1), make(chan error, 1)
	go func() { served <- n.Serve(ctx, func(r node.Ready) error { ready <- r; return nil }) }()
	select {
	case r := <-ready:
		out.Doors = r.Doors
	case err := <-served:
		cancel()
		t.Fatal(err)
	}
	stopped := false
	out.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		if err := <-served; err != nil {
			return err
		}
		return n.Close()
	}
	t.Cleanup(func() {
		if err := out.stop(); err != nil {
			t.Error(err)
		}
	})
	return out
}

// Stop stops the node in order; its data folder can be opened again.
func (n *Node) Stop(t testing.TB) {
	t.Helper()
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
}

// Verify fails the test where not everything is there and whole, on the running node or in the stopped one's folder.
func Verify(t testing.TB, cfg config.Config) node.VerifyReport {
	t.Helper()
	admin, done, err := node.OpenAdmin(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	report, err := admin.Verify(t.Context())
	if err := errors.Join(err, done()); err != nil {
		t.Fatal(err)
	}
	if !report.OK {
		t.Errorf("verify finds %+v", report.Findings)
	}
	return report
}
