package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/node"
)

// account manages accounts.
type account struct {
	Add         accountAdd      `cmd:"" help:"Make an account."`
	List        accountList     `cmd:"" help:"List accounts with what they use."`
	Set         accountSet      `cmd:"" help:"Change an account: name, quota, what it may send, disabled or not, admin or not, shared or not."`
	Password    accountPassword `cmd:"" help:"Set an account's password."`
	AppPassword appPassword     `cmd:"" help:"Add, list and remove app passwords: one for each program or device."`
	Remove      accountRemove   `cmd:"" help:"Remove an account with all its mail."`
}

// quota are the limits of an account.
type quota struct {
	QuotaBytes     *size  `placeholder:"SIZE" help:"Bytes it may keep, such as 2GiB; 0: no limit."`
	QuotaMessages  *int64 `placeholder:"N" help:"Messages it may keep; 0: no limit."`
	QuotaMailboxes *int64 `placeholder:"N" help:"Mailboxes it may have; 0: as many as the server allows."`
}

// size is a number of bytes, written as the configuration does.
type size int64

func (s *size) UnmarshalText(text []byte) error {
	if err := (*config.Size)(s).UnmarshalText(text); err != nil {
		return fmt.Errorf("%w: give a number of bytes, with or without a unit: 2147483648, 500MB, 2GiB", err)
	}
	return nil
}

type accountAdd struct {
	Address string `arg:"" help:"user@example.org"`
	Name    string `help:"Display name."`
	quota   `embed:""`
	passwordInput
	NoPassword bool `help:"Set none: nobody signs in until there is one, or an app password."`
}

func (x accountAdd) Run(ctx context.Context, c *commands) error {
	n := node.NewAccount{Address: x.Address, Name: x.Name}
	if x.QuotaBytes != nil {
		n.QuotaBytes = int64(*x.QuotaBytes)
	}
	if x.QuotaMessages != nil {
		n.QuotaMessages = *x.QuotaMessages
	}
	if x.QuotaMailboxes != nil {
		n.QuotaMailboxes = *x.QuotaMailboxes
	}
	return c.onServer(ctx, func(a *node.Admin) error {
		if !x.NoPassword {
			var err error
			if n.Password, err = x.read(); err != nil {
				return err
			}
		}
		made, err := a.AddAccount(ctx, n)
		if err == nil {
			fmt.Printf("%s can get mail\n", made.Address)
		}
		return err
	})
}

type accountList struct {
	Domain string `arg:"" optional:"" help:"Only accounts of this domain."`
	output
}

func (x accountList) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(x.output, "ADDRESS ID MESSAGES BYTES QUOTA STATE NAME", a.Accounts(ctx, x.Domain), func(a node.Account) []any {
			limit := "-"
			if a.QuotaBytes > 0 {
				limit = fmt.Sprint(a.QuotaBytes)
			}
			return []any{a.Address, a.ID, a.UsedMessages, a.UsedBytes, limit, state(a.Disabled), orDash(a.Name)}
		})
	})
}

type accountSet struct {
	Address string  `arg:""`
	Name    *string `help:"Display name."`
	quota   `embed:""`
	Disable bool  `xor:"state" help:"Take no mail for it and let nobody sign in."`
	Enable  bool  `xor:"state" help:"Switch it on again."`
	Admin   *bool `negatable:"" help:"Let it see and set the quotas of others over IMAP, or no longer."`
	Shared  *bool `negatable:"" help:"Show its mailboxes to others as shared folders, which can be opened to anyone, or no longer."`

	MaxRecipients *int64         `placeholder:"N" help:"Recipients it may write to in 24 hours; 0: as the server has it (2000), -1: no limit."`
	MaxStrangers  *int64         `placeholder:"N" help:"Of them such as it never wrote to before; 0: as the server has it (600), -1: no limit."`
	SentCopy      *bool          `negatable:"" help:"Put what it submits into its mailbox Sent, or leave that to its mail program."`
	Undo          *time.Duration `placeholder:"TIME" help:"Hold what it submits so long, such as 10s, in which it can be taken back; 0: send at once."`
}

func (x accountSet) Run(ctx context.Context, c *commands) error {
	change := node.AccountChange{Name: x.Name, Disabled: toggle(x.Disable, x.Enable), Admin: x.Admin, Shared: x.Shared,
		QuotaBytes: (*int64)(x.QuotaBytes), QuotaMessages: x.QuotaMessages, QuotaMailboxes: x.QuotaMailboxes,
		MaxRecipients: x.MaxRecipients, MaxStrangers: x.MaxStrangers, SentCopy: x.SentCopy}
	if x.Undo != nil {
		seconds := int64(x.Undo.Round(time.Second) / time.Second)
		change.UndoSeconds = &seconds
	}
	if change == (node.AccountChange{}) {
		return errors.New("nothing to change: see `mailmesh account set --help`")
	}
	return c.onServer(ctx, func(a *node.Admin) error {
		_, err := a.ChangeAccount(ctx, x.Address, change)
		return err
	})
}

type accountPassword struct {
	Address string `arg:""`
	passwordInput
}

func (x accountPassword) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		password, err := x.read()
		if err != nil {
			return err
		}
		return a.SetPassword(ctx, x.Address, password)
	})
}

type accountRemove struct {
	Address string `arg:""`
}

func (x accountRemove) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		if err := confirm("This removes all mail of the account, for good.", x.Address); err != nil {
			return err
		}
		return a.RemoveAccount(ctx, x.Address)
	})
}

// appPassword manages app passwords.
type appPassword struct {
	Add    appPasswordAdd    `cmd:"" help:"Make an app password. It is shown once."`
	List   appPasswordList   `cmd:"" help:"List an account's app passwords."`
	Remove appPasswordRemove `cmd:"" help:"Revoke an app password."`
}

type appPasswordAdd struct {
	Address string `arg:""`
	Name    string `arg:"" help:"What it is for: 'Phone'."`
}

func (x appPasswordAdd) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		made, err := a.AddAppPassword(ctx, x.Address, node.NewAppPassword{Name: x.Name})
		if err == nil {
			fmt.Println(made.Password)
		}
		return err
	})
}

type appPasswordList struct {
	Address string `arg:""`
	output
}

func (x appPasswordList) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(x.output, "ID NAME MADE LAST-USED", a.AppPasswords(ctx, x.Address), func(p node.AppPassword) []any {
			used := "never"
			if p.LastUsed != nil {
				used = p.LastUsed.Local().Format(time.DateTime)
			}
			return []any{p.ID, p.Name, p.Created.Local().Format(time.DateTime), used}
		})
	})
}

type appPasswordRemove struct {
	Address string `arg:""`
	ID      string `arg:""`
}

func (x appPasswordRemove) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error { return a.RevokeAppPassword(ctx, x.Address, x.ID) })
}
