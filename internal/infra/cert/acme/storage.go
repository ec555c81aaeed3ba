package acme

import (
	"context"

	"github.com/caddyserver/certmagic"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
)

// storage is a cert.Storage in the library's words.
type storage struct{ cert.Storage }

var _ certmagic.Storage = storage{}

func (s storage) Exists(ctx context.Context, name string) bool {
	_, err := s.Storage.Stat(ctx, name)
	return err == nil
}

func (s storage) Stat(ctx context.Context, name string) (certmagic.KeyInfo, error) {
	e, err := s.Storage.Stat(ctx, name)
	return certmagic.KeyInfo{Key: name, Modified: e.Modified, Size: e.Size, IsTerminal: err == nil && !e.Folder}, err
}
