package sealed

import (
	"context"
	"encoding/binary"
	"io"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"sync"
)

// keyring makes a Store a blob.Store, so that it can be held to the contract: it remembers the keys.
type keyring struct {
	*Store
	mu      sync.Mutex
	objects map[string]Object
}

func (k *keyring) Put(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, error) {
	o, err := k.Store.Put(ctx, id, r)
	if err != nil {
		return nil, 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.objects[string(o.Location)] = o
	return o.Location, o.Size, nil
}

func (k *keyring) Open(ctx context.Context, at blob.Location) (blob.Reader, error) {
	k.mu.Lock()
	o := k.objects[string(at)]
	k.mu.Unlock()
	r, err := k.Store.Open(ctx, at, o.ID, o.Key)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func TestContract(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blob.Store {
		return &keyring{Store: New(new(blobtest.Memory)), objects: map[string]Object{}}
	})
}

var _ = binary.BigEndian
