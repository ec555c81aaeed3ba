package mailbox

import (
	"context"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// revoking is a context in which alice takes rights to a mailbox away from bob after the first commit of work in steps.
func (r *room) revoking(id mail.MailboxID, rights mail.Rights) context.Context {
	return WithProgress(r.t.Context(), func(imap.Set) {
		r.must(r.grant(alice, id, RemoveRights, Grant{bob, false, rights}))
	})
}

// Rights that are taken away while work goes on in steps end it: what is all or nothing is undone, the rest stops half-way.
func TestRightsAreRevokedMeanwhile(t *testing.T) {
	const n = 20
	deleted := FlagChange{Op: AddFlags, Flags: flags(`\Deleted`)}
	for name, tt := range map[string]struct {
		rights mail.Rights // that are taken away
		work   func(ctx context.Context, r *room, box, target mail.MailboxID) error
		left   func(r *room, box, target mail.MailboxID) bool // what is there then
	}{
		"StoreFlags": {mail.RightSeen, func(ctx context.Context, r *room, box, _ mail.MailboxID) error {
			_, err := r.As(bob).StoreFlags(ctx, alice, box, everything, FlagChange{Op: AddFlags, Flags: flags(`\Seen`)})
			return err
		}, func(r *room, box, _ mail.MailboxID) bool {
			seen := n - r.path(alice, "box").Unseen
			return seen > 0 && seen < n
		}},
		"Expunge": {mail.RightExpunge, func(ctx context.Context, r *room, box, _ mail.MailboxID) error {
			_, err := r.StoreFlags(r.t.Context(), alice, box, everything, deleted)
			r.must(err)
			_, err = r.As(bob).Expunge(ctx, alice, box, everything)
			return err
		}, func(r *room, box, _ mail.MailboxID) bool { l := r.view(alice, box).Len(); return l > 0 && l < n }},
		"Copy from": {mail.RightRead, func(ctx context.Context, r *room, box, _ mail.MailboxID) error {
			_, err := r.As(bob).Copy(ctx, Route{alice, box, bob, r.path(bob, Inbox).ID}, everything)
			return err
		}, func(r *room, _, _ mail.MailboxID) bool { return r.path(bob, Inbox).Messages == 0 }},
		"Copy within": {mail.RightWrite, func(ctx context.Context, r *room, box, target mail.MailboxID) error {
			_, err := r.As(bob).Copy(ctx, Route{alice, box, alice, target}, everything)
			return err
		}, func(r *room, _, target mail.MailboxID) bool { return r.view(alice, target).Len() == 0 }},
		"Move from": {mail.RightDeleteMessages, func(ctx context.Context, r *room, box, _ mail.MailboxID) error {
			_, err := r.As(bob).Move(ctx, Route{alice, box, bob, r.path(bob, Inbox).ID}, everything)
			return err
		}, func(r *room, box, _ mail.MailboxID) bool {
			l := r.view(alice, box).Len()
			return l > 0 && l < n && int64(l)+int64(r.path(bob, Inbox).Messages) == n
		}},
		"Move within": {mail.RightExpunge, func(ctx context.Context, r *room, box, target mail.MailboxID) error {
			_, err := r.As(bob).Move(ctx, Route{alice, box, alice, target}, everything)
			return err
		}, func(r *room, box, target mail.MailboxID) bool {
			l := r.view(alice, box).Len()
			return l > 0 && l < n && l+r.view(alice, target).Len() == n
		}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, r *room) {
				box, target := r.create(alice, "box").ID, r.create(alice, "target").ID
				for i := range n {
					r.append(alice, box, real(t, i))
				}
				for _, id := range []mail.MailboxID{box, target} {
					r.must(r.grant(alice, id, SetRights, Grant{bob, false, mail.AllRights}))
				}
				r.rowsPerStep = 12
				wantKind(t, tt.work(r.revoking(box, tt.rights), r, box, target), mail.Denied)
				if !tt.left(r, box, target) {
					t.Errorf("%d messages are left, %d in the target, %d bob's", r.view(alice, box).Len(), r.view(alice, target).Len(), r.path(bob, Inbox).Messages)
				}
				for _, a := range []mail.AccountID{alice, bob} {
					if memberships, notes := r.rowsLeft(a); memberships+notes != 0 {
						t.Errorf("%d notes are left", notes)
					}
				}
				r.sound(t, alice, bob)
			})
		})
	}
}

// What is one commit asks in that commit, whatever was found before.
func TestRightsAreAskedInTheCommit(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		box := r.create(alice, "box").ID
		r.fill(alice, box, 3)
		as, in := r.As(bob), func(fn func(*tx.Tx) error) error { return r.write(alice, fn) }
		attempts := map[mail.Rights]func() error{
			mail.RightDelete: func() error { return as.Delete(t.Context(), alice, box) },
			mail.RightInsert: func() error {
				_, err := r.appendAll(bob, alice, box, 1, -1)
				return err
			},
			mail.RightCreate: func() error {
				return in(func(t *tx.Tx) error { _, err := as.Create(t, alice, "box/new", ""); return err })
			},
			mail.RightDelete | mail.RightCreate: func() error {
				return in(func(t *tx.Tx) error { _, err := as.Rename(t, alice, box, "box/other"); return err })
			},
			mail.RightAdminister: func() error {
				return in(func(t *tx.Tx) error { return as.Grant(t, alice, box, AddRights, Grant{bob, false, mail.AllRights}) })
			},
			mail.RightRead | mail.RightWrite: func() error {
				return in(func(t *tx.Tx) error {
					return as.Annotate(t, alice, box, []Annotation{{Entry: "/shared/comment", Value: []byte("x")}})
				})
			},
			mail.RightRead | mail.RightDeleteMessages | mail.RightExpunge: func() error {
				return in(func(t *tx.Tx) error { return as.RemoveOne(t, alice, box, 1) })
			},
		}
		for need, attempt := range attempts {
			r.must(r.grant(alice, box, SetRights, Grant{bob, false, mail.AllRights &^ need}))
			wantKind(t, attempt(), mail.Denied)
			r.must(r.grant(alice, box, SetRights, Grant{bob, false, mail.AllRights &^ need &^ mail.RightLookup}))
			wantKind(t, attempt(), mail.NotFound)
		}
		if m := r.path(alice, "box"); m.Messages != 3 {
			t.Errorf("%+v", m)
		}
		r.wantPaths(alice, "INBOX=inbox", "box")
		r.sound(t, alice, bob)
	})
}
