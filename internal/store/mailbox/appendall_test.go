package mailbox

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// appendAll appends n messages, of which the one at broken fails.
func (r *room) appendAll(who, owner mail.AccountID, id mail.MailboxID, n, broken int) (Kept, error) {
	return r.As(who).AppendAll(r.t.Context(), owner, id, n, func(t *tx.Tx, i int) (Message, error) {
		if i == broken {
			return Message{}, errBroken
		}
		m := testMessage(fmt.Sprintf("new %d", i), `\Seen`)
		return m, hold(t, owner, m.Blob)
	})
}

// Many messages take many commits, and are kept all or none.
func TestAppendAll(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox).ID
		r.fill(alice, in, 3)
		r.rowsPerStep = 4 * appendCost
		kept, err := r.appendAll(alice, alice, in, 13, -1)
		r.must(err)
		if kept.UIDs.String() != "4:16" || kept.UIDValidity != r.path(alice, Inbox).UIDValidity || r.view(alice, in).Len() != 16 {
			t.Errorf("%+v", kept)
		}
		for _, broken := range []int{0, 3, 4, 12} {
			before := r.contents(alice, in)
			if kept, err := r.appendAll(alice, alice, in, 13, broken); !errors.Is(err, errBroken) || len(kept.UIDs) > 0 || r.contents(alice, in) != before {
				t.Errorf("broken at %d: %+v, %v", broken, kept, err)
			}
			if memberships, notes := r.rowsLeft(alice); memberships+notes != 0 {
				t.Errorf("broken at %d: %d notes are left", broken, notes)
			}
		}
		r.sound(t, alice)
	})
}
