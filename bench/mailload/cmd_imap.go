package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/measure"
)

type imapCommand struct {
	connection
	accounts
	reading
	Mailbox  string `default:"mailload" help:"The mailbox to fill and read."`
	Messages int    `short:"n" default:"10000" help:"How many messages."`
	Size     size   `default:"4k" help:"Bytes of a message, exactly."`
	Batch    int    `default:"50" help:"Messages of one APPEND."`
	Rounds   int    `default:"5" help:"How many times everything is timed."`
	Bodies   int    `default:"2000" help:"How many bodies are fetched in a round."`
	Reuse    bool   `help:"Use the mailbox as an earlier run left it."`
	Replace  bool   `help:"Delete the mailbox first."`
}

func (c *imapCommand) Run(ctx context.Context, out output) error {
	r, err := measure.Mailbox(ctx, measure.MailboxOptions{
		Addr: c.IMAP, IMAP: c.options(c.connection), Account: c.list()[0], Mailbox: c.Mailbox,
		Messages: c.Messages, Size: int(c.Size), Batch: c.Batch, Rounds: c.Rounds, Bodies: c.Bodies,
		Reuse: c.Reuse, Replace: c.Replace,
	})
	if err != nil {
		return err
	}
	var text strings.Builder
	if r.AppendsPerSec > 0 {
		fmt.Fprintf(&text, "%-20s %10.0f /s\n", "append", r.AppendsPerSec)
	}
	for _, t := range r.Timings {
		fmt.Fprintf(&text, "%-20s %10.3f ms (%.3f..%.3f)\n", t.Name, t.Median, t.Min, t.Max)
	}
	return out.print(r, "%s", text.String())
}

type sessionsCommand struct {
	connection
	accounts
	reading
	Count    int           `short:"n" default:"1000" help:"How many sessions."`
	PID      []int         `name:"pid" required:"" help:"Processes of the server; their descendants are found."`
	Settle   time.Duration `default:"5s" help:"Time for the server to come to rest before its memory is read."`
	Parallel int           `default:"8" help:"How many sessions are being opened at a time."`
}

func (c *sessionsCommand) Run(ctx context.Context, out output) error {
	r, err := measure.Sessions(ctx, measure.SessionsOptions{
		Addr: c.IMAP, IMAP: c.options(c.connection), Accounts: c.list(), Count: c.Count,
		PIDs: c.PID, Settle: c.Settle, Parallel: c.Parallel,
	})
	if err != nil {
		return err
	}
	return out.print(r, "before  RSS %.1f MiB, PSS %.1f MiB, %d processes\nafter   RSS %.1f MiB, PSS %.1f MiB, %d processes\neach    RSS %.1f KiB, PSS %.1f KiB (%d sessions, opened in %.1f s)\n",
		mib(r.Before.RSS), mib(r.Before.PSS), r.Before.Processes, mib(r.After.RSS), mib(r.After.PSS), r.After.Processes,
		r.RSSEach, r.PSSEach, r.Sessions, r.OpenSeconds)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

type importCommand struct {
	connection
	accounts
	reading
	Mailbox     string        `default:"mailload-import" help:"The mailbox, which must not exist."`
	Messages    int           `short:"n" default:"200000" help:"How many messages."`
	Size        size          `default:"4k" help:"Bytes of a message."`
	MaxSize     size          `help:"Sizes between --size and this."`
	Batch       int           `default:"50" help:"Messages of one APPEND."`
	Connections int           `short:"c" default:"4" help:"Connections that append."`
	PID         []int         `name:"pid" help:"Processes of the server, to watch its memory."`
	Every       time.Duration `default:"1s" help:"How often memory is read."`
}

func (c *importCommand) Run(ctx context.Context, out output) error {
	r, err := measure.Import(ctx, measure.ImportOptions{
		Addr: c.IMAP, IMAP: c.options(c.connection), Account: c.list()[0], Mailbox: c.Mailbox, Messages: c.Messages,
		Size: int(c.Size), MaxSize: int(c.MaxSize), Batch: c.Batch, Connections: c.Connections, PIDs: c.PID, Every: c.Every,
	})
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, p := range r.Points {
		fmt.Fprintf(&text, "%7.1f s %9d messages  RSS %.1f MiB  PSS %.1f MiB\n", p.Seconds, p.Messages, mib(p.Memory.RSS), mib(p.Memory.PSS))
	}
	return out.print(r, "%simported %d messages in %.1f s: %.0f/s; last tenth at %.2f of the first's rate; highest RSS %.1f MiB\n",
		text.String(), r.Messages, r.Seconds, r.PerSecond, r.Steadiness, mib(r.MaxRSS))
}
