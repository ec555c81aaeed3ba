package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/node"
)

// migrate copies the server into a cluster, while it is served.
type migrate struct {
	To        string `placeholder:"URL" help:"The cluster's database, which must be empty: postgres://user:password@host/name, or @FILE that says so."`
	Blobs     string `placeholder:"URL" help:"Where the cluster keeps bodies: s3://..., or @FILE. Without it they go into the database."`
	MasterKey string `placeholder:"WHERE" help:"Where the cluster has its master key: it is made sure that it is this server's."`
	Abandon   bool   `help:"Give up a migration that was begun. What was copied stays in the other database."`
	Status    bool   `help:"Only say how far it is."`
}

func (m migrate) Run(ctx context.Context, c *commands) error {
	if !m.Abandon && !m.Status && m.To == "" {
		return errors.New("name the cluster's database with --to")
	}
	to := node.NewMigration{MasterKey: m.MasterKey}
	var err error
	if to.To, err = argument(m.To); err != nil {
		return err
	}
	if to.Blobs, err = argument(m.Blobs); err != nil {
		return err
	}
	err = c.onServer(ctx, func(a *node.Admin) error {
		switch {
		case m.Abandon:
			return a.AbandonMigration(ctx)
		case !m.Status:
			if _, err := a.BeginMigration(ctx, to); err != nil {
				return err
			}
		}
		return watch(ctx, a, m.Status)
	})
	if m.To != "" && errors.Is(err, node.ErrMoved) {
		return endMigration(ctx, c, to)
	}
	return err
}

// argument is a flag's text, or that of the file that it names behind an @: arguments can be read by other users of the machine, and URLs
// hold passwords.
func argument(text string) (string, error) {
	name, ok := strings.CutPrefix(text, "@")
	if !ok {
		return text, nil
	}
	content, err := os.ReadFile(name)
	return strings.TrimSpace(string(content)), err
}

// endMigration has the cluster of a server that has moved be served, where the server was killed before it had said so.
func endMigration(ctx context.Context, c *commands, to node.NewMigration) error {
	cfg, err := c.existing()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if err := node.EndMigration(ctx, cfg, to, log); err != nil {
		return err
	}
	fmt.Println("this server has moved: the cluster may be started")
	return nil
}

// lookEvery is how often it is asked how far it is.
const lookEvery = 500 * time.Millisecond

// watch prints how far it is until it has ended.
func watch(ctx context.Context, a *node.Admin, once bool) error {
	var last string
	for {
		s, err := a.Migration(ctx)
		if err != nil {
			return fmt.Errorf("%w: run the command again, which goes on where this was", err)
		}
		if line := describe(s); line != last {
			fmt.Println(line)
			last = line
		}
		switch {
		case s.Error != "":
			return errors.New(s.Error)
		case once || s.State != node.MigrationRuns && s.State != node.MigrationPauses:
			return nil
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return errors.New("it goes on in the server: `mailmesh migrate` with the same flags shows how far it is")
		}
	}
}

// describe is a line about how far it is.
func describe(s node.Migration) string {
	switch s.State {
	case node.MigrationNone:
		return "no migration was begun since the server was started"
	case node.MigrationIsMoved:
		return fmt.Sprintf("moved in %v, of which the doors were shut for %v: the cluster may be started, this server ends",
			ms(s.TookMS), ms(s.PausedMS))
	case node.MigrationFailed:
		return "the migration has ended before its end; the server is served, and the same command goes on"
	}
	at := time.Since(s.Begun).Round(time.Second)
	p := s.Progress
	switch {
	case s.State == node.MigrationPauses:
		return fmt.Sprintf("%6v  the doors are shut: bringing the last changes", at)
	case p == nil:
		return fmt.Sprintf("%6v  begun", at)
	case p.Table == "":
		return fmt.Sprintf("%6v  %-8s %d changes, %d are waiting", at, p.Step, p.Done, p.Waiting)
	}
	return fmt.Sprintf("%6v  %-8s %-20s %d of %d rows, %d MB of bodies", at, p.Step, p.Table, p.Done, p.Total, p.Bytes>>20)
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
