package mailbox

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("a", MaxName)
	tests := []struct {
		name, path, want string // "" is refused
		kind             mail.Kind
	}{
		{"one level", "Work", "Work", ""},
		{"levels", "a/b/c", "a/b/c", ""},
		{"inbox in any case", "iNbOx", "INBOX", ""},
		{"below inbox", "inbox/x", "INBOX/x", ""},
		{"inbox as a child is a name like others", "x/inbox", "x/inbox", ""},
		{"composed", "Cafe\u0301", "Caf\u00e9", ""},
		{"wildcards are characters", "50% *", "50% *", ""},
		{"longest", long, long, ""},
		{"deepest", strings.Repeat("a/", MaxDepth-1) + "a", strings.Repeat("a/", MaxDepth-1) + "a", ""},
		{"empty", "", "", mail.Invalid},
		{"empty level", "a//b", "", mail.Invalid},
		{"leading separator", "/a", "", mail.Invalid},
		{"control character", "a\tb", "", mail.Invalid},
		{"C1 control", "a\u0085b", "", mail.Invalid},
		{"line separator", "a\u2028b", "", mail.Invalid},
		{"noncharacter", "a\uffff", "", mail.Invalid},
		{"not UTF-8", "a\xff", "", mail.Invalid},
		{"namespace", "#shared/a", "", mail.Invalid},
		{"too long", long + "a", "", mail.Invalid},
		{"far too long", strings.Repeat("a", 1<<20), "", mail.Invalid},
		{"too deep", strings.Repeat("a/", MaxDepth) + "a", "", mail.Limit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			levels, err := splitPath("test", tt.path)
			if got := strings.Join(levels, Separator); got != tt.want || mail.KindOf(err) != tt.kind {
				t.Errorf("%.40q became %.40q, %v; want %.40q", tt.path, got, err, tt.want)
			}
		})
	}
}

// paths lists the mailboxes with their roles and subscriptions: "+" for subscribed.
func (r *room) paths(account mail.AccountID) (out []string) {
	r.t.Helper()
	r.read(func(t *tx.Tx) error {
		list, err := r.List(t, account)
		for _, m := range list {
			s := m.Path
			if m.Role != "" {
				s += "=" + string(m.Role)
			}
			if m.Subscribed {
				s += "+"
			}
			out = append(out, s)
		}
		return err
	})
	return out
}

func (r *room) wantPaths(account mail.AccountID, want ...string) {
	r.t.Helper()
	if got := r.paths(account); !slices.Equal(got, want) {
		r.t.Errorf("mailboxes %q, want %q", got, want)
	}
}

// wantKind fails unless err is of a kind; "" is no error.
func wantKind(t *testing.T, err error, kind mail.Kind) {
	t.Helper()
	if (err == nil) != (kind == "") || mail.KindOf(err) != kind {
		t.Errorf("error %v, want %q", err, kind)
	}
}

func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		create := func(path string, role Role) (m Mailbox, err error) {
			err = r.write(alice, func(t *tx.Tx) error {
				m, err = r.Create(t, alice, path, role)
				return err
			})
			return m, err
		}
		m, err := create("a/b/c/", RoleArchive)
		if err != nil || m.Path != "a/b/c" || m.UIDNext != 1 || m.UIDValidity == 0 {
			t.Fatalf("created %+v, %v", m, err)
		}
		r.wantPaths(alice, "INBOX=inbox", "a", "a/b", "a/b/c=archive")
		for path, kind := range map[string]mail.Kind{"a": mail.Exists, "a/b/c": mail.Exists, "inBOX": mail.Exists, "a//b": mail.Invalid} {
			_, err := create(path, "")
			wantKind(t, err, kind)
		}
		for role, kind := range map[Role]mail.Kind{RoleArchive: mail.Exists, "all": mail.Invalid, "inbox": mail.Invalid, "nonsense": mail.Invalid} {
			_, err := create("other", role)
			wantKind(t, err, kind)
		}
		_, err = create("\u0063\u0327", "")
		wantKind(t, err, "")
		_, err = create("\u00e7", "") // the same name, composed
		wantKind(t, err, mail.Exists)
		r.sound(t, alice)
	})
}

