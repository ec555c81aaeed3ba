package node

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
)

// openMasterKey finds the key that all others follow from, and refuses one that is not the database's.
func (r *rooms) openMasterKey(ctx context.Context, cfg config.Config) ([]byte, error) {
	if cfg.MasterKey == "" {
		return bodies.OpenMasterKey(ctx, r.tx, r.folder.file(masterFile))
	}
	key, err := bodies.ReadMasterKey(cfg.MasterKey)
	if err != nil {
		return nil, err
	}
	return key, bodies.CheckMasterKey(ctx, r.tx, key, cfg.MasterKey)
}
