package provision

import (
	"context"
	"errors"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// AddDomain makes a domain ours, with keys to sign its mail.
func (s *Service) AddDomain(ctx context.Context, name string) (directory.Domain, error) {
	first, err := s.firstKeys(name)
	if err != nil {
		return directory.Domain{}, err
	}
	return tx.Once(ctx, s.tx, tx.NewKey(), nil, func(t *tx.Tx) (directory.Domain, error) {
		d, err := s.directory.AddDomain(t, name)
		if err == nil && s.keys != nil {
			err = s.keys.Begin(t, d.Name, first.active, first.next)
		}
		return d, err
	})
}

// Domains lists the domains after a name, at most limit of them.
func (s *Service) Domains(ctx context.Context, after string, limit int) ([]directory.Domain, error) {
	return read(ctx, s, func(t *tx.Tx) ([]directory.Domain, error) { return s.directory.Domains(t, after, limit) })
}

// Domain returns a domain.
func (s *Service) Domain(ctx context.Context, name string) (directory.Domain, error) {
	return read(ctx, s, func(t *tx.Tx) (directory.Domain, error) { return s.directory.Domain(t, name) })
}

// DomainChange says what is to be different about a domain; nil: as it is.
type DomainChange struct {
	Disabled *bool
	CatchAll *mail.Address // the zero Address: none
}

// ChangeDomain makes all of a change or nothing.
func (s *Service) ChangeDomain(ctx context.Context, name string, c DomainChange) (d directory.Domain, err error) {
	err = s.write(ctx, func(t *tx.Tx) (err error) {
		if c.Disabled != nil {
			err = s.directory.SetDomainDisabled(t, name, *c.Disabled)
		}
		if c.CatchAll != nil && err == nil {
			err = s.directory.SetCatchAll(t, name, *c.CatchAll)
		}
		if err == nil {
			d, err = s.directory.Domain(t, name)
		}
		return err
	})
	return d, err
}

// RemoveDomain removes a domain that has no accounts, with its aliases and keys.
func (s *Service) RemoveDomain(ctx context.Context, name string) error {
	for more := true; more; {
		err := s.write(ctx, func(t *tx.Tx) (err error) {
			if more, err = s.directory.RemoveDomain(t, name); err == nil && !more {
				err = s.removeKeys(t, name)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// AddAlias lets mail for an address also go to target.
func (s *Service) AddAlias(ctx context.Context, address, target mail.Address) error {
	_, err := tx.Once(ctx, s.tx, tx.NewKey(), nil, func(t *tx.Tx) (struct{}, error) { return struct{}{}, s.directory.AddAlias(t, address, target) })
	return err
}

// RemoveAlias takes one target from an alias; with the zero Address all of them, and so the alias.
func (s *Service) RemoveAlias(ctx context.Context, address, target mail.Address) error {
	if address.IsNull() {
		return mail.E("provision.RemoveAlias", mail.Invalid, errors.New("which alias?"))
	}
	_, err := tx.Once(ctx, s.tx, tx.NewKey(), nil, func(t *tx.Tx) (struct{}, error) { return struct{}{}, s.directory.RemoveAlias(t, address, target) })
	return err
}

// Aliases lists the targets of aliases after one, at most limit of them; with a domain, those of it. A domain that is
// none of this server's is mail.NotFound.
func (s *Service) Aliases(ctx context.Context, domain string, after directory.Alias, limit int) ([]directory.Alias, error) {
	return read(ctx, s, func(t *tx.Tx) ([]directory.Alias, error) {
		found, err := s.directory.Aliases(t, domain, after, limit)
		if err == nil && len(found) == 0 {
			err = s.knows(t, domain)
		}
		return found, err
	})
}

// knows tells a domain that has nothing to be listed from one that is none of this server's; "" stands for all.
func (s *Service) knows(t *tx.Tx, domain string) error {
	if domain == "" {
		return nil
	}
	_, err := s.directory.Domain(t, domain)
	return err
}
