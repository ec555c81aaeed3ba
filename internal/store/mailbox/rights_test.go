package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const carl = mail.AccountID(12)

// grant locks both accounts, as callers do.
func (r *room) grant(owner mail.AccountID, id mail.MailboxID, op RightsOp, g Grant) error {
	accounts := []mail.AccountID{owner}
	if g.Grantee != Anyone {
		accounts = append(accounts, g.Grantee)
	}
	return r.tx.Write(context.WithoutCancel(r.t.Context()), accounts, func(t *tx.Tx) error { return r.As(owner).Grant(t, owner, id, op, g) })
}

func (r *room) rights(owner mail.AccountID, id mail.MailboxID, who mail.AccountID) (got mail.Rights) {
	r.read(func(t *tx.Tx) (err error) { got, err = r.RightsOf(t, owner, id, who); return err })
	return got
}

// paths lists what an account is shown of another's mailboxes.
func (r *room) shared(owner, who mail.AccountID) (all []string) {
	r.read(func(t *tx.Tx) error {
		all = nil
		list, err := r.SharedBy(t, owner, who)
		for _, m := range list {
			all = append(all, m.Path+"="+m.Rights.String())
		}
		return err
	})
	return all
}

func TestRights(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.addAccount(carl)
		box := r.create(alice, "box").ID
		const lr = mail.RightLookup | mail.RightRead
		steps := []struct {
			op    RightsOp
			grant Grant
			bob   mail.Rights // then
			carl  mail.Rights
		}{
			{SetRights, Grant{bob, false, mail.AllRights}, mail.AllRights, 0},
			{RemoveRights, Grant{bob, false, mail.AllRights &^ lr}, lr, 0},
			{AddRights, Grant{Anyone, false, mail.RightSeen | mail.RightRead}, lr | mail.RightSeen, mail.RightSeen | mail.RightRead},
			{SetRights, Grant{bob, true, mail.RightSeen | mail.RightWrite}, lr, mail.RightSeen | mail.RightRead},
			{SetRights, Grant{Anyone, true, mail.RightRead}, mail.RightLookup, mail.RightSeen},
			{RemoveRights, Grant{Anyone, true, mail.AllRights}, lr, mail.RightSeen | mail.RightRead},
			{SetRights, Grant{bob, false, 0}, mail.RightRead, mail.RightSeen | mail.RightRead},
			{SetRights, Grant{Anyone, false, 0}, 0, 0},
			{AddRights, Grant{bob, false, lr}, lr, 0},
		}
		for i, s := range steps {
			r.must(r.grant(alice, box, s.op, s.grant))
			if b, c := r.rights(alice, box, bob), r.rights(alice, box, carl); b != s.bob || c != s.carl || r.rights(alice, box, alice) != mail.AllRights {
				t.Errorf("step %d: bob has %q, carl %q, want %q and %q", i, b, c, s.bob, s.carl)
			}
			r.sound(t, alice, bob, carl)
		}
		wantKind(t, r.grant(alice, box, AddRights, Grant{alice, false, lr}), mail.Invalid)
		wantKind(t, r.grant(bob, box, AddRights, Grant{carl, false, lr}), mail.NotFound)
		if r.rights(bob, box, bob) != mail.AllRights || r.rights(alice, r.path(alice, Inbox).ID, bob) != 0 || r.rights(alice, 999, bob) != 0 {
			t.Error("rights reach further than the mailbox")
		}
	})
}

