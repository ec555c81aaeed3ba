package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/mailmesh/mailmesh/bench/page"
	"github.com/mailmesh/mailmesh/bench/result"
)

type webCommand struct {
	Server   string `default:"./mailmesh" help:"The mailmesh binary."`
	Messages int    `default:"100000" help:"How many messages the mailbox has that is scrolled."`
	Rounds   int    `default:"9" help:"How often each time is taken."`
	Page     string `placeholder:"FILE" help:"Put the figures on this page, which run has made."`
	Out      string `default:"bench/results" placeholder:"DIR" help:"Folder for the result."`
}

// Run has bench/web measure, which needs Node, the packages of web/ and Chromium (make setup), in the folder of the sources.
func (c *webCommand) Run(ctx context.Context, out output) (err error) {
	dir, err := os.MkdirTemp("", "mailload-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, err := filepath.Abs(c.Server)
	if err != nil {
		return err
	}
	r := result.Result{
		Version: result.Version, Date: time.Now().UTC().Truncate(time.Second), Commit: result.Commit("."),
		Command: append([]string{"mailload"}, os.Args[1:]...), Scale: "web", Machine: result.ThisMachine(),
	}
	if r.Disk, err = result.MeasureDisk(dir, 200); err != nil {
		return err
	}
	figures := filepath.Join(dir, "figures.json")
	browser := exec.CommandContext(ctx, "npx", "playwright", "test", "-c", "../bench/web")
	browser.Dir, browser.Stdout, browser.Stderr = "web", out.progress, out.progress
	browser.Env = append(os.Environ(), "MAILMESH_BINARY="+binary, "FIGURES="+figures, fmt.Sprint("MESSAGES=", c.Messages), fmt.Sprint("ROUNDS=", c.Rounds))
	if err := browser.Run(); err != nil {
		return fmt.Errorf("bench/web: %w", err)
	}
	text, err := os.ReadFile(figures)
	if err != nil {
		return err
	}
	of := result.Server{Name: "web client"}
	if err := json.Unmarshal(text, &of.Figures); err != nil {
		return err
	}
	r.Servers = []result.Server{of}
	return c.report(&r, out)
}

func (c *webCommand) report(r *result.Result, out output) error {
	path, err := r.Write(c.Out)
	if err != nil {
		return err
	}
	fmt.Fprintln(out.progress, "result:", path)
	if c.Page != "" {
		if err := page.WriteWeb(c.Page, path); err != nil {
			return err
		}
	}
	if out.json {
		return out.print(r, "")
	}
	return r.Table(out.w)
}
