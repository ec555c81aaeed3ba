package imapserver

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// capability is a name that CAPABILITY lists. Each has its list of requirements in docs/rfc/.
type capability struct {
	name    string
	offered func(*session) bool // nil: to all who have signed in

	// value is what stands behind "=", for those that tell something of this server.
	value func(*Options) string

	// enables is the switch that ENABLE turns on, nil where there is none (RFC 5161), and enabled what follows then.
	enables func(*session) *bool
	enabled func(*session)
}

// announced makes capabilities that need no more than their name.
func announced(names ...string) (all []capability) {
	for _, n := range names {
		all = append(all, capability{name: n})
	}
	return all
}

func always(*session) bool { return true }

func (s *session) stranger() bool { return s.account == 0 }

// capabilities lists what the client can use in its present state.
func (s *session) capabilities() (names []string) {
	for _, c := range s.server.offers.capabilities {
		switch {
		case c.offered == nil && s.stranger(), c.offered != nil && !c.offered(s):
		case c.value != nil:
			names = append(names, c.name+"="+c.value(s.o))
		default:
			names = append(names, c.name)
		}
	}
	if s.stranger() && s.maySignIn() {
		for _, m := range s.o.Auth.Mechanisms(s.ctx, s.peer()) {
			names = append(names, "AUTH="+m)
		}
	}
	return names
}

// enable switches on what the client names, and lists what was off before (RFC 5161 3.1).
func (s *session) enable(c imap.Enable) (reply, error) {
	var on []capability
	var names []string
	for _, name := range c.Capabilities {
		for _, known := range s.server.offers.capabilities {
			if known.enables == nil || !strings.EqualFold(known.name, name) {
				continue
			}
			if turned := known.enables(s); !*turned {
				*turned = true
				on, names = append(on, known), append(names, known.name)
			}
		}
	}
	s.in.SetDialect(s.dialect)
	s.out.SetDialect(s.dialect)
	s.out.Enabled(names)
	for _, known := range on {
		if known.enabled != nil {
			known.enabled(s)
		}
	}
	return ok("enabled"), nil
}
