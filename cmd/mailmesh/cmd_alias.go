package main

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/node"
)

// alias manages aliases: addresses that lead to accounts, other aliases, or addresses on other servers.
type alias struct {
	Add    aliasAdd    `cmd:"" help:"Let mail for an address also go to an account, or to an address on another server."`
	List   aliasList   `cmd:"" help:"List aliases and where they lead."`
	Remove aliasRemove `cmd:"" help:"Remove an alias, or one of its targets."`
}

type aliasAdd struct {
	Address string `arg:"" help:"info@example.org"`
	Target  string `arg:"" help:"Who gets the mail: user@example.org, here or elsewhere."`
}

func (x aliasAdd) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return a.AddAlias(ctx, node.NewAlias{Address: x.Address, Target: x.Target})
	})
}

type aliasList struct {
	Domain string `arg:"" optional:"" help:"Only aliases of this domain."`
	output
}

func (x aliasList) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(x.output, "ALIAS TARGET", a.Aliases(ctx, x.Domain), func(a node.Alias) []any {
			return []any{a.Address, a.Target}
		})
	})
}

type aliasRemove struct {
	Address string `arg:""`
	Target  string `arg:"" optional:"" help:"Only this target."`
}

func (x aliasRemove) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error { return a.RemoveAlias(ctx, x.Address, x.Target) })
}
