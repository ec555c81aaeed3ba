package mailbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// logged runs fn and returns what it wrote into alice's change log, one line a change.
func (r *room) logged(names map[int64]string, fn func()) (lines []string) {
	r.t.Helper()
	var state mail.ModSeq
	r.read(func(t *tx.Tx) (err error) { state, _, err = t.State(alice); return err })
	fn()
	r.read(func(t *tx.Tx) error {
		return t.Changes(alice, state, func(c tx.Change) bool {
			kind := map[tx.Kind]string{tx.KindMailbox: "mailbox", tx.KindEmail: "email", tx.KindMembership: "membership",
				tx.KindThread: "thread", tx.KindSettings: "settings", tx.KindAnnotation: "annotation", tx.KindShown: "shown", tx.KindRights: "rights"}[c.Kind]
			op := map[tx.Op]string{tx.Created: "created", tx.Updated: "updated", tx.Destroyed: "destroyed"}[c.Op]
			line := kind + " " + op
			if name := names[c.Object]; name != "" {
				line += " " + name
			}
			if c.Mailbox != 0 {
				line += " in " + names[int64(c.Mailbox)]
			}
			if c.UID != 0 {
				line += fmt.Sprintf(" uid %d", c.UID)
			}
			lines = append(lines, line)
			return true
		})
	})
	return lines
}

func TestWhatTheChangeLogSays(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		names := map[int64]string{int64(in.ID): "INBOX"}
		var other Mailbox
		var a, b Appended
		steps := []struct {
			name string
			do   func()
			want string
		}{
			{"create", func() { other = r.create(alice, "other"); names[int64(other.ID)] = "other" }, "mailbox created other"},
			{"append", func() { a = r.append(alice, in.ID, testMessage("1")); names[int64(a.Email)] = "A" },
				"email created A, membership created A in INBOX uid 1"},
			{"append a reply", func() {
				m := testMessage("2")
				m.MessageIDs, m.BaseSubject = []string{"2", "1@example.org"}, "1"
				b = r.append(alice, in.ID, m)
				names[int64(b.Email)] = "B"
			}, "email created B, membership created B in INBOX uid 2"},
			{"copy", func() { r.Copy(t.Context(), alice, in.ID, other.ID, set("1")) }, "membership created A in other uid 1"},
			{"keyword", func() {
				r.StoreFlags(t.Context(), alice, in.ID, set("1"), FlagChange{Op: AddFlags, Flags: flags("x")})
			}, "membership updated A in INBOX uid 1, membership updated A in other uid 1"},
			{"deleted", func() {
				r.StoreFlags(t.Context(), alice, in.ID, set("1:2"), FlagChange{Op: AddFlags, Flags: flags(`\Deleted`)})
			}, "membership updated A in INBOX uid 1, shown destroyed A in INBOX uid 1, membership updated B in INBOX uid 2, shown destroyed B in INBOX uid 2"},
			{"nothing", func() {
				r.StoreFlags(t.Context(), alice, in.ID, set("1:2"), FlagChange{Op: AddFlags, Flags: flags(`\Deleted`)})
			}, ""},
			{"recent", func() { r.TakeRecent(t.Context(), alice, in.ID) }, ""},
			{"expunge", func() { r.Expunge(t.Context(), alice, in.ID, set("1:2")) },
				"email destroyed B, thread updated A in INBOX, membership destroyed A in INBOX uid 1, membership destroyed B in INBOX uid 2"},
			{"move", func() { r.Move(t.Context(), alice, other.ID, in.ID, set("1")) },
				"membership destroyed A in other uid 1, membership created A in INBOX uid 3"},
			{"rename", func() {
				r.write(alice, func(t *tx.Tx) error { _, err := r.rename(t, alice, other.ID, "renamed"); return err })
			}, "mailbox updated other"},
			{"subscribe", func() { r.write(alice, func(t *tx.Tx) error { return r.SetSubscribed(t, alice, "renamed", true) }) },
				"mailbox updated other"},
			{"subscribe to a name", func() { r.write(alice, func(t *tx.Tx) error { return r.SetSubscribed(t, alice, "none", true) }) },
				"settings updated"},
			{"role", func() { r.write(alice, func(t *tx.Tx) error { return r.SetRole(t, alice, other.ID, RoleSent) }) },
				"mailbox updated other"},
			{"move back", func() { r.Move(t.Context(), alice, in.ID, other.ID, set("3")) },
				"membership destroyed A in INBOX uid 3, membership created A in other uid 2"},
			// The thread has the id of its first email.
			{"delete", func() { r.Delete(t.Context(), alice, other.ID) }, "mailbox destroyed other, rights destroyed other, email destroyed A, thread destroyed A in other"},
		}
		for _, s := range steps {
			if got := strings.Join(r.logged(names, s.do), ", "); got != s.want {
				t.Errorf("%s: logged %q, want %q", s.name, got, s.want)
			}
		}
		r.sound(t, alice)
	})
}

