package mailbox

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// One message goes to several accounts at once, to the INBOX where no mailbox is named, and joins each account's threads.
func TestAppendEach(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		folder := r.create(bob, "folder")
		before := r.append(bob, folder.ID, testMessage("m"))
		m := testMessage("m")
		var out []Appended
		r.must(r.tx.Write(t.Context(), []mail.AccountID{alice, bob}, func(t *tx.Tx) (err error) {
			for _, account := range []mail.AccountID{alice, bob} {
				r.must(hold(t, account, m.Blob))
			}
			out, err = r.AppendEach(t, []Place{{Account: alice, Message: m}, {Account: bob, Mailbox: folder.ID, Message: m}})
			return err
		}))
		a, b := out[0], out[1]
		inbox := r.path(alice, Inbox)
		if a.Mailbox != inbox.ID || a.UID != 1 || a.UIDValidity != inbox.UIDValidity || int64(a.Thread) != int64(a.Email) {
			t.Errorf("alice: %+v", a)
		}
		if b.Mailbox != folder.ID || b.UID != 2 || b.Thread != before.Thread || b.Email == before.Email {
			t.Errorf("bob: %+v after %+v", b, before)
		}
		if inbox.Messages != 1 || r.path(bob, "folder").Messages != 2 {
			t.Errorf("alice's INBOX is %+v, bob's folder %+v", inbox, r.path(bob, "folder"))
		}
	})
}

func TestAppendEachRefuses(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		m := testMessage("m")
		folder := r.create(bob, "folder")
		for name, tt := range map[string]struct {
			places []Place
			want   mail.Kind
		}{
			"an account twice":         {[]Place{{Account: alice, Message: m}, {Account: bob, Message: m}, {Account: alice, Message: m}}, mail.Invalid},
			"the mailbox of another":   {[]Place{{Account: bob, Message: m}, {Account: alice, Mailbox: folder.ID, Message: m}}, mail.NotFound},
			"a mailbox that is no one": {[]Place{{Account: bob, Mailbox: 99, Message: m}, {Account: alice, Message: m}}, mail.NotFound},
		} {
			err := r.tx.Write(t.Context(), []mail.AccountID{alice, bob}, func(t *tx.Tx) error {
				_, err := r.AppendEach(t, tt.places)
				return err
			})
			if mail.KindOf(err) != tt.want || r.path(alice, Inbox).Messages+r.path(bob, Inbox).Messages != 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
