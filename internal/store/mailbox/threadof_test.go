package mailbox

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The thread of a message is found by what it says of itself, in each account for itself.
func TestThreadOf(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		box := r.create(alice, "Box")
		m := testMessage("A")
		m.MessageIDs, m.BaseSubject = []string{"1@x"}, "hello"
		a := r.append(alice, box.ID, m)
		for _, c := range []struct {
			account     mail.AccountID
			id, subject string
			want        mail.ThreadID
		}{{alice, "1@x", "hello", a.Thread}, {alice, "1@x", "bye", 0}, {alice, "2@x", "hello", 0}, {alice, "", "hello", 0}, {bob, "1@x", "hello", 0}} {
			r.read(func(t *tx.Tx) error {
				got, err := r.ThreadOf(t, c.account, c.id, c.subject)
				if got != c.want {
					r.t.Errorf("%v %q %q: %v, want %v", c.account, c.id, c.subject, got, c.want)
				}
				return err
			})
		}
	})
}
