package mailbox

import (
	"context"
	"fmt"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func (r *room) notices(account mail.AccountID) (list []ShareNotice) {
	r.t.Helper()
	r.read(func(t *tx.Tx) (err error) { list, err = r.ShareNotices(t, account); return err })
	return list
}

// Whose rights have changed is told, once for each change and with what they were and are; nobody else is.
func TestShareNotices(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		const lr = mail.RightLookup | mail.RightRead
		box := r.create(alice, "box").ID
		for _, g := range []struct {
			op RightsOp
			g  Grant
		}{
			{SetRights, Grant{bob, false, lr}}, {SetRights, Grant{bob, false, lr}}, {AddRights, Grant{bob, false, mail.RightSeen}}, {SetRights, Grant{Anyone, false, mail.AllRights}},
			{SetRights, Grant{bob, true, mail.RightSeen}}, {SetRights, Grant{bob, true, mail.RightSeen | mail.RightWrite}}, {SetRights, Grant{bob, false, 0}},
		} {
			r.must(r.grant(alice, box, g.op, g.g))
		}
		list := r.notices(bob)
		want := [][2]mail.Rights{{0, lr}, {lr, lr | mail.RightSeen}, {lr | mail.RightSeen, lr}, {lr, 0}}
		if len(list) != len(want) || len(r.notices(alice)) != 0 {
			t.Fatalf("the notices are %+v", list)
		}
		for i, n := range list {
			if n.Old != want[i][0] || n.New != want[i][1] || n.By != alice || n.Owner != alice || n.Mailbox != box || n.Name != "box" || n.Created.IsZero() {
				t.Errorf("notice %d is %+v, want %v", i, n, want[i])
			}
		}
		drop := func(id int64) error {
			return r.tx.Write(context.WithoutCancel(t.Context()), []mail.AccountID{bob}, func(t *tx.Tx) error { return r.DropShareNotice(t, bob, id) })
		}
		r.must(drop(list[1].ID))
		if err := drop(list[1].ID); !mail.Is(err, mail.NotFound) || len(r.notices(bob)) != 3 {
			t.Errorf("dropped again: %v", err)
		}
	})
}

// The newest are kept, and the log tells which have gone.
func TestMaxShareNotices(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		box := r.create(alice, "box").ID
		for i := range MaxShareNotices + 2 {
			r.must(r.grant(alice, box, SetRights, Grant{bob, false, []mail.Rights{mail.RightRead, mail.RightLookup}[i%2]}))
		}
		if n := len(r.notices(bob)); n != MaxShareNotices {
			t.Errorf("%d are kept", n)
		}
		ops := map[tx.Op]int{}
		r.read(func(t *tx.Tx) error {
			clear(ops)
			return t.Changes(bob, 0, func(c tx.Change) bool {
				if c.Kind == tx.KindShareNotice {
					ops[c.Op]++
				}
				return true
			})
		})
		if fmt.Sprint(ops) != fmt.Sprint(map[tx.Op]int{tx.Created: MaxShareNotices + 2, tx.Destroyed: 2}) {
			t.Errorf("the log has %v", ops)
		}
	})
}
