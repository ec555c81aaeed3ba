package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mailmesh/mailmesh/bench/jmaptimes"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/bench/proc"
	"github.com/mailmesh/mailmesh/bench/result"
	"github.com/mailmesh/mailmesh/bench/server"
)

// ClusterOptions of a Cluster.
type ClusterOptions struct {
	Nodes       []int // sizes of the clusters to compare
	New         func(nodes int) *server.Cluster
	Connections int // in all, spread over the nodes
	Mailboxes   int
	Warmup      time.Duration
	Duration    time.Duration
	Pushes      int
	Progress    io.Writer
}

// Cluster measures clusters of several sizes, one after the other, each with a database of its own: deliveries and what they cost
// the nodes, the database and the client; the time from a node that accepts mail to a client of another; the memory of a node at rest.
func Cluster(ctx context.Context, o ClusterOptions) ([]result.Server, error) {
	var results []result.Server
	var errs []error
	for _, n := range o.Nodes {
		c := &clusterRun{options: o, cluster: o.New(n)}
		c.run.server, c.result.Name = clusterServer{c.cluster}, fmt.Sprintf("%d nodes", n)
		if n == 1 {
			c.result.Name = "1 node"
		}
		c.say = func(format string, args ...any) { fmt.Fprintf(o.Progress, c.result.Name+": "+format+"\n", args...) }
		errs = append(errs, c.all(ctx))
		results = append(results, c.result)
	}
	return results, errors.Join(errs...)
}

// clusterRun is one cluster going through the steps.
type clusterRun struct {
	run
	options ClusterOptions
	cluster *server.Cluster
	nodes   []server.Endpoints
}

// clusterServer is a cluster as the steps of one server know it.
type clusterServer struct{ *server.Cluster }

func (clusterServer) Name() string { return "cluster" }

func (clusterServer) Start(context.Context) (server.Endpoints, error) {
	return server.Endpoints{}, errors.New("a cluster has many doors")
}

func (c *clusterRun) all(ctx context.Context) (err error) {
	if c.nodes, err = c.cluster.Start(ctx); err != nil {
		return c.failed("start", err)
	}
	defer func() { err = errors.Join(err, c.cluster.Stop()) }()
	for _, s := range []struct {
		name string
		run  func(context.Context) error
	}{{"memory", c.memory}, {"deliveries", c.deliveries}, {"push", c.pushAcross}} {
		if err := s.run(ctx); err != nil {
			return c.failed(s.name, err)
		}
	}
	return nil
}

func (c *clusterRun) pids() (all []int) {
	for _, n := range c.nodes {
		all = append(all, n.PIDs...)
	}
	return all
}

// memory is that of the first node, which leads most of what one node does for all.
func (c *clusterRun) memory(ctx context.Context) error {
	if err := c.cluster.Rest(ctx); err != nil {
		return err
	}
	if _, err := measure.AwaitRest(ctx, time.Minute, c.pids()...); err != nil {
		return err
	}
	memory, err := proc.System.Memory(c.nodes[0].PIDs...)
	if err == nil {
		c.figure("idle node, RSS", "MiB", result.Less, float64(memory.RSS)/mib)
	}
	return err
}

func (c *clusterRun) deliveries(ctx context.Context) error {
	accounts, err := c.accounts(ctx, "user", c.options.Mailboxes)
	if err != nil {
		return err
	}
	load := measure.Load{Addr: c.nodes[0].SMTP, Connections: c.options.Connections, From: sender, To: measure.Addresses(accounts), Size: mailSize}
	for _, n := range c.nodes[1:] {
		load.Others = append(load.Others, n.SMTP)
	}
	if _, err := measure.Rate(ctx, measure.RateOptions{Load: load, Duration: c.options.Warmup}); err != nil {
		return err
	}
	before, err := proc.System.CPU(c.cluster.DatabasePID())
	if err != nil {
		return err
	}
	got, err := measure.Rate(ctx, measure.RateOptions{Load: load, Duration: c.options.Duration, PIDs: c.pids()})
	if err != nil {
		return err
	}
	after, err := proc.System.CPU(c.cluster.DatabasePID())
	if err != nil {
		return err
	}
	database := float64((after - before).Microseconds()) / float64(got.Accepted)
	c.figure("deliveries of 10 KiB", "mails/s", result.More, got.PerSecond, got.Samples...)
	c.figure("dot to 250, p50", "ms", result.Less, got.DotTo250.P50)
	c.figure("dot to 250, p99", "ms", result.Less, got.DotTo250.P99)
	// A microsecond a mail is a millisecond a thousand.
	c.figure("CPU of the nodes, 1,000 deliveries", "s", result.Less, got.ServerCPU/1000)
	c.figure("CPU of the database, 1,000 deliveries", "s", result.Less, database/1000)
	c.figure("CPU of the client, 1,000 deliveries", "s", result.Less, got.GeneratorCPU/1000)
	c.figure("CPU of nodes and database, 1,000 deliveries", "s", result.Less, (got.ServerCPU+database)/1000)
	if n := got.Errors.Total(); n > 0 {
		return fmt.Errorf("%d errors: %s", n, got.Errors)
	}
	return nil
}

// pushAcross has the first node accept mail of which a client of the last one hears.
func (c *clusterRun) pushAcross(ctx context.Context) error {
	if c.options.Pushes == 0 {
		return nil
	}
	accounts, err := c.accounts(ctx, "push", 1)
	if err != nil {
		return err
	}
	if _, err := measure.AwaitRest(ctx, time.Minute, c.pids()...); err != nil {
		return err
	}
	first, last := c.nodes[0], c.nodes[len(c.nodes)-1]
	got, err := jmaptimes.Push(ctx, jmaptimes.PushOptions{
		Server: jmaptimes.Server{HTTPS: last.HTTPS, SMTP: first.SMTP, IMAP: last.IMAP, PIDs: last.PIDs}, Account: accounts[0], From: sender,
		Count: c.options.Pushes, Size: mailboxSize, Interval: 10 * time.Millisecond, Limit: 5 * time.Second,
	})
	if err != nil {
		return err
	}
	c.figure("250 to WebSocket push at another node, p50", "ms", result.Less, got.After250.P50)
	c.figure("250 to WebSocket push at another node, p99", "ms", result.Less, got.After250.P99)
	return nil
}
