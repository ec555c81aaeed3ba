package provision

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// GroupChange is what is to change of a group; nil: it stays.
type GroupChange struct {
	Name   *string
	Policy *directory.Policy
}

// AddGroup makes a group without members.
func (s *Service) AddGroup(ctx context.Context, g directory.Group) (directory.Group, error) {
	return tx.Once(ctx, s.tx, tx.NewKey(), nil, func(t *tx.Tx) (directory.Group, error) { return s.directory.AddGroup(t, g) })
}

// ChangeGroup changes a group.
func (s *Service) ChangeGroup(ctx context.Context, address mail.Address, c GroupChange) (g directory.Group, err error) {
	err = s.write(ctx, func(t *tx.Tx) (err error) {
		if g, err = s.directory.Group(t, address); err != nil {
			return err
		}
		if c.Name != nil {
			g.Name = *c.Name
		}
		if c.Policy != nil {
			g.Policy = *c.Policy
		}
		return s.directory.SetGroup(t, g)
	})
	return g, err
}

// RemoveGroup removes a group. Its members stay what they are.
func (s *Service) RemoveGroup(ctx context.Context, address mail.Address) error {
	_, err := tx.Once(ctx, s.tx, tx.NewKey(), nil, func(t *tx.Tx) (struct{}, error) { return struct{}{}, s.directory.RemoveGroup(t, address) })
	return err
}

// Group returns a group.
func (s *Service) Group(ctx context.Context, address mail.Address) (directory.Group, error) {
	return read(ctx, s, func(t *tx.Tx) (directory.Group, error) { return s.directory.Group(t, address) })
}

// Groups lists groups after one, at most limit of them; with a domain, those of it. A domain that is none of this server's is
// mail.NotFound.
func (s *Service) Groups(ctx context.Context, domain string, after mail.Address, limit int) ([]directory.Group, error) {
	return read(ctx, s, func(t *tx.Tx) ([]directory.Group, error) {
		found, err := s.directory.Groups(t, domain, after, limit)
		if err == nil && len(found) == 0 {
			err = s.knows(t, domain)
		}
		return found, err
	})
}

// AddMember makes an address a member of a group, or changes whether it is an owner.
func (s *Service) AddMember(ctx context.Context, m directory.Member) error {
	return s.write(ctx, func(t *tx.Tx) error { return s.directory.AddMember(t, m) })
}

// RemoveMember takes an address from a group.
func (s *Service) RemoveMember(ctx context.Context, group, member mail.Address) error {
	_, err := tx.Once(ctx, s.tx, tx.NewKey(), nil, func(t *tx.Tx) (struct{}, error) { return struct{}{}, s.directory.RemoveMember(t, group, member) })
	return err
}

// Members lists the members of a group after one, at most limit of them.
func (s *Service) Members(ctx context.Context, group, after mail.Address, limit int) ([]directory.Member, error) {
	return read(ctx, s, func(t *tx.Tx) ([]directory.Member, error) {
		if _, err := s.directory.Group(t, group); err != nil {
			return nil, err
		}
		return s.directory.Members(t, group, after, limit)
	})
}

// MemberOf lists the groups that an address is a member of.
func (s *Service) MemberOf(ctx context.Context, address mail.Address) ([]directory.Member, error) {
	return read(ctx, s, func(t *tx.Tx) ([]directory.Member, error) { return s.directory.MemberOf(t, address) })
}
