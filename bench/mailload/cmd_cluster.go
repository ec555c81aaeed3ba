package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mailmesh/mailmesh/bench/page"
	"github.com/mailmesh/mailmesh/bench/result"
	"github.com/mailmesh/mailmesh/bench/scenario"
	"github.com/mailmesh/mailmesh/bench/server"
)

type clusterCommand struct {
	Server      string        `default:"./mailmesh" help:"The mailmesh binary."`
	Nodes       []int         `default:"1,3" help:"Sizes of the clusters to compare."`
	Connections int           `short:"c" default:"96" help:"Connections that send at the same time, spread over the nodes."`
	Mailboxes   int           `default:"200" help:"How many mailboxes the mail is spread over."`
	Warmup      time.Duration `default:"3s" help:"Leave out what happens before."`
	Duration    time.Duration `default:"15s" help:"How long to send."`
	Pushes      int           `default:"300" help:"Mails whose way to the client of another node is timed; 0: none."`
	Page        string        `placeholder:"FILE" help:"Put the figures on this page, which run has made."`
	Data        string        `placeholder:"DIR" help:"Where all data is kept, on the disk to be measured. Default: a temporary folder."`
	Out         string        `default:"bench/results" placeholder:"DIR" help:"Folder for the result."`
}

func (c *clusterCommand) Run(ctx context.Context, out output) (err error) {
	dir, err := os.MkdirTemp(c.Data, "mailload-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL reaches its files as another user
		return err
	}
	log, err := os.Create(filepath.Join(dir, "servers.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	binary, err := filepath.Abs(c.Server)
	if err != nil {
		return err
	}
	r := result.Result{
		Version: result.Version, Date: time.Now().UTC().Truncate(time.Second), Commit: result.Commit("."),
		Command: append([]string{"mailload"}, os.Args[1:]...), Scale: "cluster", Machine: result.ThisMachine(),
	}
	if r.Disk, err = result.MeasureDisk(dir, 200); err != nil {
		return err
	}
	var failed error
	r.Servers, failed = scenario.Cluster(ctx, scenario.ClusterOptions{
		Nodes: c.Nodes, Connections: c.Connections, Mailboxes: c.Mailboxes, Warmup: c.Warmup, Duration: c.Duration, Pushes: c.Pushes, Progress: out.progress,
		New: func(nodes int) *server.Cluster {
			return &server.Cluster{Binary: binary, Dir: filepath.Join(dir, fmt.Sprint("cluster", nodes)), Nodes: nodes, Log: log}
		},
	})
	if failed != nil {
		return failed
	}
	path, err := r.Write(c.Out)
	if err != nil {
		return err
	}
	fmt.Fprintln(out.progress, "result:", path)
	if c.Page != "" {
		if err := page.WriteCluster(c.Page, path); err != nil {
			return err
		}
	}
	if out.json {
		return out.print(r, "")
	}
	return r.Table(out.w)
}
