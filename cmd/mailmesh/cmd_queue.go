package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mailmesh/mailmesh/internal/node"
)

// queue looks after mail that is still to be sent.
type queue struct {
	List    queueList    `cmd:"" help:"List mail that is still to be sent, and what is stopped."`
	Show    queueShow    `cmd:"" help:"Show a mail of the queue with all its recipients."`
	Hold    queueHold    `cmd:"" help:"Keep mail from being tried: some, all to a domain, or all."`
	Release queueRelease `cmd:"" help:"Let go what was held: some, all to a domain, or all."`
	Retry   queueRetry   `cmd:"" help:"Try mail now that was tried before. What its sender has held for later stays."`
	Drop    queueDrop    `cmd:"" help:"Remove mail from the queue for good; its sender is told nothing."`
	Trace   queueTrace   `cmd:"" help:"Tell what happened to mail of the queue, also when it has left it."`
}

type queueList struct {
	Domain string `help:"Only mail with a recipient at this domain."`
	From   string `help:"Only mail whose sender has this text in the address."`
	Held   bool   `help:"Only mail that waits for you to release it."`
	output
}

func (x queueList) query() node.QueueQuery {
	return node.QueueQuery{Domain: x.Domain, From: x.From, Held: x.Held}
}

func (x queueList) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		if !x.JSON {
			if err := printStops(a.QueueStops(ctx)); err != nil {
				return err
			}
		}
		messages, recipients := 0, 0
		err := table(x.output, "ID AGE SIZE FROM TO STATE TRIES NEXT LAST", a.Queue(ctx, x.query()), func(m node.QueueMessage) []any {
			messages++
			recipients += len(m.Recipients)
			first := m.Recipients[0]
			for _, r := range m.Recipients { // who comes next stands for all
				if r.Due.Before(first.Due) {
					first = r
				}
			}
			to := first.Address
			if more := len(m.Recipients) - 1; more > 0 {
				to += fmt.Sprintf(" and %d more", more)
			}
			return []any{m.ID, age(time.Since(m.Created)), sizeText(m.Size), sender(m.From), to, first.State, first.Attempts, untilNext(first), first.Last}
		})
		if err == nil && !x.JSON {
			fmt.Printf("%s to %s\n", counted(messages, "message", "messages"), counted(recipients, "recipient", "recipients"))
		}
		return err
	})
}

// printStops says what is stopped, before a list that would not tell why nothing moves.
func printStops(stops iter.Seq2[node.QueueStop, error]) error {
	for s, err := range stops {
		if err != nil {
			return err
		}
		what, option := "Nothing is sent to "+s.Domain, "--domain "+s.Domain
		if s.Domain == everywhere {
			what, option = "Nothing is sent", "--all"
		}
		if s.Reason != "" {
			what += ": " + s.Reason
		}
		fmt.Printf("%s (since %s). To go on: mailmesh queue release %s\n", what, s.Since.Local().Format(time.DateTime), option)
	}
	return nil
}

func sender(address string) string {
	if address == "" {
		return "<>"
	}
	return address
}

func untilNext(r node.QueueRecipient) string {
	switch wait := time.Until(r.Due); {
	case r.State != "waiting":
		return "-"
	case wait <= 0:
		return "now"
	default:
		return "in " + age(wait)
	}
}

// age is a time in the one or two units that matter.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}

func sizeText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%dB", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1fKiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1fMiB", float64(n)/(1<<20))
}

// queueID names mail of the queue.
type queueID struct {
	ID string `arg:"" help:"Of the message, from \"mailmesh queue list\" or from the log."`
}

type queueShow struct {
	queueID
	output
}

func (x queueShow) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		if x.JSON {
			return table(x.output, "", a.Queued(ctx, x.ID), nil)
		}
		for m, err := range a.Queued(ctx, x.ID) {
			if err != nil {
				return err
			}
			fmt.Printf("%s, in logs %s\nfrom %s, %s, accepted %s (%s ago)\n", m.ID, m.Trace, sender(m.From), sizeText(m.Size),
				m.Created.Local().Format(time.DateTime), age(time.Since(m.Created)))
			w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
			for _, r := range m.Recipients {
				fmt.Fprintf(w, "  %s\t%s\t%d tries\tnext %s\t%s\n", r.Address, r.State, r.Attempts, untilNext(r), r.Last)
			}
			if err := w.Flush(); err != nil {
				return err
			}
		}
		return nil
	})
}

