package adminserver

import (
	"context"
	"net/http"

	"github.com/mailmesh/mailmesh/internal/verify"
)

// Verify checks everything that is kept, see internal/verify.
type Verify func(context.Context) (verify.Report, error)

func (h *handler) verifyAll(r *http.Request) (any, error) { return h.verify(r.Context()) }

// Verify checks everything that is kept. It takes as long as reading every message does.
func (c *Client) Verify(ctx context.Context) (verify.Report, error) {
	return call[verify.Report](ctx, c, http.MethodPost, "/v1/verify", nil)
}