func TestMailboxLimit(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		for first := 0; first < MaxMailboxes-3; first += 900 {
			r.must(r.write(alice, func(t *tx.Tx) error {
				_, err := t.SQL().Exec(`INSERT INTO mailbox (account_id, id, parent_id, name, role, subscribed, uidvalidity, uidnext, modseq,
						meta_modseq, created_modseq, messages, unseen, deleted, bytes, recent_below, sort_order, unread)
					WITH RECURSIVE n (i) AS (SELECT CAST($2 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $3)
					SELECT $1, 5000000 + i, 0, 'x' || i, '', 0, i, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0 FROM n`,
					alice, first, min(first+900, MaxMailboxes-3))
				return err
			}))
		}
		create := func(path string) error {
			return r.write(alice, func(t *tx.Tx) error { _, err := r.Create(t, alice, path, ""); return err })
		}
		wantKind(t, create("a/b/c"), mail.Limit) // two would do
		wantKind(t, create("a/b"), "")
		wantKind(t, create("c"), mail.Limit)
		if got := len(r.paths(alice)); got != MaxMailboxes {
			t.Errorf("%d mailboxes", got)
		}
	})
}

func TestRename(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.create(alice, "a/b/c")
		r.create(alice, "x")
		rename := func(from, to string) error {
			m := r.path(alice, from)
			return r.write(alice, func(t *tx.Tx) error { _, err := r.rename(t, alice, m.ID, to); return err })
		}
		was := r.path(alice, "a/b/c")
		wantKind(t, rename("a/b", "x/y/z"), "") // makes x/y
		r.wantPaths(alice, "INBOX=inbox", "a", "x", "x/y", "x/y/z", "x/y/z/c")
		if is := r.path(alice, "x/y/z/c"); is.ID != was.ID || is.UIDValidity != was.UIDValidity {
			t.Errorf("a child became %+v, was %+v", is, was)
		}
		wantKind(t, rename("x", "x/y/w"), mail.Invalid) // below itself
		wantKind(t, rename("x", "x"), mail.Exists)
		wantKind(t, rename("a", "INBOX"), mail.Exists)
		wantKind(t, rename("INBOX", "b"), mail.Denied)
		deep := strings.Repeat("d/", MaxDepth-3) + "d" // x has three levels below it
		wantKind(t, rename("x", deep), mail.Limit)
		wantKind(t, rename("x", strings.TrimPrefix(deep, "d/")), "")
		r.sound(t, alice)
	})
}

func TestRenameSubscribed(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		subscribe := func(path string, on bool) {
			t.Helper()
			r.must(r.write(alice, func(t *tx.Tx) error { return r.SetSubscribed(t, alice, path, on) }))
		}
		rename := func(from, to string) (m Mailbox) {
			t.Helper()
			id := r.path(alice, from).ID
			r.must(r.write(alice, func(t *tx.Tx) (err error) { m, err = r.rename(t, alice, id, to); return err }))
			return m
		}
		others := func(want ...string) {
			t.Helper()
			var have []string
			r.read(func(t *tx.Tx) (err error) { have, err = r.Subscriptions(t, alice); return err })
			if !slices.Equal(have, want) {
				t.Errorf("subscribed without mailbox: %q, want %q", have, want)
			}
			r.sound(t, alice)
		}
		r.create(alice, "a/b")
		for _, path := range []string{"x", "y/b", "y/c"} {
			subscribe(path, true)
		}
		if m := rename("a", "x"); !m.Subscribed || m != r.path(alice, "x") {
			t.Errorf("renamed to %+v, is %+v", m, r.path(alice, "x"))
		}
		others("y/b", "y/c")
		r.wantPaths(alice, "INBOX=inbox", "x+", "x/b")
		rename("x", "y") // and below it a name that is waited for
		others("x", "y/c")
		r.wantPaths(alice, "INBOX=inbox", "y+", "y/b+")
		rename("y/b", "x") // both are subscribed to
		others("y/b", "y/c")
		subscribe("x", false)
		r.wantPaths(alice, "INBOX=inbox", "x", "y+")
		rename("x", "z")
		others("y/b", "y/c")
		rename("y", "INBOX/y")
		others("y", "y/b", "y/c")
	})
}

