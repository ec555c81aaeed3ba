package adminserver

import (
	"context"
	"net/http"

	"github.com/mailmesh/mailmesh/internal/onboarding"
)

// Records returns the DNS records that a domain of the server needs, see internal/onboarding.
type Records func(ctx context.Context, domain string) ([]onboarding.Record, error)

func (h *handler) listRecords(r *http.Request) (any, error) {
	d, err := h.provision.Domain(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	list, err := h.records(r.Context(), d.Name)
	return Page[onboarding.Record]{Items: list}, err
}

// DNS returns the DNS records that a domain of the server needs.
func (c *Client) DNS(ctx context.Context, domain string) ([]onboarding.Record, error) {
	p, err := call[Page[onboarding.Record]](ctx, c, http.MethodGet, at(domains, domain, "dns"), nil)
	return p.Items, err
}
