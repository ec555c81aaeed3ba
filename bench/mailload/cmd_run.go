package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/bench/page"
	"github.com/mailmesh/mailmesh/bench/result"
	"github.com/mailmesh/mailmesh/bench/scenario"
	"github.com/mailmesh/mailmesh/bench/server"
)

type runCommand struct {
	Server string   `default:"./mailmesh" help:"The mailmesh binary."`
	Scale  string   `enum:"quick,standard,full" default:"standard" help:"How much is done: quick, standard, full."`
	Only   []string `help:"Steps to run; default all: start, idle, push, typing, sockets, sessions, smtp, lmtp, visible, outbound, imap, jmap, requests, import."`
	Pair   bool     `negatable:"" default:"true" help:"Measure Postfix and Dovecot, too, where Debian's packages are installed."`
	Page   string   `placeholder:"FILE" help:"Write this page, and a picture beside it, from the result when both were measured."`
	Data   string   `placeholder:"DIR" help:"Where servers keep their data, on the disk to be measured. Default: a temporary folder."`
	Keep   bool     `help:"Keep the data and the server's log."`
	Out    string   `default:"bench/results" placeholder:"DIR" help:"Folder for the result."`
}

func (c *runCommand) Run(ctx context.Context, out output) (err error) {
	dir, err := os.MkdirTemp(c.Data, "mailload-")
	if err != nil {
		return err
	}
	// Not 0700: Postfix and Dovecot reach their files as users of their own.
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	if c.Keep {
		fmt.Fprintln(out.progress, "data and log are kept in", dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
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
	scales := scenario.Scales()
	scale := scales[slices.IndexFunc(scales, func(s scenario.Scale) bool { return s.Name == c.Scale })]
	r := result.Result{
		Version: result.Version, Date: time.Now().UTC().Truncate(time.Second), Commit: result.Commit("."),
		Command: append([]string{"mailload"}, os.Args[1:]...), Scale: scale.Name, Machine: result.ThisMachine(),
	}
	if r.Disk, err = result.MeasureDisk(dir, 200); err != nil {
		return err
	}
	options := scenario.Options{Scale: scale, Steps: c.Only, Progress: out.progress}
	sink := &server.Sink{Log: log}
	if err := sink.Available(); err != nil {
		fmt.Fprintln(out.progress, "outbound is not measured:", err)
	} else if err := sink.Start(ctx); err != nil {
		return err
	} else {
		defer func() { err = errors.Join(err, sink.Stop()) }()
		options.Sink = sink
	}
	options.Servers = c.servers(binary, dir, sink.Addr(), log, out)
	var failed error
	r.Servers, failed = scenario.Run(ctx, options)
	if !slices.ContainsFunc(r.Servers, func(s result.Server) bool { return len(s.Figures) > 0 }) {
		return failed
	}
	return errors.Join(failed, c.report(&r, out))
}

// servers to measure, each with data of its own in dir.
func (c *runCommand) servers(binary, dir, sink string, log io.Writer, out output) []server.Server {
	servers := []server.Server{&server.Mailmesh{Binary: binary, Data: filepath.Join(dir, "data"), Log: log, Sink: sink}}
	if !c.Pair {
		return servers
	}
	pair := &server.Pair{Dir: filepath.Join(dir, "pair"), Log: log, Sink: sink}
	if err := pair.Available(); err != nil {
		fmt.Fprintf(out.progress, "%s is not measured: %v\n", pair.Name(), err)
		return servers
	}
	return append(servers, pair)
}

// report writes the result and prints it.
func (c *runCommand) report(r *result.Result, out output) error {
	path, err := r.Write(c.Out)
	if err != nil {
		return err
	}
	fmt.Fprintln(out.progress, "result:", path)
	if c.Page != "" && len(r.Servers) > 1 {
		if err := page.Write(c.Page, path); err != nil {
			return err
		}
	}
	if out.json {
		return out.print(r, "")
	}
	return r.Table(out.w)
}
