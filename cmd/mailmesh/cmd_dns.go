package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailmesh/mailmesh/internal/node"
)

// dnsRecords prints what is to be set in the DNS of a domain.
type dnsRecords struct {
	Domain string `arg:"" help:"example.org"`
	output
}

func (d dnsRecords) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		list, err := a.DNS(ctx, d.Domain)
		if err != nil {
			return err
		}
		if d.JSON {
			return table(d.output, "", each(list), nil)
		}
		fmt.Print(node.Zone(list))
		return nil
	})
}

// each goes through a list that is there already.
func each[T any](list []T) func(func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for one := range slices.Values(list) {
			if !yield(one, nil) {
				return
			}
		}
	}
}
