package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/node"
)

// dkim manages the keys that domains sign their mail with.
type dkim struct {
	Show   dkimShow   `cmd:"" help:"Show a domain's keys and the DNS records that publish them."`
	Rotate dkimRotate `cmd:"" help:"Sign with the next keys, and make new ones to be published."`
}

type dkimShow struct {
	Domain string `arg:""`
	output
}

func (x dkimShow) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		keys, err := a.DKIMKeys(ctx, x.Domain)
		if err != nil {
			return err
		}
		return showKeys(x.output, keys)
	})
}

type dkimRotate struct {
	Domain string `arg:""`
	Now    bool   `help:"Also when the next keys are so fresh that resolvers may not know their records."`
	output
}

func (x dkimRotate) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		keys, err := a.RotateDKIM(ctx, x.Domain, node.Rotation{Now: x.Now})
		if err != nil {
			return err
		}
		return showKeys(x.output, keys)
	})
}

// showKeys prints keys with what is to be done about them, as lines of a zone file.
func showKeys(o output, keys []node.DKIMKey) error {
	if o.JSON {
		return table(o, "", eachOf(keys), nil)
	}
	todo := map[string]string{
		"active":  "signs; publish it",
		"next":    "will sign after `mailmesh dkim rotate`; publish it",
		"retired": "signs no more; remove its record when it is no longer listed here",
	}
	for _, k := range keys {
		fmt.Printf("; %s key, %s since %s: %s\n%s. IN TXT %s\n", k.Algorithm, k.State, k.Since.Local().Format(time.DateOnly), todo[k.State], k.Name, quoted(k.Record))
	}
	return nil
}

// quoted writes the text of a TXT record, in strings of 255 bytes at most (RFC 1035 3.3.14).
func quoted(text string) (out string) {
	const most = 255
	for len(text) > most {
		out += fmt.Sprintf("%q ", text[:most])
		text = text[most:]
	}
	return out + fmt.Sprintf("%q", text)
}

// eachOf is a list as table takes it.
func eachOf[T any](list []T) func(yield func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for _, item := range list {
			if !yield(item, nil) {
				return
			}
		}
	}
}
