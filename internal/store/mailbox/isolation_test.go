package mailbox

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Promise 4: whoever asks with an account of their own and the ids of another finds nothing and changes nothing.
func TestIdsOfAnotherAccountFindNothing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in, box := r.path(alice, Inbox), r.create(alice, "private")
		a := r.append(alice, in.ID, testMessage("1", `\Deleted`))
		r.view(alice, in.ID)
		bobs := r.path(bob, Inbox)
		b := r.append(bob, bobs.ID, testMessage("1", `\Deleted`))
		before := r.contents(alice, in.ID) + r.contents(bob, bobs.ID)

		inTx := func(fn func(*tx.Tx) error) error { return r.write(bob, fn) }
		attempts := map[string]func() error{
			"ByID":   func() error { return inTx(func(t *tx.Tx) error { _, err := r.ByID(t, bob, in.ID); return err }) },
			"ByPath": func() error { return inTx(func(t *tx.Tx) error { _, err := r.ByPath(t, bob, "private"); return err }) },
			"Rename": func() error {
				return inTx(func(t *tx.Tx) error { _, err := r.rename(t, bob, box.ID, "mine"); return err })
			},
			"SetRole": func() error { return inTx(func(t *tx.Tx) error { return r.SetRole(t, bob, box.ID, RoleSent) }) },
			"Email":   func() error { return inTx(func(t *tx.Tx) error { _, err := r.Email(t, bob, a.Email); return err }) },
			"Vanished": func() error {
				return inTx(func(t *tx.Tx) error { _, err := r.Vanished(t, bob, in.ID, 0, everything); return err })
			},
			"Append": func() error {
				return inTx(func(t *tx.Tx) error { _, err := r.Append(t, bob, in.ID, testMessage("x")); return err })
			},
			"View":       func() error { _, err := r.View(t.Context(), bob, in.ID); return err },
			"ViewSince":  func() error { _, err := r.ViewSince(t.Context(), bob, in.ID, 1); return err },
			"Delete":     func() error { return r.Delete(t.Context(), bob, box.ID) },
			"TakeRecent": func() error { _, err := r.TakeRecent(t.Context(), bob, in.ID); return err },
			"StoreFlags": func() error {
				_, err := r.StoreFlags(t.Context(), bob, in.ID, everything, FlagChange{Flags: flags(`\Seen`)})
				return err
			},
			"Copy from": func() error { _, err := r.Copy(t.Context(), bob, in.ID, bobs.ID, everything); return err },
			"Copy to":   func() error { _, err := r.Copy(t.Context(), bob, bobs.ID, in.ID, everything); return err },
			"Move from": func() error { _, err := r.Move(t.Context(), bob, in.ID, bobs.ID, everything); return err },
			"Move to":   func() error { _, err := r.Move(t.Context(), bob, bobs.ID, in.ID, everything); return err },
			"Expunge":   func() error { _, err := r.Expunge(t.Context(), bob, in.ID, everything); return err },
			"RemoveOne": func() error { return inTx(func(t *tx.Tx) error { return r.As(bob).RemoveOne(t, bob, in.ID, 1) }) },
			"Remove":    func() error { _, err := r.Remove(t.Context(), bob, in.ID, everything); return err },
		}
		for name, attempt := range attempts {
			t.Run(name, func(t *testing.T) { wantKind(t, attempt(), mail.NotFound) })
		}
		r.read(func(x *tx.Tx) error {
			places, err := r.Memberships(x, bob, a.Email)
			if len(places) != 0 {
				t.Errorf("memberships %v", places)
			}
			if err != nil {
				return err
			}
			return r.Summaries(x, bob, []mail.EmailID{a.Email, b.Email}, func(e *Email) bool {
				if e.ID != b.Email {
					t.Errorf("read %+v", e)
				}
				return true
			})
		})
		if after := r.contents(alice, in.ID) + r.contents(bob, bobs.ID); after != before {
			t.Errorf("mail is %q, was %q", after, before)
		}
		r.wantPaths(alice, "INBOX=inbox", "private")
		r.wantPaths(bob, "INBOX=inbox")
		r.sound(t, alice, bob)
	})
}
