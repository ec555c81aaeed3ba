package node

import (
	"sync"
	"sync/atomic"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
)

// service says whether this node serves, and keeps the gate before its doors accordingly.
type service struct {
	gate     listen.Gate
	requests atomic.Int64 // of HTTP and of WebSockets, under way

	mu      sync.Mutex
	away    string // why it cannot serve, "" where it can
	drained string // why it is not to serve, "" where it is
	moving  string // why it must not be written to, "" where it may
}

// draining is what a node says of itself that is not to serve any more.
const draining = "draining"

// set gives one of the reasons, and shuts or opens the doors.
func (s *service) set(reason *string, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*reason = why
	if s.away == "" && s.drained == "" && s.moving == "" {
		s.gate.Open()
	} else {
		s.gate.Shut()
	}
}

// note gives one of the reasons to those who ask for it, before the doors are shut.
func (s *service) note(reason *string, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*reason = why
}

// why returns why the node is not in service, "" where it is.
func (s *service) why() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != "" {
		return s.away
	}
	if s.moving != "" {
		return s.moving
	}
	return s.drained
}
