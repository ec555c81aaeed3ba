package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/node"
)

// session manages the programs that accounts have let in, and the browsers that are signed in.
type session struct {
	List   sessionList   `cmd:"" help:"List the sessions of an account."`
	Revoke sessionRevoke `cmd:"" help:"End a session, or with --all all of the account's: the program has to sign in again."`
}

type sessionList struct {
	Address string `arg:""`
	output
}

func (x sessionList) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(x.output, "ID NAME MAY MADE LAST-USED ANSWERED-TO", a.Sessions(ctx, x.Address), func(s node.Session) []any {
			return []any{s.ID, orDash(s.Name), strings.Join(s.Scope, ","), s.Created.Format(time.DateOnly), s.LastUsed.Format(time.DateOnly), orDash(s.Redirect)}
		})
	})
}

type sessionRevoke struct {
	Address string `arg:""`
	ID      string `arg:"" optional:"" help:"As listed."`
	All     bool   `help:"All sessions of the account."`
}

func (x sessionRevoke) Run(ctx context.Context, c *commands) error {
	if x.All != (x.ID == "") {
		return errors.New("give the id of a session, or --all")
	}
	return c.onServer(ctx, func(a *node.Admin) error { return a.RevokeSession(ctx, x.Address, x.ID) })
}
