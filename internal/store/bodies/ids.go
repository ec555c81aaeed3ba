package bodies

import (
	"context"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// idBatch is how many ids are drawn at a time: a body is put before its commit, and drawing one id for each would cost a
// unit of work for each.
const idBatch = 4096

type idPool struct {
	mu  sync.Mutex
	ids []mail.ObjectID
}

func (p *idPool) next(ctx context.Context, s *tx.Store) (mail.ObjectID, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ids) == 0 {
		ids := make([]mail.ObjectID, idBatch)
		err := s.Write(ctx, nil, func(t *tx.Tx) error {
			for i := range ids {
				id, err := t.NewID()
				if err != nil {
					return err
				}
				ids[i] = mail.ObjectID(id)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		p.ids = ids
	}
	id := p.ids[0]
	p.ids = p.ids[1:]
	return id, nil
}
