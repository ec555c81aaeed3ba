package directory

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// MaxMembers is how many members a group has, those of groups in it counted with it.
const MaxMembers = 1000

// Owners is the detail by which the owners of a group are reached: team+owner@example.org.
const Owners = "owner"

// Policy says who may send to a group. The values are stored: never rename.
type Policy string

const (
	PostAnyone  Policy = "anyone"
	PostDomain  Policy = "domain"  // addresses of the group's own domain
	PostMembers Policy = "members" // members, and owners
	PostOwners  Policy = "owners"
)

var policies = []Policy{PostAnyone, PostDomain, PostMembers, PostOwners}

// Group is an address whose mail goes to members, here or on other servers.
type Group struct {
	Address mail.Address
	Name    string // for people
	Policy  Policy
	Members int
	Created time.Time
}

// Member is one of a group.
type Member struct {
	Group   mail.Address
	Address mail.Address // as it was written
	Owner   bool         // gets what is for the owners, and may always send
	Created time.Time
}

// AddGroup makes a group without members. Address, Name and Policy of g are used; no Policy is PostMembers.
func (s *Store) AddGroup(t *tx.Tx, g Group) (Group, error) {
	const op = "directory.AddGroup"
	var err error
	if g.Address, err = ParseAddress(g.Address.String()); err != nil {
		return Group{}, err
	}
	k := keyOf(g.Address)
	g = Group{Address: k.address(), Name: g.Name, Policy: g.Policy, Created: t.Now()}
	if g.Policy == "" {
		g.Policy = PostMembers
	}
	if err := g.check(op); err != nil {
		return Group{}, err
	}
	if err := s.lockDomain(t, op, k.domain); err != nil {
		return Group{}, err
	}
	switch kind, _, err := s.holder(t, k); {
	case err != nil:
		return Group{}, err
	case kind != "":
		return Group{}, mail.E(op, mail.Exists, fmt.Errorf("%s is %s already", g.Address, article(kind)))
	}
	t.SQL().Queue(`INSERT INTO address (domain, local, target, account_id, kind, created) VALUES ($1, $2, '', 0, 'group', $3)`, k.domain, k.local, g.Created)
	t.SQL().Queue(`INSERT INTO mail_group (domain, local, name, policy, created) VALUES ($1, $2, $3, $4, $5)`, k.domain, k.local, g.Name, string(g.Policy), g.Created)
	return g, nil
}

func (g *Group) check(op string) (err error) {
	if g.Name, err = checkName(g.Name); err != nil {
		return mail.E(op, mail.Invalid, err)
	}
	if !slices.Contains(policies, g.Policy) {
		return mail.E(op, mail.Invalid, fmt.Errorf("who may send to a group is one of %v, not %.40q", policies, g.Policy))
	}
	if isRole(g.Address.Local) {
		return mail.E(op, mail.Invalid, fmt.Errorf("%s must always be reached (RFC 5321 4.5.1), and who may send to a group is limited", g.Address))
	}
	// The owners' address must fit, too.
	owners := mail.Address{Local: g.Address.Local + "+" + Owners, Domain: g.Address.Domain}
	if _, err := mail.ParseAddress(owners.String()); err != nil {
		return mail.E(op, mail.Invalid, fmt.Errorf("the address is too long for a group: %s would be that of its owners", owners))
	}
	return nil
}

// SetGroup changes name and policy of a group.
func (s *Store) SetGroup(t *tx.Tx, g Group) error {
	const op = "directory.SetGroup"
	k := keyOf(g.Address)
	if err := g.check(op); err != nil {
		return err
	}
	n, err := t.SQL().Exec(`UPDATE mail_group SET name = $3, policy = $4 WHERE domain = $1 AND local = $2`, k.domain, k.local, g.Name, string(g.Policy))
	if err == nil && n == 0 {
		err = noGroup(op, g.Address)
	}
	return err
}

func noGroup(op string, a mail.Address) error {
	return mail.E(op, mail.NotFound, fmt.Errorf("there is no group %s", a))
}

// RemoveGroup removes a group, its members' rows, and itself from groups that it is a member of.
func (s *Store) RemoveGroup(t *tx.Tx, address mail.Address) error {
	const op = "directory.RemoveGroup"
	k := keyOf(address)
	n, err := t.SQL().Exec(`DELETE FROM mail_group WHERE domain = $1 AND local = $2`, k.domain, k.local)
	if err == nil && n == 0 {
		err = noGroup(op, address)
	}
	if err == nil {
		t.SQL().Queue(`DELETE FROM address WHERE domain = $1 AND local = $2 AND kind = 'group'`, k.domain, k.local)
		t.SQL().Queue(`DELETE FROM group_member WHERE domain = $1 AND local = $2`, k.domain, k.local)
		t.SQL().Queue(`DELETE FROM group_member WHERE member_domain = $1 AND member_local = $2`, k.domain, k.local)
	}
	return err
}

const selectGroup = `SELECT g.domain, g.local, g.name, g.policy, g.created,
	(SELECT COUNT(*) FROM group_member m WHERE m.domain = g.domain AND m.local = g.local) FROM mail_group g `

func scanGroup(scan func(...any) error) (g Group, err error) {
	err = scan(&g.Address.Domain, &g.Address.Local, &g.Name, &g.Policy, &g.Created, &g.Members)
	return g, err
}

