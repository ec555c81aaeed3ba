package mailbox

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

type progressKey struct{}

// WithProgress has work in steps say what is left of its UIDs, after each commit but the last. left is called by the goroutine
// that does the work.
func WithProgress(ctx context.Context, left func(imap.Set)) context.Context {
	return context.WithValue(ctx, progressKey{}, left)
}

func tellLeft(ctx context.Context, uids imap.Set) {
	if left, wanted := ctx.Value(progressKey{}).(func(imap.Set)); wanted && len(uids) > 0 {
		left(uids)
	}
}
