package adminserver

import (
	"context"
	"net/http"
	"time"

	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
)

// DKIMKey is a key that a domain signs with.
type DKIMKey struct {
	Selector  string    `json:"selector"`
	Algorithm string    `json:"algorithm"` // ed25519, rsa
	State     string    `json:"state"`     // active: signs; next: will after a rotation; retired: has, and its record is still needed
	Since     time.Time `json:"since"`     // in this state
	Name      string    `json:"name"`      // where its record is published
	Record    string    `json:"record"`    // the text of the TXT record
}

// Rotation asks for one.
type Rotation struct {
	Now bool `json:"now,omitempty"` // however fresh the next keys are
}

func showKeys(keys []dkimkeys.Key) Page[DKIMKey] {
	p := Page[DKIMKey]{Items: make([]DKIMKey, len(keys))}
	for i, k := range keys {
		p.Items[i] = DKIMKey{Selector: k.Selector, Algorithm: string(k.Algorithm), State: string(k.State), Since: k.Changed, Name: k.RecordName(), Record: k.Record}
	}
	return p
}

func (h *handler) listKeys(r *http.Request) (any, error) {
	keys, err := h.provision.Keys(r.Context(), r.PathValue("name"))
	return showKeys(keys), err
}

func (h *handler) rotateKeys(r *http.Request) (any, error) {
	in, err := body[Rotation](r)
	if err != nil {
		return nil, err
	}
	keys, err := h.provision.RotateKeys(r.Context(), r.PathValue("name"), in.Now)
	return showKeys(keys), err
}

// DKIMKeys returns the keys of a domain, the active ones first.
func (c *Client) DKIMKeys(ctx context.Context, domain string) ([]DKIMKey, error) {
	p, err := call[Page[DKIMKey]](ctx, c, http.MethodGet, at(domains, domain, "dkim"), nil)
	return p.Items, err
}

// RotateDKIM has a domain sign with the keys that were next, and returns all it has then.
func (c *Client) RotateDKIM(ctx context.Context, domain string, r Rotation) ([]DKIMKey, error) {
	p, err := call[Page[DKIMKey]](ctx, c, http.MethodPost, at(domains, domain, "dkim", "rotate"), r)
	return p.Items, err
}
