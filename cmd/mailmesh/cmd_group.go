package main

import (
	"context"
	"errors"

	"github.com/mailmesh/mailmesh/internal/node"
)

// group manages groups: addresses whose mail goes to members.
type group struct {
	Add    groupAdd    `cmd:"" help:"Make a group."`
	Set    groupSet    `cmd:"" help:"Change a group's name or who may send to it."`
	List   groupList   `cmd:"" help:"List groups."`
	Remove groupRemove `cmd:"" help:"Remove a group."`
	Member groupMember `cmd:"" help:"Add, list and remove members."`
}

type groupAdd struct {
	Address string `arg:"" help:"team@example.org"`
	Name    string `help:"Name for people."`
	Post    string `placeholder:"WHO" default:"members" help:"Who may send to it: anyone, domain (addresses of its own domain), members (if you say nothing), owners."`
}

func (x groupAdd) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		_, err := a.AddGroup(ctx, node.NewGroup{Address: x.Address, Name: x.Name, Post: x.Post})
		return err
	})
}

type groupSet struct {
	Address string  `arg:""`
	Name    *string `help:"Name for people."`
	Post    *string `placeholder:"WHO" help:"Who may send to it: anyone, domain, members, owners."`
}

func (x groupSet) Run(ctx context.Context, c *commands) error {
	if x.Name == nil && x.Post == nil {
		return errors.New("nothing to change: give --name or --post")
	}
	return c.onServer(ctx, func(a *node.Admin) error {
		_, err := a.ChangeGroup(ctx, x.Address, node.GroupChange{Name: x.Name, Post: x.Post})
		return err
	})
}

type groupList struct {
	Domain string `arg:"" optional:"" help:"Only groups of this domain."`
	output
}

func (x groupList) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(x.output, "GROUP MEMBERS POST NAME", a.Groups(ctx, x.Domain), func(g node.Group) []any {
			return []any{g.Address, g.Members, g.Post, g.Name}
		})
	})
}

type groupRemove struct {
	Address string `arg:""`
}

func (x groupRemove) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error { return a.RemoveGroup(ctx, x.Address) })
}

type groupMember struct {
	Add    memberAdd    `cmd:"" help:"Make addresses members of a group: accounts, other groups, addresses on other servers."`
	List   memberList   `cmd:"" help:"List the members of a group."`
	Of     memberOf     `cmd:"" help:"List the groups that an address is a member of."`
	Remove memberRemove `cmd:"" help:"Take an address from a group."`
}

type memberAdd struct {
	Group   string   `arg:""`
	Address []string `arg:""`
	Owner   bool     `help:"They own the group: they get what is for its owners, and may always send to it."`
}

func (x memberAdd) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		for _, address := range x.Address {
			if err := a.SetMember(ctx, x.Group, address, node.MemberChange{Owner: x.Owner}); err != nil {
				return err
			}
		}
		return nil
	})
}

type memberList struct {
	Group string `arg:""`
	output
}

func (x memberList) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(x.output, "MEMBER ROLE", a.Members(ctx, x.Group), func(m node.Member) []any { return []any{m.Address, role(m)} })
	})
}

type memberOf struct {
	Address string `arg:""`
	output
}

func (x memberOf) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error {
		return table(x.output, "GROUP ROLE", a.MemberOf(ctx, x.Address), func(m node.Member) []any { return []any{m.Group, role(m)} })
	})
}

func role(m node.Member) string {
	if m.Owner {
		return "owner"
	}
	return "member"
}

type memberRemove struct {
	Group   string `arg:""`
	Address string `arg:""`
}

func (x memberRemove) Run(ctx context.Context, c *commands) error {
	return c.onServer(ctx, func(a *node.Admin) error { return a.RemoveMember(ctx, x.Group, x.Address) })
}
