package mailbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Every mailbox gets a UIDVALIDITY that no mailbox of the account had, nor can have had in a future that was lost.
func TestRenumber(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.rowsPerStep = 3
		for i := range 7 {
			r.create(alice, fmt.Sprint("box ", i))
		}
		numbers := func(account mail.AccountID) (out []uint32) {
			r.read(func(t *tx.Tx) error {
				out = nil
				all, err := r.List(t, account)
				for _, m := range all {
					out = append(out, m.UIDValidity)
				}
				return err
			})
			return out
		}
		before, bobs := numbers(alice), numbers(bob)
		// What is given after the backup and before it is put back.
		lost := r.create(alice, "lost").UIDValidity
		r.must(r.Delete(t.Context(), alice, r.path(alice, "lost").ID))

		highest := lost
		for range 2 { // it can be repeated
			least := max(highest+1, uint32(time.Now().Unix()))
			steps, count := 0, 0
			var after mail.MailboxID
			for more := true; more; steps++ {
				var n int
				r.must(r.write(alice, func(t *tx.Tx) (err error) {
					after, n, more, err = r.Renumber(t, alice, after)
					return err
				}))
				count += n
			}
			if count != len(before) || steps != 3 {
				t.Errorf("%d mailboxes in %d steps", count, steps)
			}
			seen := map[uint32]bool{}
			for _, v := range numbers(alice) {
				if v < least || seen[v] {
					t.Errorf("UIDVALIDITY %d: not at least %d, or twice", v, least)
				}
				seen[v] = true
				highest = max(highest, v)
			}
		}
		if next := r.create(alice, "next").UIDValidity; next <= highest {
			t.Errorf("a new mailbox gets %d, %d was given", next, highest)
		}
		if got := numbers(bob); fmt.Sprint(got) != fmt.Sprint(bobs) {
			t.Errorf("another account's numbers are %v, were %v", got, bobs)
		}
		r.sound(t, alice, bob)
	})
}