// What is shared is found by whom it is shared with, under the owner's paths; new mailboxes inherit, deleted ones forget.
func TestSharedBy(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.addAccount(carl)
		box := r.create(alice, "a/b/c").ID
		b := r.path(alice, "a/b").ID
		r.must(r.grant(alice, b, SetRights, Grant{bob, false, mail.RightLookup}))
		r.create(alice, "a/b/d/e")
		r.must(r.grant(alice, r.path(alice, Inbox).ID, SetRights, Grant{bob, false, mail.RightRead}))
		r.must(r.grant(bob, r.path(bob, Inbox).ID, SetRights, Grant{alice, false, mail.RightRead}))
		want := []string{"INBOX=r", "a/b=l", "a/b/d=l", "a/b/d/e=l"}
		if got := r.shared(alice, bob); !slices.Equal(got, want) {
			t.Errorf("shared are %q, want %q", got, want)
		}
		if got := append(r.shared(alice, carl), r.shared(bob, carl)...); len(got) != 0 {
			t.Errorf("carl is shown %q", got)
		}
		r.read(func(t *tx.Tx) error {
			sharers, err := r.Sharers(t, bob)
			if !slices.Equal(sharers, []mail.AccountID{alice}) {
				r.t.Errorf("sharers are %v", sharers)
			}
			return err
		})
		r.must(r.Delete(t.Context(), alice, r.path(alice, "a/b/d/e").ID))
		r.must(r.write(alice, func(t *tx.Tx) error { _, err := r.rename(t, alice, r.path(alice, "a/b/d").ID, "x"); return err }))
		want = []string{"INBOX=r", "a/b=l", "x=l"}
		if got := r.shared(alice, bob); !slices.Equal(got, want) || r.rights(alice, box, bob) != 0 {
			t.Errorf("shared are %q, want %q", got, want)
		}
		// An account that is being removed gives nothing from its first commit on, and leaves no rows.
		r.exec(`UPDATE account SET state = 'gone' WHERE id = $1`, alice)
		if got := r.shared(alice, bob); len(got) != 0 || r.rights(alice, b, bob) != 0 {
			t.Errorf("an account that is gone shares %q", got)
		}
		for _, purge := range []func(*tx.Tx, mail.AccountID) (bool, error){r.PurgeGrants, r.Purge} {
			for more := true; more; {
				r.must(r.write(bob, func(t *tx.Tx) (err error) { more, err = purge(t, alice); return err }))
			}
		}
		r.read(func(t *tx.Tx) error {
			var left int
			err := t.SQL().QueryRow(`SELECT COUNT(*) FROM mailbox_right`).Scan(&left)
			if left != 0 {
				r.t.Errorf("%d rows are left", left)
			}
			return err
		})
	})
}

func (r *room) exec(sql string, args ...any) {
	r.t.Helper()
	r.must(r.write(bob, func(t *tx.Tx) error { _, err := t.SQL().Exec(sql, args...); return err }))
}

func TestReservedNames(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.create(alice, "box")
		for _, path := range []string{OtherUsers, SharedFolders, OtherUsers + "/bob@example.org/x", SharedFolders + "/"} {
			wantKind(t, r.write(alice, func(t *tx.Tx) error { _, err := r.Create(t, alice, path, ""); return err }), mail.Invalid)
			wantKind(t, r.write(alice, func(t *tx.Tx) error { _, err := r.rename(t, alice, r.path(alice, "box").ID, path); return err }), mail.Invalid)
		}
		r.create(alice, "box/"+OtherUsers)
		r.must(r.write(alice, func(t *tx.Tx) error { return r.SetSubscribed(t, alice, OtherUsers+"/bob@example.org/x", true) }))
	})
}

func TestTooManyGrants(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox).ID
		r.must(r.write(alice, func(t *tx.Tx) error {
			for i := range MaxGrants {
				t.SQL().Queue(`INSERT INTO mailbox_right (account_id, mailbox_id, grantee_id, negative, rights) VALUES ($1, $2, $3, 0, 1)`, alice, in, 1000+i)
			}
			return nil
		}))
		wantKind(t, r.grant(alice, in, SetRights, Grant{bob, false, mail.RightRead}), mail.Limit)
	})
}

