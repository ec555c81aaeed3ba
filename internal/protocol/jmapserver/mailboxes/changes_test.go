package mailboxes_test

import (
	"fmt"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
)

// Rights that have changed later than what one answer tells are told by the first: else a client would hear of changes of what it never
// heard of.
func TestNewRightsBehindALimit(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			s := open(t, engine)
			share(s, "Archive", mail.RightLookup|mail.RightRead)
			s.Deliver(doortest.Ann, "Sent", "Subject: old\r\n\r\n")
			states := map[string]any{}
			for _, typ := range []string{"Mailbox", "Email", "Thread"} {
				_, got := s.CallAs(doortest.Bob, typ+"/get", map[string]any{"accountId": doortest.Ann.String(), "ids": []string{}})
				states[typ] = got["state"]
			}
			s.Deliver(doortest.Ann, "Sent", "Subject: new\r\n\r\n", "Subject: newer\r\n\r\n")
			share(s, "Sent", mail.RightLookup|mail.RightRead)
			for typ, state := range states {
				name, got := s.CallAs(doortest.Bob, typ+"/changes", map[string]any{"accountId": doortest.Ann.String(), "sinceState": state, "maxChanges": 1})
				if name != "error" || got["type"] != "cannotCalculateChanges" {
					t.Error(typ, fmt.Sprint(got))
				}
			}
		})
	}
}
