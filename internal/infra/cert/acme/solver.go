package acme

import (
	"context"
	"errors"
	"fmt"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// Records puts texts into the DNS.
type Records interface {
	// AddText makes a TXT record, beside others of that name, and returns when the zone's servers have it.
	AddText(ctx context.Context, name, text string) error
	// RemoveText removes it. There need not be one.
	RemoveText(ctx context.Context, name, text string) error
}

// solver shows by DNS that a name is ours (dns-01, RFC 8555 8.4).
type solver struct{ records Records }

var _ acmez.Solver = solver{}

func (s solver) Present(ctx context.Context, c acme.Challenge) error {
	if err := s.records.AddText(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization()); err != nil {
		return fmt.Errorf("the DNS record %s: %w", c.DNS01TXTRecordName(), err)
	}
	return nil
}

// CleanUp comes also after ctx has ended.
func (s solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	if err := s.records.RemoveText(context.WithoutCancel(ctx), c.DNS01TXTRecordName(), c.DNS01KeyAuthorization()); err != nil {
		return errors.Join(fmt.Errorf("the DNS record %s stays, remove it", c.DNS01TXTRecordName()), err)
	}
	return nil
}