// A thread whose first email is gone, whose id it has, lives on with the answers.
func TestThreadOutlivesItsFirst(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		first := r.append(alice, in.ID, testMessage("1"))
		answer := func(text string) Appended {
			m := testMessage(text)
			m.MessageIDs, m.BaseSubject = append(m.MessageIDs, "1@example.org"), "1"
			a := r.append(alice, in.ID, m)
			if a.Thread != first.Thread {
				t.Errorf("the answer %s is in thread %v, want %v", text, a.Thread, first.Thread)
			}
			return a
		}
		names := map[int64]string{int64(in.ID): "INBOX", int64(first.Email): "A", int64(answer("2").Email): "B"}
		remove := func(uids, want string) {
			t.Helper()
			got := r.logged(names, func() { _, err := r.Remove(t.Context(), alice, in.ID, set(uids)); r.must(err) })
			if !slices.Contains(got, want) {
				t.Errorf("without %s: logged %q, want %q", uids, got, want)
			}
		}
		remove("1", "thread updated A in INBOX")
		if gone, err := r.SweepThreads(t.Context(), alice); gone != 0 || err != nil {
			t.Errorf("%d references of a living thread went, %v", gone, err)
		}
		answer("3")
		remove("2:3", "thread destroyed A in INBOX")
		if gone, err := r.SweepThreads(t.Context(), alice); gone != 3 || err != nil {
			t.Errorf("%d references went, %v; want 3", gone, err)
		}
	})
}

func TestTrimLog(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.clock = time.Now()
		r.logRows = 100
		in := r.path(alice, Inbox)
		r.fill(alice, in.ID, 100) // 200 rows
		_, err := r.Remove(t.Context(), alice, in.ID, set("10:20"))
		r.must(err)
		r.fill(alice, in.ID, 500) // so that the log forgets what was removed
		view := r.view(alice, in.ID)
		trim := func() int64 {
			gone, err := r.TrimLog(t.Context(), alice)
			r.must(err)
			return gone
		}
		if gone := trim(); gone != 0 {
			t.Errorf("%d rows went before their time", gone)
		}
		r.clock = r.clock.Add(LogKept - time.Minute)
		r.append(alice, in.ID, testMessage("young"))
		r.clock = r.clock.Add(2 * time.Minute)
		gone := trim()
		var left, floor int64
		r.read(func(t *tx.Tx) error {
			if err := t.SQL().QueryRow(`SELECT COUNT(*) FROM change WHERE account_id = $1`, alice).Scan(&left); err != nil {
				return err
			}
			return t.SQL().QueryRow(`SELECT log_floor FROM account WHERE id = $1`, alice).Scan(&floor)
		})
		if gone < 800 || left < 100 || left > 100+256 || floor == 0 { // whole numbers go, of up to 256 rows
			t.Errorf("%d rows went, %d are left, floor %d", gone, left, floor)
		}
		if again := trim(); again != 0 {
			t.Errorf("%d more rows went", again)
		}
		r.sound(t, alice)

		// Below the floor: the log says so, and VANISHED names all that is not there.
		r.read(func(x *tx.Tx) error {
			wantKind(t, x.Changes(alice, 1, func(tx.Change) bool { return true }), mail.Gone)
			for since, want := range map[mail.ModSeq]string{1: "10:20", view.Status().ModSeq: ""} {
				got, err := r.Vanished(x, alice, in.ID, since, set("1:4294967295"))
				if err != nil || got.String() != want {
					t.Errorf("vanished since %d: %s, %v; want %s", since, got, err, want)
				}
			}
			return nil
		})
		if v := r.view(alice, in.ID); v.Len() != 590 {
			t.Errorf("%d messages", v.Len())
		}
		// While it is young the log is kept, however long it is.
		r.clock = time.Now()
		if gone, err := r.TrimLog(t.Context(), bob); gone != 0 || err != nil {
			t.Errorf("bob lost %d rows, %v", gone, err)
		}
	})
}