func TestRenameInbox(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		r.create(alice, "INBOX/child")
		r.rowsPerStep = 30
		r.fill(alice, in.ID, 40, `\Seen`)
		m, err := r.RenameInbox(t.Context(), alice, "old/mail")
		r.must(err)
		r.wantPaths(alice, "INBOX=inbox", "INBOX/child", "old", "old/mail")
		if is := r.path(alice, Inbox); is.ID != in.ID || is.Messages != 0 || is.UIDNext != 41 || is.UIDValidity != in.UIDValidity {
			t.Errorf("INBOX is %+v", is)
		}
		if v := r.view(alice, m.ID); v.Len() != 40 || v.At(40).UID != 40 || v.At(1).Flags != mail.Seen {
			t.Errorf("the new mailbox has %d messages", v.Len())
		}
		_, err = r.RenameInbox(t.Context(), alice, "old")
		wantKind(t, err, mail.Exists)
		_, err = r.RenameInbox(t.Context(), alice, "empty") // with nothing to move
		wantKind(t, err, "")
		r.sound(t, alice)
	})
}

func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in, m := r.path(alice, Inbox), r.create(alice, "a/b")
		r.must(r.write(alice, func(t *tx.Tx) error { return r.SetSubscribed(t, alice, "a/b", true) }))
		r.append(alice, m.ID, testMessage("only here"))
		both := r.append(alice, m.ID, testMessage("both"))
		_, err := r.Copy(t.Context(), alice, m.ID, in.ID, set("2"))
		r.must(err)

		wantKind(t, r.Delete(t.Context(), alice, in.ID), mail.Denied)
		err = r.Delete(t.Context(), alice, r.path(alice, "a").ID)
		wantKind(t, err, mail.Conflict)
		if !errors.Is(err, ErrHasChildren) {
			t.Errorf("the cause is %v", err)
		}
		r.must(r.Delete(t.Context(), alice, m.ID))
		wantKind(t, r.Delete(t.Context(), alice, m.ID), mail.NotFound)
		r.wantPaths(alice, "INBOX=inbox", "a")
		r.read(func(x *tx.Tx) error {
			places, err := r.Memberships(x, alice, both.Email)
			if len(places) != 1 || places[0].Mailbox != in.ID {
				t.Errorf("the email that was elsewhere too is in %+v", places)
			}
			names, _ := r.Subscriptions(x, alice)
			if !slices.Equal(names, []string{"a/b"}) {
				t.Errorf("subscribed names: %q", names)
			}
			return err
		})
		again := r.create(alice, "a/b")
		if again.UIDValidity <= m.UIDValidity || again.ID == m.ID || !again.Subscribed {
			t.Errorf("made again as %+v, was %+v", again, m)
		}
		r.sound(t, alice)
	})
}

// rowsLeft counts what is left of mailboxes that nobody can find, and of unfinished work.
func (r *room) rowsLeft(account mail.AccountID) (memberships, notes int) {
	r.read(func(t *tx.Tx) error {
		err := t.SQL().QueryRow(`SELECT COUNT(*) FROM membership m WHERE account_id = $1 AND NOT EXISTS
			(SELECT 1 FROM mailbox b WHERE b.account_id = $1 AND b.id = m.mailbox_id AND b.parent_id >= 0)`, account).Scan(&memberships)
		if err != nil {
			return err
		}
		return t.SQL().QueryRow(`SELECT COUNT(*) FROM unfinished WHERE account_id = $1`, account).Scan(&notes)
	})
	return memberships, notes
}

