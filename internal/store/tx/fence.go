package tx

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

type fenceKey struct{}

// WithFence returns a context whose writes begin with fence, before they lock anything else: an error of it fails the write.
// So whatever is called with the context commits only while fence says so, without having to know of it
// (infra/cluster/leases).
func WithFence(ctx context.Context, fence func(*db.Tx) error) context.Context {
	return context.WithValue(ctx, fenceKey{}, fence)
}

func checkFence(ctx context.Context, d *db.Tx) error {
	if fence, ok := ctx.Value(fenceKey{}).(func(*db.Tx) error); ok {
		return fence(d)
	}
	return nil
}

func fenced(ctx context.Context) bool { return ctx.Value(fenceKey{}) != nil }