// Group returns a group by its address.
func (s *Store) Group(t *tx.Tx, address mail.Address) (Group, error) {
	k := keyOf(address)
	g, err := scanGroup(t.SQL().QueryRow(selectGroup+`WHERE g.domain = $1 AND g.local = $2`, k.domain, k.local).Scan)
	if errors.Is(err, db.ErrNoRows) {
		err = noGroup("directory.Group", address)
	}
	return g, err
}

// Groups lists the groups after an address, at most limit of them, by address; with a domain, those of it.
func (s *Store) Groups(t *tx.Tx, domain string, after mail.Address, limit int) ([]Group, error) {
	domain, from, err := startOf(domain, keyOf(after))
	if err != nil {
		return nil, err
	}
	rows, err := t.SQL().Query(selectGroup+`WHERE (g.domain, g.local) > ($1, $2) AND ($3 = '' OR g.domain = $3) ORDER BY g.domain, g.local LIMIT $4`,
		from.domain, from.local, domain, page(limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Group
	for rows.Next() {
		g, err := scanGroup(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// AddMember makes an address a member of a group, or changes whether it is an owner. It may be on another server, or a group
// here; a group that would be in itself is refused.
func (s *Store) AddMember(t *tx.Tx, m Member) error {
	const op = "directory.AddMember"
	g := keyOf(m.Group)
	if err := s.lockDomain(t, op, g.domain); err != nil {
		return err
	}
	group, err := s.Group(t, m.Group)
	if err != nil {
		return err
	}
	to, err := s.target(t, op, m.Address)
	if err != nil {
		return err
	}
	k := keyOf(to.address)
	if inner, err := s.Group(t, to.address); err == nil {
		if err := s.checkNested(t, op, group, inner); err != nil {
			return err
		}
	} else if !mail.Is(err, mail.NotFound) {
		return err
	}
	if m.Address, err = ParseAddress(m.Address.String()); err != nil {
		return err
	}
	if group.Members >= MaxMembers {
		return mail.E(op, mail.Limit, fmt.Errorf("%s has %d members, the limit: make groups of them, and send to each", group.Address, group.Members))
	}
	owner := 0
	if m.Owner {
		owner = 1
	}
	t.SQL().Queue(`INSERT INTO group_member (domain, local, member_domain, member_local, member, owner, created) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (domain, local, member_domain, member_local) DO UPDATE SET member = excluded.member, owner = excluded.owner`,
		g.domain, g.local, k.domain, k.local, m.Address.String(), owner, t.Now())
	return nil
}

// checkNested refuses a group from whose members there is a way back. Two that are added at the same moment can meet all the
// same: Members goes into each group once.
func (s *Store) checkNested(t *tx.Tx, op string, group, inner Group) error {
	all, inside, err := s.expand(t, inner.Address)
	if err != nil {
		return err
	}
	if inside[keyOf(group.Address)] {
		return mail.E(op, mail.Conflict, fmt.Errorf("%s leads back to %s", inner.Address, group.Address))
	}
	if len(all)+group.Members > MaxMembers {
		return mail.E(op, mail.Limit, fmt.Errorf("%s and %s together have more than %d members", group.Address, inner.Address, MaxMembers))
	}
	return nil
}

// RemoveMember takes an address from a group.
func (s *Store) RemoveMember(t *tx.Tx, group, member mail.Address) error {
	g, k := keyOf(group), keyOf(member)
	n, err := t.SQL().Exec(`DELETE FROM group_member WHERE domain = $1 AND local = $2 AND member_domain = $3 AND member_local = $4`,
		g.domain, g.local, k.domain, k.local)
	if err == nil && n == 0 {
		err = mail.E("directory.RemoveMember", mail.NotFound, fmt.Errorf("%s is no member of %s", member, group))
	}
	return err
}

const selectMember = `SELECT domain, local, member, owner, created FROM group_member `

// Members lists the members of a group after an address, at most limit of them, by address.
func (s *Store) Members(t *tx.Tx, group, after mail.Address, limit int) ([]Member, error) {
	g, k := keyOf(group), keyOf(after)
	return s.members(t, selectMember+`WHERE domain = $1 AND local = $2 AND (member_domain, member_local) > ($3, $4)
		ORDER BY member_domain, member_local LIMIT $5`, g.domain, g.local, k.domain, k.local, page(limit))
}

// MemberOf lists the groups that an address is a member of, by address.
func (s *Store) MemberOf(t *tx.Tx, address mail.Address) ([]Member, error) {
	k := keyOf(address)
	return s.members(t, selectMember+`WHERE member_domain = $1 AND member_local = $2 ORDER BY domain, local LIMIT $3`, k.domain, k.local, MaxPage)
}

func (s *Store) members(t *tx.Tx, sql string, args ...any) (out []Member, err error) {
	rows, err := t.SQL().Query(sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m Member
		var address string
		if err := rows.Scan(&m.Group.Domain, &m.Group.Local, &address, &m.Owner, &m.Created); err != nil {
			return nil, err
		}
		if m.Address, err = mail.ParseAddress(address); err != nil {
			return nil, fmt.Errorf("directory: a member of %s: %w", m.Group, err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}
