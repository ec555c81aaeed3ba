package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/node"
)

// domain manages the domains this server takes mail for.
type domain struct {
	Add    domainAdd    `cmd:"" help:"Take mail for a domain."`
	List   domainList   `cmd:"" help:"List the domains."`
	Set    domainSet    `cmd:"" help:"Change a domain: its catch-all, disabled or not."`
	Remove domainRemove `cmd:"" help:"Remove a domain that has no accounts, with its aliases."`
}

type domainAdd struct {
	Name string `arg:"" help:"example.org"`
}

func (d domainAdd) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		made, err := a.AddDomain(ctx, node.NewDomain{Name: d.Name})
		if err == nil {
			fmt.Printf("mail for %s is taken here\n", made.Name)
		}
		return err
	})
}

type domainList struct{ output }

func (d domainList) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(d.output, "DOMAIN CATCH-ALL STATE", a.Domains(ctx), func(d node.Domain) []any {
			return []any{d.Name, orDash(d.CatchAll), state(d.Disabled)}
		})
	})
}

type domainSet struct {
	Name     string  `arg:""`
	CatchAll *string `placeholder:"ADDRESS" help:"Who gets mail for unknown users; an empty one: nobody."`
	Disable  bool    `xor:"state" help:"Take no mail for it, and let nobody sign in with an address of it."`
	Enable   bool    `xor:"state" help:"Take mail for it again."`
}

func (d domainSet) Run(ctx context.Context, c *commands) error {
	change := node.DomainChange{CatchAll: d.CatchAll, Disabled: toggle(d.Disable, d.Enable)}
	if change == (node.DomainChange{}) {
		return errors.New("nothing to change: give --catch-all, --disable or --enable")
	}
	return c.onServer(ctx, func(a *node.Admin) error {
		_, err := a.ChangeDomain(ctx, d.Name, change)
		return err
	})
}

type domainRemove struct {
	Name string `arg:""`
}

func (d domainRemove) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error { return a.RemoveDomain(ctx, d.Name) })
}

// toggle is a change of a switch, nil for none.
func toggle(off, on bool) *bool {
	if off == on {
		return nil
	}
	return &off
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func state(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "enabled"
}
