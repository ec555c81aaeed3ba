package provision

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// firstKeys are those that a domain begins with.
type firstKeys struct{ active, next []dkimkeys.Drawn }

// firstKeys draws keys, which takes a while, before a commit keeps them.
func (s *Service) firstKeys(domain string) (first firstKeys, err error) {
	if s.keys == nil {
		return first, nil
	}
	if domain, err = directory.NormalDomain(domain); err != nil {
		return first, err
	}
	if first.active, err = s.keys.Draw(domain); err == nil {
		first.next, err = s.keys.Draw(domain)
	}
	return first, err
}

func (s *Service) removeKeys(t *tx.Tx, domain string) error {
	if s.keys == nil {
		return nil
	}
	domain, err := directory.NormalDomain(domain)
	if err != nil {
		return err
	}
	return s.keys.RemoveDomain(t, domain)
}

// Keys lists the keys that a domain signs with, will, and has.
func (s *Service) Keys(ctx context.Context, domain string) ([]dkimkeys.Key, error) {
	return read(ctx, s, func(t *tx.Tx) ([]dkimkeys.Key, error) {
		d, err := s.directory.Domain(t, domain)
		if err != nil || s.keys == nil {
			return nil, err
		}
		return s.keys.Keys(t, d.Name)
	})
}

// RotateKeys has a domain sign with the keys that were published for it as the next, and draws new ones to be published. now
// does so however fresh the next ones are. A domain without keys begins with some.
func (s *Service) RotateKeys(ctx context.Context, domain string, now bool) ([]dkimkeys.Key, error) {
	d, err := s.Domain(ctx, domain)
	if err != nil || s.keys == nil {
		return nil, err
	}
	first, err := s.firstKeys(d.Name)
	if err != nil {
		return nil, err
	}
	return tx.Once(ctx, s.tx, tx.NewKey(), nil, func(t *tx.Tx) ([]dkimkeys.Key, error) {
		keys, err := s.keys.Keys(t, d.Name)
		switch {
		case err == nil && len(keys) == 0:
			err = s.keys.Begin(t, d.Name, first.active, first.next)
		case err == nil:
			err = s.keys.Rotate(t, d.Name, first.next, now)
		}
		if err != nil {
			return nil, err
		}
		return s.keys.Keys(t, d.Name)
	})
}
