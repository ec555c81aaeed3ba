package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/mailmesh/mailmesh/internal/node"
)

// cluster looks at the nodes of a server and steers them.
type cluster struct {
	Status  clusterStatus  `cmd:"" help:"Show the nodes, what they share, and what is wrong with it."`
	Drain   clusterDrain   `cmd:"" help:"Have a node say goodbye to its clients and take no new work, before it is stopped or worked on."`
	Undrain clusterUndrain `cmd:"" help:"Have a drained node serve again."`
}

type clusterStatus struct{ output }

func (x clusterStatus) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		s, err := a.ClusterStatus(ctx)
		switch {
		case err != nil:
			return err
		case x.JSON:
			return json.NewEncoder(os.Stdout).Encode(s)
		}
		return printCluster(os.Stdout, s)
	})
}

func printCluster(to io.Writer, s node.ClusterStatus) error {
	if s.Alone {
		fmt.Fprintln(to, "This server is alone: what it keeps is in its data folder. With \"database\" in its configuration it is a node of a cluster.")
		return nil
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tADDRESS\tVERSION\tSTATE\tUP\tLEASE\tROUND TRIP")
	for _, n := range s.Nodes {
		trip := "-"
		switch {
		case n.RoundTrip != nil:
			trip = micros(*n.RoundTrip)
		case n.Name == s.Here:
			trip = "here"
		}
		state := n.State
		if n.Wish != "" && n.State == "serving" {
			state += ", to " + n.Wish
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s ago\t%s\n", n.Name, dash(n.Address), dash(n.Version), state, age(time.Since(n.Joined)),
			(time.Duration(n.Renewed) * time.Millisecond).Round(100*time.Millisecond), trip)
	}
	fmt.Fprintln(w, "\nWORK\tNODE\tSINCE\tNEXT")
	for _, l := range s.Works {
		next := "-"
		if l.Due != nil && l.Node == "" {
			next = "in " + age(time.Until(*l.Due))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Name, dash(l.Node), age(time.Since(l.Since)), next)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(to, "\ndatabase  %s, answers in %s\n", s.Database.Engine, micros(s.Database.Answer))
	for _, server := range s.Database.Servers {
		fmt.Fprintf(to, "          %s: %s\n", server.Address, server.Role)
	}
	for _, b := range s.Database.Standbys {
		fmt.Fprintf(to, "          standby %s %s: %s, %s, %s behind\n", b.Name, b.Address, b.State, b.Sync, sizeText(b.Bytes))
	}
	bodies := s.Bodies.Store
	switch {
	case s.Bodies.Error != "":
		bodies += ": " + s.Bodies.Error
	case s.Bodies.Answer > 0:
		bodies += ", answers in " + micros(s.Bodies.Answer)
	}
	fmt.Fprintf(to, "bodies    %s\n", bodies)
	fmt.Fprintf(to, "queue     %s to %s; %d being tried, %d held\n", counted(int(s.Queue.Messages), "message", "messages"),
		counted(int(s.Queue.Recipients), "recipient", "recipients"), s.Queue.Trying, s.Queue.Held)
	for i, concern := range s.Concerns {
		if i == 0 {
			fmt.Fprintln(to)
		}
		fmt.Fprintln(to, "!", concern)
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func micros(n int64) string {
	return fmt.Sprintf("%.2fms", float64(n)/1000)
}

// nodeArgument names a node.
type nodeArgument struct {
	Node string `arg:"" optional:"" help:"Name, the beginning of it, or address, from \"mailmesh cluster status\"."`
	Here bool   `help:"The node that runs on this data folder."`
}

// name is that of the node that is meant.
func (x nodeArgument) name(ctx context.Context, a *node.Admin) (string, error) {
	if x.Here == (x.Node != "") {
		return "", errors.New("name a node, or say --here")
	}
	if !x.Here {
		return x.Node, nil
	}
	s, err := a.ClusterStatus(ctx)
	if err == nil && s.Here == "" && !s.Alone {
		err = errors.New("no node runs on this data folder: name one, from \"mailmesh cluster status\"")
	}
	return s.Here, err
}

type clusterDrain struct {
	nodeArgument
	Wait    bool          `help:"Return when the node is drained."`
	Timeout time.Duration `default:"2m" help:"How long to wait."`
	output
}

func (x clusterDrain) Run(ctx context.Context, c *commands) error {
	return x.steer(ctx, c, (*node.Admin).DrainNode, func(n node.ClusterNode) bool { return n.State == "drained" }, x)
}

type clusterUndrain struct{ clusterDrain }

func (x clusterUndrain) Run(ctx context.Context, c *commands) error {
	return x.steer(ctx, c, (*node.Admin).UndrainNode, func(n node.ClusterNode) bool { return n.State == "serving" }, x.clusterDrain)
}

func (nodeArgument) steer(ctx context.Context, c *commands, ask func(*node.Admin, context.Context, string) (node.ClusterNode, error),
	done func(node.ClusterNode) bool, x clusterDrain) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		name, err := x.name(ctx, a)
		if err != nil {
			return err
		}
		n, err := ask(a, ctx, name)
		if err == nil && x.Wait {
			n, err = await(ctx, a, n, x.Timeout, done)
		}
		switch {
		case err != nil:
			return err
		case x.JSON:
			return json.NewEncoder(os.Stdout).Encode(n)
		case x.Wait:
			fmt.Println(n.Name, "is", n.State)
		default:
			fmt.Println(n.Name, "is told to, and begins within two seconds; --wait waits for the end")
		}
		if s, err := a.ClusterStatus(ctx); err == nil && !anyServes(s) {
			fmt.Fprintln(os.Stderr, "! no node serves: clients find nobody, until `mailmesh cluster undrain` or the start of another")
		}
		return nil
	})
}

// anyServes reports whether a node serves that is not to be drained.
func anyServes(s node.ClusterStatus) bool {
	return slices.ContainsFunc(s.Nodes, func(n node.ClusterNode) bool { return n.State == "serving" && n.Wish == "" })
}

// await asks how a node is until done.
func await(ctx context.Context, a *node.Admin, n node.ClusterNode, within time.Duration, done func(node.ClusterNode) bool) (node.ClusterNode, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("%s is still not there after %v: it goes on", n.Name, within))
	defer cancel()
	for {
		s, err := a.ClusterStatus(ctx)
		if err != nil && ctx.Err() == nil {
			return n, err
		}
		found := false
		for _, now := range s.Nodes {
			if now.Name == n.Name {
				n, found = now, true
			}
		}
		switch {
		case found && done(n):
			return n, nil
		case !found && err == nil:
			return n, fmt.Errorf("%s has ended meanwhile", n.Name)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return n, context.Cause(ctx)
		}
	}
}
