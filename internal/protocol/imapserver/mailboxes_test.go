package imapserver

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

func TestDelimiterIsTheRooms(t *testing.T) {
	if string(delimiter) != mailbox.Separator {
		t.Errorf("%q is not %q", string(delimiter), mailbox.Separator)
	}
}

// Every use that a mailbox can be given has its attribute.
func TestSpecialUses(t *testing.T) {
	f := serve(t)
	c := f.login()
	for role, attribute := range attributes {
		switch role {
		case mailbox.RoleDrafts, mailbox.RoleSent, mailbox.RoleTrash: // there from the start
		default:
			c.ok("CREATE " + string(role) + " (USE (" + attribute + "))")
		}
	}
	if got := c.ok(`LIST (SPECIAL-USE) "" *`); len(got) != len(attributes) {
		t.Errorf("%d mailboxes have a use, not %d: %q", len(got), len(attributes), got)
	}
}