func TestVanished(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in, other := r.path(alice, Inbox), r.create(alice, "other")
		since := func() mail.ModSeq { return r.path(alice, Inbox).ModSeq }
		vanished := func(since mail.ModSeq, known string) (got imap.Set) {
			r.read(func(t *tx.Tx) (err error) { got, err = r.Vanished(t, alice, in.ID, since, set(known)); return err })
			return got
		}
		if got := vanished(0, "1:4294967295"); len(got) != 0 {
			t.Errorf("of a new mailbox: %s", got)
		}
		r.fill(alice, in.ID, 20)
		start := since()
		r.Remove(t.Context(), alice, in.ID, set("2:3"))
		middle := since()
		r.Move(t.Context(), alice, in.ID, other.ID, set("10"))
		r.Remove(t.Context(), alice, other.ID, set("1"))
		for _, tt := range []struct {
			since mail.ModSeq
			known string
			want  string
		}{
			{start, "1:4294967295", "2:3,10"}, {start, "3:5", "3"}, {middle, "1:20", "10"}, {since(), "1:20", ""}, {start, "", ""},
		} {
			if got := vanished(tt.since, tt.known); got.String() != tt.want {
				t.Errorf("since %d of %s: %s, want %s", tt.since, tt.known, got, tt.want)
			}
		}
	})
}

func TestRecent(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		take := func() mail.UID {
			from, err := r.TakeRecent(t.Context(), alice, in.ID)
			r.must(err)
			return from
		}
		count := func() (n int) {
			m := r.path(alice, Inbox)
			r.read(func(t *tx.Tx) error {
				counts, err := r.Recent(t, alice, []Mailbox{m})
				n = int(counts[m.ID])
				return err
			})
			return n
		}
		if from, n := take(), count(); from != 1 || n != 0 {
			t.Errorf("empty: from %d, %d", from, n)
		}
		r.fill(alice, in.ID, 5)
		r.Remove(t.Context(), alice, in.ID, set("2"))
		if n := count(); n != 4 {
			t.Errorf("%d are recent, want 4", n)
		}
		r.view(alice, in.ID)
		if from := take(); from != 1 {
			t.Errorf("recent from %d", from)
		}
		if v := r.view(alice, in.ID); v.Status().RecentFrom != 6 {
			t.Errorf("the view says from %d", v.Status().RecentFrom)
		}
		if from, n := take(), count(); from != 6 || n != 0 {
			t.Errorf("taken twice: from %d, %d", from, n)
		}
	})
}

func TestStatesAndPurge(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		for _, id := range []mail.AccountID{alice, bob} {
			r.mustAnnotate(id, id, OfServer, "/private/x", "y")
			r.must(r.grant(id, r.path(id, Inbox).ID, SetRights, Grant{Grantee: Anyone, Rights: mail.RightRead}))
		}
		r.must(r.grant(alice, in.ID, SetRights, Grant{Grantee: bob, Rights: mail.RightRead}))
		r.must(r.grant(bob, r.path(bob, Inbox).ID, SetRights, Grant{Grantee: alice, Rights: mail.RightRead}))
		r.fill(alice, in.ID, 150)
		r.append(bob, r.path(bob, Inbox).ID, testMessage("bob's"))
		_, err := r.StoreFlags(t.Context(), bob, r.path(bob, Inbox).ID, set("1"), FlagChange{Op: AddFlags, Flags: flags(KeywordMuted)})
		r.must(err)
		var ids []mail.AccountID
		for id := range mail.AccountID(1000) {
			ids = append(ids, id+1)
		}
		states, err := r.States(t.Context(), ids)
		r.must(err)
		slices.SortFunc(states, func(a, b mail.StateChange) int { return int(a.Account - b.Account) })
		if len(states) != 2 || states[0].Account != alice || states[0].State < r.path(alice, Inbox).ModSeq || states[1].Account != bob {
			t.Errorf("states %v", states)
		}
		r.rowsPerStep = 100
		steps := 0
		for more := true; more; steps++ {
			r.must(r.write(alice, func(t *tx.Tx) (err error) { more, err = r.Purge(t, alice); return err }))
		}
		if steps < 3 {
			t.Errorf("purged in %d steps", steps)
		}
		for _, table := range roomTables {
			for account, want := range map[mail.AccountID]bool{alice: false, bob: table.name != "subscription" && table.name != "unfinished"} {
				var n int
				r.read(func(t *tx.Tx) error {
					return t.SQL().QueryRow(`SELECT COUNT(*) FROM `+table.name+` WHERE account_id = $1`, account).Scan(&n)
				})
				if n > 0 != want {
					t.Errorf("%d rows of %v in %s", n, account, table.name)
				}
			}
		}
	})
}
