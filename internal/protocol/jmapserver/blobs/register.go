package blobs

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/core"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

// Capability is that of RFC 9404.
const Capability = "urn:ietf:params:jmap:blob"

type capability struct {
	MaxSizeBlobSet int64    `json:"maxSizeBlobSet"`
	MaxDataSources int      `json:"maxDataSources"`
	TypeNames      []string `json:"supportedTypeNames"`
	Digests        []string `json:"supportedDigestAlgorithms"`
}

// Register adds the capability and the methods.
func (b *Blobs) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, func(_ context.Context, _ *method.User, a method.Access) any {
		if !a.Own() {
			return nil
		}
		return capability{b.o.MaxUpload, maxSources, lookupTypes, digestNames()}
	})
	r.Add("Blob/copy", method.Method{Capability: core.Capability, Needs: method.Write, Run: b.copy})
	r.Add("Blob/upload", method.Method{Capability: Capability, Needs: method.Write, Run: b.upload})
	r.Add("Blob/get", method.Method{Capability: Capability, Needs: method.Read, Run: b.get})
	r.Add("Blob/lookup", method.Method{Capability: Capability, Needs: method.Read, Run: b.lookup})
}
