// Package core is the capability urn:ietf:params:jmap:core: its limits, as the session tells them, and Core/echo (RFC 8620 2, 4).
package core

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

// Capability is its URI.
const Capability = "urn:ietf:params:jmap:core"

// Limits are those that are not constants of package method.
type Limits struct {
	SizeUpload       int64
	ConcurrentUpload int
	Collations       []string // RFC 4790, for sorting
}

// session is what "capabilities" says (RFC 8620 2).
type session struct {
	MaxSizeUpload         int64    `json:"maxSizeUpload"`
	MaxConcurrentUpload   int      `json:"maxConcurrentUpload"`
	MaxSizeRequest        int      `json:"maxSizeRequest"`
	MaxConcurrentRequests int      `json:"maxConcurrentRequests"`
	MaxCallsInRequest     int      `json:"maxCallsInRequest"`
	MaxObjectsInGet       int      `json:"maxObjectsInGet"`
	MaxObjectsInSet       int      `json:"maxObjectsInSet"`
	Collations            []string `json:"collationAlgorithms"`
}

// Register adds the capability and its method.
func Register(r *method.Registry, l Limits) {
	r.Capability(Capability, session{l.SizeUpload, l.ConcurrentUpload, method.MaxSizeRequest, method.MaxConcurrentRequests,
		method.MaxCallsInRequest, method.MaxObjectsInGet, method.MaxObjectsInSet, l.Collations}, account)
	r.Add("Core/echo", method.Method{Capability: Capability, Run: echo})
}

// account has the capability in every account (RFC 8620 2).
func account(context.Context, *method.User, method.Access) any { return struct{}{} }

// echo answers with its arguments (RFC 8620 4).
func echo(_ context.Context, c *method.Call) (any, error) { return c.Args, nil }
