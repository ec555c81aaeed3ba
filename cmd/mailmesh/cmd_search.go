package main

import (
	"context"
	"errors"

	"github.com/mailmesh/mailmesh/internal/node"
)

// search manages the text index.
type search struct {
	Rebuild searchRebuild `cmd:"" help:"Make the text index of accounts anew; searches stay right meanwhile, and are slower."`
}

type searchRebuild struct {
	Address []string `arg:"" optional:"" help:"user@example.org"`
	All     bool     `help:"All accounts."`
}

func (x searchRebuild) Run(ctx context.Context, c *commands) error {
	if x.All == (len(x.Address) > 0) {
		return errors.New("name the accounts whose text index is to be made anew, or say --all")
	}
	return c.onServer(ctx, func(a *node.Admin) error {
		for _, address := range x.Address {
			if err := a.RebuildSearch(ctx, address); err != nil {
				return err
			}
		}
		if !x.All {
			return nil
		}
		for account, err := range a.Accounts(ctx, "") {
			if err == nil {
				err = a.RebuildSearch(ctx, account.Address)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
