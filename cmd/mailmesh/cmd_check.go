package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/mailmesh/mailmesh/internal/node"
)

// check says what is wrong with a server's surroundings. Its exit status is 1 when something does not work.
type check struct {
	All  bool `help:"Print what is as it should be, too."`
	JSON bool `name:"json" help:"Print one JSON object."`
}

func (x check) Run(ctx context.Context, c *commands) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	report, err := node.Check(ctx, cfg, c.ConfigFile, func() error { return asOwner(cfg.Data) }, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return err
	}
	if x.JSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		x.print(os.Stdout, report)
	}
	if err == nil && !report.OK {
		err = errReported
	}
	return err
}

// print writes what is not as it should be, by what it is about, and in a line each how to mend it.
func (x check) print(w io.Writer, r node.CheckReport) {
	count := map[string]int{}
	area := ""
	for _, f := range r.Findings {
		count[string(f.Level)]++
		if f.Level == node.CheckFine && !x.All {
			continue
		}
		if f.Area != area {
			area = f.Area
			fmt.Fprintf(w, "%s\n", area)
		}
		fmt.Fprintf(w, "  %-8s %s\n", f.Level, f.Text)
		if f.Mend != "" {
			fmt.Fprintf(w, "  %-8s -> %s\n", "", f.Mend)
		}
	}
	if area != "" {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d fine, %d to note, %d warnings, %d problems\n", count[string(node.CheckFine)], count[string(node.CheckNote)],
		count[string(node.CheckWarning)], count[string(node.CheckProblem)])
}
