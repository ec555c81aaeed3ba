package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/soak"
)

type soakCommand struct {
	connection
	sending
	Addr        string        `arg:"" help:"The SMTP or LMTP door, host:port."`
	LMTP        bool          `name:"lmtp" help:"It speaks LMTP."`
	Journals    string        `required:"" placeholder:"DIR" help:"Folder for the journals; one for all rounds of a test."`
	To          []string      `required:"" help:"Recipients; {n} stands for 1 to --mailboxes, with two digits at least."`
	Mailboxes   int           `default:"10" help:"How many recipients {n} stands for."`
	Connections int           `short:"c" default:"32" help:"Connections that send at the same time."`
	PerMail     int           `default:"1" help:"Recipients of each mail."`
	MaxSize     size          `help:"Sizes between --size and this."`
	Duration    time.Duration `help:"How long to send; 0: until every connection is lost."`
	Count       int           `short:"n" help:"Mails of each connection; 0: no limit."`
}

func (c *soakCommand) Run(ctx context.Context, out output) error {
	r, err := soak.Run(ctx, soak.Options{
		Addr: c.Addr, SMTP: c.options(c.connection, c.LMTP), Connections: c.Connections, From: c.From,
		To: expand(c.To, c.Mailboxes), PerMail: c.PerMail, Size: int(c.Size), MaxSize: int(c.MaxSize),
		Dir: c.Journals, Duration: c.Duration, Count: c.Count,
	})
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "sent %d mails in %.1f s; recipients: %d acked, %d refused, %d in doubt; %d connections lost\n",
		r.Mails, r.Seconds, r.Acked, r.Refused, r.InDoubt, r.Lost)
	for _, why := range slices.Sorted(maps.Keys(r.Why)) {
		fmt.Fprintf(&text, "%6d x %s\n", r.Why[why], why)
	}
	return out.print(r, "%s", text.String())
}

type checkCommand struct {
	connection
	accounts
	reading
	Journals string `required:"" placeholder:"DIR" help:"Folder of the journals."`
	State    string `placeholder:"FILE" help:"What the last check found, to compare with; replaced when all is well."`
	NewOnly  bool   `help:"Read only bodies that the last check has not read."`
	Atomic   bool   `help:"A mail in doubt must have reached all of its recipients or none."`
	Strict   bool   `help:"What was refused must not be there."`
}

func (c *checkCommand) Run(ctx context.Context, out output) error {
	passwords := map[string]string{}
	for _, a := range c.list() {
		passwords[a.Address] = a.Password
	}
	r, err := soak.Check(ctx, soak.CheckOptions{
		Addr: c.IMAP, IMAP: c.options(c.connection), Accounts: passwords, Dir: c.Journals,
		State: c.State, NewOnly: c.NewOnly, Atomic: c.Atomic, Strict: c.Strict,
	})
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, p := range r.Problems {
		fmt.Fprintln(&text, p)
	}
	fmt.Fprintf(&text, "%d messages (%d foreign), %d acked, %d bodies read and right; %d in doubt, of which %d are there; %d refused and there\n",
		r.Messages, r.Foreign, r.Acked, r.BodiesRead, r.InDoubt, r.InDoubtKept, r.RefusedKept)
	if err := out.print(r, "%s", text.String()); err != nil {
		return err
	}
	return r.Err()
}
