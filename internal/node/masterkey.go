package node

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/vault"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
)

// openMasterKey finds the key that all others follow from, and refuses one that is not the database's.
func (r *rooms) openMasterKey(ctx context.Context, cfg config.Config) (key []byte, err error) {
	switch {
	case cfg.MasterKey == "":
		return bodies.OpenMasterKey(ctx, r.tx, r.folder.file(masterFile))
	case strings.HasPrefix(cfg.MasterKey, "vault://"):
		key, err = keyOfService(ctx, cfg.MasterKey)
	default:
		key, err = bodies.ReadMasterKey(cfg.MasterKey)
	}
	if err != nil {
		return nil, err
	}
	return key, bodies.CheckMasterKey(ctx, r.tx, key, cfg.MasterKey)
}

// keyOfService asks a key service, which keeps texts: the key is in base64 there.
func keyOfService(ctx context.Context, place string) ([]byte, error) {
	p, err := vault.Parse(place)
	if err != nil {
		return nil, err
	}
	client, err := vault.New(os.Getenv)
	if err != nil {
		return nil, err
	}
	text, err := client.Read(ctx, p)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, mail.E("node", mail.Invalid, fmt.Errorf("what %s holds is not the base64 of a master key: head -c 32 /dev/urandom | base64 makes one", place))
	}
	return key, nil
}
