package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/histogram"
	"github.com/mailmesh/mailmesh/bench/measure"
)

type rateFlags struct {
	connection
	bulk
	Addr      string        `arg:"" help:"The door, host:port."`
	To        []string      `required:"" help:"Recipients; {n} stands for 1 to --mailboxes, with two digits at least."`
	Mailboxes int           `default:"10" help:"How many recipients {n} stands for."`
	Warmup    time.Duration `help:"Leave out what happens before."`
	PID       []int         `name:"pid" help:"Processes of the server, to tell its CPU time."`
}

type (
	smtpCommand struct{ rateFlags }
	lmtpCommand struct{ rateFlags }
)

func (c *smtpCommand) Run(ctx context.Context, out output) error { return c.rate(ctx, out, false) }
func (c *lmtpCommand) Run(ctx context.Context, out output) error { return c.rate(ctx, out, true) }

func (c *rateFlags) rate(ctx context.Context, out output, lmtp bool) error {
	o := measure.RateOptions{
		Load:   c.load(c.Addr, expand(c.To, c.Mailboxes), c.options(c.connection, lmtp)),
		Warmup: c.Warmup, PIDs: c.PID,
	}
	o.Duration, o.Count = c.limits()
	r, err := measure.Rate(ctx, o)
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "accepted   %d mails in %.2f s: %.0f/s (%d recipients, %.1f MiB/s)\n",
		r.Accepted, r.Seconds, r.PerSecond, r.Recipients, float64(r.Bytes)/(1<<20)/r.Seconds)
	fmt.Fprintf(&text, "dot to 250 %s\nMAIL to 250 %s\n", latency(r.DotTo250), latency(r.MailTo250))
	fmt.Fprintf(&text, "CPU        generator %.1f us/mail", r.GeneratorCPU)
	if r.ServerCPU > 0 {
		fmt.Fprintf(&text, ", server %.1f us/mail", r.ServerCPU)
	}
	fmt.Fprintf(&text, "\nerrors     %d %s\n", r.Errors.Total(), r.Errors)
	return out.print(r, "%s", text.String())
}

func latency(s histogram.Summary) string {
	return fmt.Sprintf("p50 %.3f ms, p90 %.3f ms, p99 %.3f ms, max %.3f ms", s.P50, s.P90, s.P99, s.Max)
}

type visibleCommand struct {
	connection
	bulk
	accounts
	reading
	SMTP string        `name:"smtp" required:"" placeholder:"HOST:PORT" help:"The SMTP or LMTP door."`
	LMTP bool          `name:"lmtp" help:"It speaks LMTP."`
	Poll time.Duration `default:"5ms" help:"Pause between two NOOPs of an account's connection."`
	Wait time.Duration `default:"30s" help:"How long after the last mail one may still become visible."`
}

func (c *visibleCommand) Run(ctx context.Context, out output) error {
	o := measure.VisibleOptions{
		Load: c.load(c.SMTP, nil, c.sending.options(c.connection, c.LMTP)), IMAPAddr: c.IMAP, IMAP: c.reading.options(c.connection),
		Accounts: c.list(), Poll: c.Poll, Wait: c.Wait,
	}
	o.Duration, o.Count = c.limits()
	r, err := measure.Visible(ctx, o)
	if err != nil {
		return err
	}
	return out.print(r, "accepted   %d mails: %.0f/s\nvisible    %d mails: %.0f/s\nafter 250  %s\nafter MAIL %s\nerrors     %d %s\n",
		r.Accepted, r.AcceptedPer, r.Visible, r.VisiblePer, latency(r.After250), latency(r.AfterMail), r.Errors.Total(), r.Errors)
}

type idleCommand struct {
	connection
	sending
	accounts
	reading
	SMTP     string        `name:"smtp" required:"" placeholder:"HOST:PORT" help:"The SMTP or LMTP door."`
	LMTP     bool          `name:"lmtp" help:"It speaks LMTP."`
	Count    int           `short:"n" default:"200" help:"How many messages."`
	Interval time.Duration `default:"20ms" help:"Pause between messages."`
}

func (c *idleCommand) Run(ctx context.Context, out output) error {
	r, err := measure.Idle(ctx, measure.IdleOptions{
		SMTPAddr: c.SMTP, SMTP: c.sending.options(c.connection, c.LMTP), From: c.From, IMAPAddr: c.IMAP, IMAP: c.reading.options(c.connection),
		Account: c.list()[0], Count: c.Count, Size: int(c.Size), Interval: c.Interval,
	})
	if err != nil {
		return err
	}
	return out.print(r, "MAIL to EXISTS %s (%d messages)\nMAIL to 250    %s\n", latency(r.MailToIdle), r.Messages, latency(r.MailTo250))
}
