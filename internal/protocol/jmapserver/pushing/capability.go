package pushing

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

// Capability is RFC 8887 3's.
const Capability = "urn:ietf:params:jmap:websocket"

// Path is where the WebSocket is.
const Path = "/jmap/ws"

// Register says in the session where the WebSocket is.
func Register(r *method.Registry) { r.Capability(Capability, placed{}, nil) }

type placed struct{}

func (placed) At(base string) any {
	return struct {
		URL          string `json:"url"`
		SupportsPush bool   `json:"supportsPush"`
	}{"ws" + strings.TrimPrefix(base, "http") + Path, true}
}
