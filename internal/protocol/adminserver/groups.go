package adminserver

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/directory"
)

// Group is an address whose mail goes to members.
type Group struct {
	Address string    `json:"address"`
	Name    string    `json:"name"`
	Post    string    `json:"post"` // who may send to it: anyone, domain, members, owners
	Members int       `json:"members"`
	Created time.Time `json:"created"`
}

// NewGroup asks for a group.
type NewGroup struct {
	Address string `json:"address"`
	Name    string `json:"name,omitempty"`
	Post    string `json:"post,omitempty"` // "": members
}

// GroupChange changes what it names.
type GroupChange struct {
	Name *string `json:"name,omitempty"`
	Post *string `json:"post,omitempty"`
}

// Member is an address in a group.
type Member struct {
	Group   string    `json:"group"`
	Address string    `json:"address"`
	Owner   bool      `json:"owner"`
	Created time.Time `json:"created"`
}

// MemberChange says what a member is.
type MemberChange struct {
	Owner bool `json:"owner,omitempty"`
}

func showGroup(g directory.Group) Group {
	return Group{Address: g.Address.String(), Name: g.Name, Post: string(g.Policy), Members: g.Members, Created: g.Created}
}

func showMember(m directory.Member) Member {
	return Member{Group: m.Group.String(), Address: m.Address.String(), Owner: m.Owner, Created: m.Created}
}

func (h *handler) groupRoutes(routes map[string]operation) {
	routes["GET /v1/groups"] = h.listGroups
	routes["POST /v1/groups"] = h.addGroup
	routes["GET /v1/groups/{address}"] = h.getGroup
	routes["PATCH /v1/groups/{address}"] = h.changeGroup
	routes["DELETE /v1/groups/{address}"] = h.removeGroup
	routes["GET /v1/groups/{address}/members"] = h.listMembers
	routes["PUT /v1/groups/{address}/members/{member}"] = h.setMember
	routes["DELETE /v1/groups/{address}/members/{member}"] = h.removeMember
	routes["GET /v1/memberships/{address}"] = h.listMemberships
}

// parseMark reads where a list of addresses goes on.
func parseMark(s string) (mail.Address, error) {
	if s == "" {
		return mail.Address{}, nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		err = invalid("after is what the page before named as next, not %.40q", s)
	}
	return a, err
}

func (h *handler) listGroups(r *http.Request) (any, error) {
	l, err := parseListing(r)
	if err != nil {
		return nil, err
	}
	after, err := parseMark(l.after)
	if err != nil {
		return nil, err
	}
	found, err := h.provision.Groups(r.Context(), l.domain, after, l.limit)
	return toPage(l, found, showGroup, func(g directory.Group) string { return g.Address.String() }), err
}

func (h *handler) addGroup(r *http.Request) (any, error) {
	in, err := body[NewGroup](r)
	if err != nil {
		return nil, err
	}
	address, err := directory.ParseAddress(in.Address)
	if err != nil {
		return nil, err
	}
	g, err := h.provision.AddGroup(r.Context(), directory.Group{Address: address, Name: in.Name, Policy: directory.Policy(in.Post)})
	return created{showGroup(g)}, err
}

func (h *handler) getGroup(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	g, err := h.provision.Group(r.Context(), address)
	return showGroup(g), err
}

func (h *handler) changeGroup(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	in, err := body[GroupChange](r)
	if err != nil {
		return nil, err
	}
	g, err := h.provision.ChangeGroup(r.Context(), address, provision.GroupChange{Name: in.Name, Policy: (*directory.Policy)(in.Post)})
	return showGroup(g), err
}

func (h *handler) removeGroup(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	return nil, h.provision.RemoveGroup(r.Context(), address)
}

func (h *handler) listMembers(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	l, err := parseListing(r)
	if err != nil {
		return nil, err
	}
	after, err := parseMark(l.after)
	if err != nil {
		return nil, err
	}
	found, err := h.provision.Members(r.Context(), address, after, l.limit)
	return toPage(l, found, showMember, func(m directory.Member) string { return m.Address.String() }), err
}

// pathMember reads the group and the member that a path names.
func pathMember(r *http.Request) (group, member mail.Address, err error) {
	if group, err = pathAddress(r); err == nil {
		member, err = directory.ParseAddress(r.PathValue("member"))
	}
	return group, member, err
}

func (h *handler) setMember(r *http.Request) (any, error) {
	group, member, err := pathMember(r)
	if err != nil {
		return nil, err
	}
	in, err := body[MemberChange](r)
	if err != nil {
		return nil, err
	}
	return nil, h.provision.AddMember(r.Context(), directory.Member{Group: group, Address: member, Owner: in.Owner})
}

func (h *handler) removeMember(r *http.Request) (any, error) {
	group, member, err := pathMember(r)
	if err != nil {
		return nil, err
	}
	return nil, h.provision.RemoveMember(r.Context(), group, member)
}

func (h *handler) listMemberships(r *http.Request) (any, error) {
	address, err := pathAddress(r)
	if err != nil {
		return nil, err
	}
	found, err := h.provision.MemberOf(r.Context(), address) // never more than a page
	return toPage(listing{limit: directory.MaxPage}, found, showMember, nil), err
}

const (
	groups      = "/v1/groups"
	memberships = "/v1/memberships"
)

// Groups goes through all groups, by address; with a domain, those of it.
func (c *Client) Groups(ctx context.Context, domain string) iter.Seq2[Group, error] {
	return list[Group](ctx, c, groups, domain)
}

// Group returns a group.
func (c *Client) Group(ctx context.Context, address string) (Group, error) {
	return call[Group](ctx, c, http.MethodGet, at(groups, address), nil)
}

// AddGroup makes a group without members.
func (c *Client) AddGroup(ctx context.Context, n NewGroup) (Group, error) {
	return call[Group](ctx, c, http.MethodPost, groups, n)
}

// ChangeGroup changes what the change names.
func (c *Client) ChangeGroup(ctx context.Context, address string, change GroupChange) (Group, error) {
	return call[Group](ctx, c, http.MethodPatch, at(groups, address), change)
}

// RemoveGroup removes a group.
func (c *Client) RemoveGroup(ctx context.Context, address string) error {
	return c.do(ctx, http.MethodDelete, at(groups, address), nil, nil)
}

// Members goes through the members of a group, by address.
func (c *Client) Members(ctx context.Context, group string) iter.Seq2[Member, error] {
	return list[Member](ctx, c, at(groups, group, "members"), "")
}

// SetMember makes an address a member of a group, or changes what it is there.
func (c *Client) SetMember(ctx context.Context, group, address string, change MemberChange) error {
	return c.do(ctx, http.MethodPut, at(groups, group, "members", address), change, nil)
}

// RemoveMember takes an address from a group.
func (c *Client) RemoveMember(ctx context.Context, group, address string) error {
	return c.do(ctx, http.MethodDelete, at(groups, group, "members", address), nil, nil)
}

// MemberOf goes through the groups that an address is a member of.
func (c *Client) MemberOf(ctx context.Context, address string) iter.Seq2[Member, error] {
	return list[Member](ctx, c, at(memberships, address), "")
}