// everywhere stands for all destinations.
const everywhere = "*"

// queueTarget is what hold, release and retry are for.
type queueTarget struct {
	ID     []string `arg:"" optional:"" help:"Of messages, from \"mailmesh queue list\" or from the log."`
	Domain string   `help:"All mail to this domain."`
	All    bool     `help:"All mail."`
}

// domain is the destination that is meant, "" where messages are.
func (t queueTarget) domain() (string, error) {
	named := 0
	for _, given := range []bool{len(t.ID) > 0, t.Domain != "", t.All} {
		if given {
			named++
		}
	}
	switch {
	case named != 1:
		return "", errors.New("name messages by their ids, or a domain with --domain, or --all: one of the three")
	case t.All:
		return everywhere, nil
	}
	return t.Domain, nil
}

// on does something to a destination, or to each message.
func (t queueTarget) on(ctx context.Context, c *commands, destination func(*node.Admin, string) error, message func(*node.Admin, string) error) error {
	domain, err := t.domain()
	if err != nil {
		return err
	}
	return c.onServer(ctx, func(a *node.Admin) error {
		if domain != "" {
			return destination(a, domain)
		}
		for _, id := range t.ID {
			if err := message(a, id); err != nil {
				return err
			}
		}
		return nil
	})
}

type queueHold struct {
	queueTarget
	Reason string `help:"Why, for those who look later; with --domain and --all."`
}

func (x queueHold) Run(ctx context.Context, c *commands) error {
	return x.on(ctx, c, func(a *node.Admin, domain string) error {
		return a.StopQueue(ctx, node.NewQueueStop{Domain: domain, Reason: x.Reason})
	}, func(a *node.Admin, id string) error { _, err := a.HoldQueued(ctx, id); return err })
}

type queueRelease struct{ queueTarget }

func (x queueRelease) Run(ctx context.Context, c *commands) error {
	return x.on(ctx, c, func(a *node.Admin, domain string) error { return a.StartQueue(ctx, domain) },
		func(a *node.Admin, id string) error { _, err := a.ReleaseQueued(ctx, id); return err })
}

type queueRetry struct{ queueTarget }

func (x queueRetry) Run(ctx context.Context, c *commands) error {
	one := func(a *node.Admin, id string) error { _, err := a.RetryQueued(ctx, id); return err }
	return x.on(ctx, c, func(a *node.Admin, domain string) error {
		if domain == everywhere {
			domain = ""
		}
		n := 0
		for m, err := range a.Queue(ctx, node.QueueQuery{Domain: domain}) {
			if err == nil {
				err = one(a, m.ID)
			}
			if err != nil && !node.IsNotFound(err) { // NotFound: it has just gone
				return err
			}
			n++
		}
		fmt.Printf("%d messages are tried now\n", n)
		return nil
	}, one)
}

type queueDrop struct {
	ID []string `arg:"" help:"Of messages, from \"mailmesh queue list\" or from the log."`
	output
}

func (x queueDrop) Run(ctx context.Context, c *commands) error {
	if err := confirm("This removes mail for good, and its sender is told nothing.", "drop"); err != nil {
		return err
	}
	return c.onServer(ctx, func(a *node.Admin) error {
		for _, id := range x.ID {
			d, err := a.DropQueued(ctx, id)
			switch {
			case err != nil:
				return err
			case x.JSON:
				if err := json.NewEncoder(os.Stdout).Encode(d); err != nil {
					return err
				}
				continue
			}
			fmt.Printf("%s: %s nothing\n", id, counted(len(d.Recipients), "recipient gets", "recipients get"))
			if d.Trying > 0 {
				fmt.Printf("%s: %s being tried at this moment: hold the message, and drop it then\n", id, counted(d.Trying, "recipient is", "recipients are"))
			}
		}
		return nil
	})
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

type queueTrace struct {
	queueID
	output
}

func (x queueTrace) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(x.output, "TIME RECIPIENT EVENT BY ANSWER", a.TraceQueued(ctx, x.ID), func(e node.QueueEvent) []any {
			return []any{e.At.Local().Format(time.DateTime), e.Recipient, e.Event, strings.TrimSpace(e.By), e.Reply}
		})
	})
}