func TestInterruptedDeleteIsFinished(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		m := r.create(alice, "big")
		r.fill(alice, m.ID, 300)
		r.must(r.write(alice, func(t *tx.Tx) error { return r.doom(t, alice, m.ID) })) // then the process dies
		r.wantPaths(alice, "INBOX=inbox")
		_, err := r.View(t.Context(), alice, m.ID)
		wantKind(t, err, mail.NotFound)
		if left, notes := r.rowsLeft(alice); left != 300 || notes != 1 {
			t.Fatalf("%d memberships and %d notes are left", left, notes)
		}
		again := r.create(alice, "big") // the name is free at once
		r.sound(t, alice)
		r.must(r.Finish(t.Context(), 0))
		if left, notes := r.rowsLeft(alice); left != 0 || notes != 0 {
			t.Errorf("%d memberships and %d notes are left", left, notes)
		}
		if again.UIDValidity <= m.UIDValidity {
			t.Error("UIDVALIDITY did not grow")
		}
		r.sound(t, alice)
	})
}

func TestSubscriptions(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		subscribe := func(path string, on bool) error {
			return r.write(alice, func(t *tx.Tx) error { return r.SetSubscribed(t, alice, path, on) })
		}
		names := func() (list []string) {
			r.read(func(t *tx.Tx) (err error) { list, err = r.Subscriptions(t, alice); return err })
			return list
		}
		wantKind(t, subscribe("inbox", true), "")
		wantKind(t, subscribe("later/on", true), "")
		wantKind(t, subscribe("later/on", true), "")
		wantKind(t, subscribe("never", false), "")
		wantKind(t, subscribe("a//b", true), mail.Invalid)
		if got := names(); !slices.Equal(got, []string{"later/on"}) {
			t.Errorf("names %q", got)
		}
		r.create(alice, "later/on")
		r.wantPaths(alice, "INBOX=inbox+", "later", "later/on+")
		if got := names(); got != nil {
			t.Errorf("names %q", got)
		}
		wantKind(t, subscribe("later/on", false), "")
		r.wantPaths(alice, "INBOX=inbox+", "later", "later/on")
		r.wantPaths(bob, "INBOX=inbox")

		for first := 0; first < MaxSubscriptions; first += 900 {
			r.must(r.write(alice, func(t *tx.Tx) error {
				_, err := t.SQL().Exec(`INSERT INTO subscription (account_id, path)
					WITH RECURSIVE n (i) AS (SELECT CAST($2 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $3)
					SELECT $1, 'x' || i FROM n`, alice, first, min(first+900, MaxSubscriptions))
				return err
			}))
		}
		wantKind(t, subscribe("one more", true), mail.Limit)
	})
}

func TestRoles(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		a, b, in := r.create(alice, "a"), r.create(alice, "b"), r.path(alice, Inbox)
		give := func(m Mailbox, role Role) error {
			return r.write(alice, func(t *tx.Tx) error { return r.SetRole(t, alice, m.ID, role) })
		}
		wantKind(t, give(a, RoleTrash), "")
		wantKind(t, give(a, RoleTrash), "")
		wantKind(t, give(b, RoleTrash), mail.Exists)
		wantKind(t, give(a, ""), "")
		wantKind(t, give(b, RoleTrash), "")
		wantKind(t, give(b, "flagged"), mail.Invalid)
		wantKind(t, give(b, RoleInbox), mail.Invalid)
		wantKind(t, give(in, RoleSent), mail.Denied)
		r.wantPaths(alice, "INBOX=inbox", "a", "b=trash")
		r.read(func(x *tx.Tx) error {
			m, err := r.ByRole(x, alice, RoleTrash)
			if m.ID != b.ID {
				t.Errorf("trash is %+v", m)
			}
			_, none := r.ByRole(x, alice, RoleSent)
			wantKind(t, none, mail.NotFound)
			return err
		})
		r.sound(t, alice)
	})
}

func TestListOrder(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		for _, path := range []string{"A/b", "0", "INBOX/x", "ä"} {
			r.create(alice, path)
		}
		r.wantPaths(alice, "INBOX=inbox", "0", "A", "A/b", "INBOX/x", "ä")
		if m := r.path(alice, "inbox/x"); m.Path != "INBOX/x" {
			t.Errorf("path %q", m.Path)
		}
		r.read(func(x *tx.Tx) error {
			for path, kind := range map[string]mail.Kind{"nope": mail.NotFound, "A/b/c": mail.NotFound, "a": mail.NotFound, "": mail.Invalid} {
				_, err := r.ByPath(x, alice, path)
				wantKind(t, err, kind)
			}
			return nil
		})
	})
}
