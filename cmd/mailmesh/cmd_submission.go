package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mailmesh/mailmesh/internal/node"
)

// submission shows what accounts have handed in to be sent.
type submission struct {
	List   submissionList   `cmd:"" help:"List what an account has sent, the newest first."`
	Show   submissionShow   `cmd:"" help:"Show every step of one message to each recipient."`
	Cancel submissionCancel `cmd:"" help:"Take back a message that is not due yet."`
}

type submissionList struct {
	Address string `arg:"" help:"The account's."`
	output
}

func (x submissionList) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(x.output, "ID HANDED-IN DUE SIZE FROM RECIPIENTS", a.Submissions(ctx, x.Address), func(s node.Submission) []any {
			to := s.Recipients[0].Address
			if n := len(s.Recipients); n > 1 {
				to += fmt.Sprintf(" and %d more", n-1)
			}
			due := "-"
			if s.Due.After(s.Created) {
				due = s.Due.Local().Format(time.DateTime)
			}
			return []any{s.ID, s.Created.Local().Format(time.DateTime), due, s.Size, "<" + s.From + ">", to}
		})
	})
}

type submissionShow struct {
	Address string `arg:""`
	ID      string `arg:""`
	output
}

func (x submissionShow) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		s, err := a.Submission(ctx, x.Address, x.ID)
		if err != nil {
			return err
		}
		if x.JSON {
			return json.NewEncoder(os.Stdout).Encode(s)
		}
		fmt.Printf("message-id %s, %d bytes from <%s>, in the log %s\n", orDash(s.MessageID), s.Size, s.From, s.Trace)
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		for _, r := range s.Recipients {
			for _, e := range r.Events {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Address, e.At.Local().Format(time.DateTime), e.Kind, strings.TrimSpace(e.By+" "+e.Reply))
			}
		}
		return w.Flush()
	})
}

type submissionCancel struct {
	Address string `arg:""`
	ID      string `arg:""`
}

func (x submissionCancel) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		done, err := a.CancelSubmission(ctx, x.Address, x.ID)
		if err != nil {
			return err
		}
		for _, to := range done.Taken {
			fmt.Printf("%s will not get it\n", to)
		}
		for _, to := range done.Late {
			fmt.Printf("%s: too late, it is on its way or at its end: see \"mailmesh submission show\"\n", to)
		}
		if len(done.Late) > 0 {
			return errReported
		}
		return nil
	})
}