// real makes a message with the summary of a content.
func real(t testing.TB, n int, flags ...string) Message {
	content := fmt.Sprintf("Message-ID: <%d@example.net>\r\nSubject: %d\r\n\r\n", n, n)
	summary, err := message.Summarize(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Summarized(summary)
	if err != nil {
		t.Fatal(err)
	}
	named := testMessage(fmt.Sprint(n), flags...)
	m.Blob, m.Flags = named.Blob, named.Flags
	return m
}

// Messages cross in steps, wholly: copies are all there or none, moved ones are in one place.
func TestCrossing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		from, to := r.path(alice, Inbox).ID, r.create(bob, "to").ID
		for n := range 10 {
			r.append(alice, from, real(t, n, `\Seen`, `\Flagged`, "word"))
		}
		r.rowsPerStep = 3 * crossCost
		c := Route{From: alice, Source: from, To: bob, Target: to}
		r.must(r.grant(bob, to, SetRights, Grant{alice, false, mail.AllRights &^ mail.RightSeen}))
		copied, err := r.As(alice).Copy(t.Context(), c, set("2:9,77"))
		r.must(err)
		if copied.Source.String() != "2:9" || copied.Target.String() != "1:8" {
			t.Errorf("copied is %+v", copied)
		}
		if e := r.view(bob, to); e.Len() != 8 || !e.FlagsOf(e.At(1)).Equal(flags(`\Flagged`, "word")) || r.view(alice, from).Len() != 10 {
			t.Errorf("%d messages, the first has %v", e.Len(), e.FlagsOf(e.At(1)))
		}
		r.sound(t, alice, bob)

		moved, err := r.As(alice).Move(t.Context(), c, set("1:5"))
		r.must(err)
		if moved.Source.String() != "1:5" || moved.Target.String() != "9:13" || r.view(alice, from).Len() != 5 || r.view(bob, to).Len() != 13 {
			t.Errorf("moved is %+v", moved)
		}
		r.sound(t, alice, bob)

		// What fails half-way is undone, or tells how far it came.
		left := 4
		r.bodies = brokenBodies{left: &left}
		before := r.contents(bob, to)
		if copied, err := r.As(alice).Copy(t.Context(), c, set("1:*")); !errors.Is(err, errBroken) || len(copied.Target) != 0 || r.contents(bob, to) != before {
			t.Errorf("%+v, %v", copied, err)
		}
		left = 4
		if moved, err := r.As(alice).Move(t.Context(), c, set("1:*")); !errors.Is(err, errBroken) || moved.Source.Len() != 3 || r.view(alice, from).Len() != 2 {
			t.Errorf("%+v, %v", moved, err)
		}
		if memberships, notes := r.rowsLeft(bob); memberships+notes != 0 {
			t.Errorf("%d notes are left", notes)
		}
		r.bodies = fakeBodies{}
		r.sound(t, alice, bob)

		// The quota of whom the messages go to.
		r.exec(`UPDATE account SET quota_messages = used_messages + 1 WHERE id = $1`, bob)
		_, err = r.As(alice).Copy(t.Context(), c, set("1:*"))
		wantKind(t, err, mail.OverQuota)
		for _, wrong := range []Route{{alice, to, bob, to}, {alice, from, bob, from}, {bob, from, alice, from}} {
			_, err = r.As(alice).Copy(t.Context(), wrong, everything)
			wantKind(t, err, mail.NotFound)
			_, err = r.As(alice).Move(t.Context(), wrong, everything)
			wantKind(t, err, mail.NotFound)
		}
	})
}

func (b brokenBodies) Borrow(ctx context.Context, account mail.AccountID, blob mail.BlobID) (func(*tx.Tx, mail.AccountID) (mail.BlobID, error), error) {
	hold, err := b.fakeBodies.Borrow(ctx, account, blob)
	return func(t *tx.Tx, to mail.AccountID) (mail.BlobID, error) {
		if *b.left--; *b.left < 0 {
			return mail.BlobID{}, errBroken
		}
		return hold(t, to)
	}, err
}
