package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// contents lists the messages of a mailbox: uid, flags.
func (r *room) contents(account mail.AccountID, id mail.MailboxID) string {
	r.t.Helper()
	v := r.view(account, id)
	var out []string
	for _, e := range v.All() {
		names := strings.Join(v.FlagsOf(e).Names(), " ")
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s", e.UID, names)))
	}
	return strings.Join(out, ", ")
}

func (r *room) wantContents(account mail.AccountID, id mail.MailboxID, want string) {
	r.t.Helper()
	if got := r.contents(account, id); got != want {
		r.t.Errorf("the mailbox has %q, want %q", got, want)
	}
}

func TestAppend(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		m := testMessage("one", `\Seen`, `\Deleted`, "$Junk", "zebra", "Apple")
		a := r.append(alice, in.ID, m)
		if a.UID != 1 || a.UIDValidity != in.UIDValidity || a.ModSeq <= in.ModSeq {
			t.Errorf("appended as %+v to %+v", a, in)
		}
		r.append(alice, in.ID, testMessage("two"))
		r.wantContents(alice, in.ID, `1 \Seen \Deleted $Junk Apple zebra, 2`)
		r.read(func(x *tx.Tx) error {
			e, err := r.Email(x, alice, a.Email)
			if e.Blob != m.Blob || e.Size != m.Size || string(e.Summary) != "summary of one" || e.Received != m.Received.UnixMilli() || e.Thread == 0 {
				t.Errorf("email %+v", e)
			}
			if err != nil {
				return err
			}
			places, err := r.Memberships(x, alice, a.Email)
			if len(places) != 1 || !places[0].Flags.Equal(flags(`\Seen`, `\Deleted`, "$Junk", "zebra", "apple")) {
				t.Errorf("memberships %+v", places)
			}
			return err
		})
		is := r.path(alice, Inbox)
		if is.Messages != 2 || is.Unseen != 1 || is.Deleted != 1 || is.Bytes != 206 || is.UIDNext != 3 {
			t.Errorf("the mailbox is %+v", is)
		}
		v := r.view(alice, in.ID)
		if v.Status() != is.Status {
			t.Errorf("the view has %+v, the row %+v", v.Status(), is.Status)
		}

		refused := func(id mail.MailboxID, m Message, kind mail.Kind) {
			t.Helper()
			wantKind(t, r.write(alice, func(t *tx.Tx) error { _, err := r.Append(t, alice, id, m); return err }), kind)
		}
		refused(999, testMessage("x"), mail.NotFound)
		m.Flags.Keywords = make([]string, mail.MaxKeywords+1)
		refused(in.ID, m, mail.Limit)
		r.sound(t, alice)
		r.must(r.write(alice, func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE mailbox SET uidnext = $2 WHERE id = $1`, in.ID, int64(maxUID))
			return err
		}))
		refused(in.ID, testMessage("no number is left"), mail.Limit)
		_, err := r.Copy(t.Context(), alice, in.ID, in.ID, set("1"))
		wantKind(t, err, mail.Limit)
	})
}

func TestReceived(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox).ID
		m := testMessage("x")
		m.Received = time.Date(1961, 4, 12, 6, 7, 0, 0, time.UTC)
		old := r.append(alice, in, m)
		m.Received = time.Time{}
		fresh := r.append(alice, in, m)
		r.read(func(x *tx.Tx) error {
			a, _ := r.Email(x, alice, old.Email)
			b, err := r.Email(x, alice, fresh.Email)
			if got := time.UnixMilli(a.Received).UTC().Year(); got != 1961 {
				t.Errorf("received in %d", got)
			}
			if age := x.Now().Sub(time.UnixMilli(b.Received)); age < 0 || age > time.Minute {
				t.Errorf("received %v ago", age)
			}
			return err
		})
	})
}

func TestThreads(t *testing.T) {
	long := make([]string, 200)
	for i := range long {
		long[i] = fmt.Sprintf("r%d", i)
	}
	type step struct {
		ids     string // own, in-reply-to, references
		subject string
		thread  int // number of the step that began it
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"reply", []step{{"a", "s", 0}, {"b a", "s", 0}, {"c b", "s", 0}}},
		{"reply with another subject", []step{{"a", "s", 0}, {"b a", "other", 1}, {"c b", "other", 1}}},
		{"stranger", []step{{"a", "s", 0}, {"b", "s", 1}}},
		{"two replies to what was never here", []step{{"b a", "s", 0}, {"c a", "s", 0}}},
		{"the parent comes last", []step{{"b a", "s", 0}, {"a", "s", 0}}},
		{"only the root is shared", []step{{"d c root b c", "s", 0}, {"g f root e f", "s", 0}}},
		{"a late link joins the older and merges nothing", []step{{"a", "s", 0}, {"b", "s", 1}, {"c a b", "s", 0}, {"d b", "s", 1}}},
		{"twice the same message", []step{{"a", "s", 0}, {"a", "s", 0}}},
		{"no ids", []step{{"", "s", 0}, {"", "s", 1}}},
		{"the nearest of many references", []step{{"r199", "s", 0}, {"x r198 " + strings.Join(long, " "), "s", 0}}},
		{"the root of many references", []step{{"r0", "s", 0}, {"x y " + strings.Join(long, " "), "s", 0}}},
		{"a reply to the nearest of many references", []step{{"x y " + strings.Join(long, " "), "s", 0}, {"z r199", "s", 0}}},
		{"a reply to the root of many references", []step{{"x y " + strings.Join(long, " "), "s", 0}, {"z r0", "s", 0}}},
		{"a reply to what it replied to", []step{{"x y " + strings.Join(long, " "), "s", 0}, {"z y", "s", 0}}},
		{"of many references few are kept", []step{{"x y " + strings.Join(long, " "), "s", 0}, {"z r5", "s", 1}}},
		{"one far from both ends of many is not looked up", []step{{"r100", "s", 0}, {"x y " + strings.Join(long, " "), "s", 1}}},
	}
	each(t, func(t *testing.T, r *room) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				account := mail.AccountID(2000 + i)
				r.addAccount(account)
				in := r.path(account, Inbox).ID
				var threads []mail.ThreadID
				for n, s := range tt.steps {
					m := testMessage(fmt.Sprint(n))
					m.MessageIDs, m.BaseSubject = strings.Fields(s.ids), s.subject
					threads = append(threads, r.append(account, in, m).Thread)
				}
				for n, s := range tt.steps {
					if threads[n] != threads[s.thread] || n != s.thread && threads[n] == 0 {
						t.Errorf("message %d is in the thread of message %d, want %d: %v", n, slices.Index(threads, threads[n]), s.thread, threads)
					}
				}
				var kept int
				r.read(func(t *tx.Tx) error {
					return t.SQL().QueryRow(`SELECT COUNT(*) FROM thread_ref WHERE account_id = $1`, account).Scan(&kept)
				})
				if kept > keptThreadRefs*len(tt.steps) {
					t.Errorf("%d references are kept", kept)
				}
			})
		}
	})
}

func TestSweepThreads(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.rowsPerStep = 30
		in := r.path(alice, Inbox)
		r.fill(alice, in.ID, 100)
		bobs := r.path(bob, Inbox).ID
		r.fill(bob, bobs, 3)
		sweep := func(want int64) {
			t.Helper()
			if gone, err := r.SweepThreads(t.Context(), alice); gone != want || err != nil {
				t.Errorf("%d references went, %v; want %d", gone, err, want)
			}
		}
		sweep(0)
		_, err := r.Remove(t.Context(), alice, in.ID, set("1:90"))
		r.must(err)
		r.must(r.write(bob, func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`DELETE FROM email WHERE account_id = $1`, bob)
			return err
		}))
		sweep(90)
		sweep(0)
		_, err = r.Remove(t.Context(), alice, in.ID, set("91:100"))
		r.must(err)
		sweep(10)
		if gone, _ := r.SweepThreads(t.Context(), bob); gone != 3 {
			t.Errorf("bob lost %d", gone)
		}
	})
}

func TestStoreFlags(t *testing.T) {
	tests := []struct {
		name   string
		change FlagChange
		uids   string
		want   string // of messages 1 (no flags), 2 (\Seen work), 3 (\Seen \Deleted)
		count  int
	}{
		{"add", FlagChange{Op: AddFlags, Flags: flags(`\Flagged`)}, "1:3", `1 \Flagged, 2 \Seen \Flagged work, 3 \Seen \Flagged \Deleted`, 3},
		{"add what is there", FlagChange{Op: AddFlags, Flags: flags(`\Seen`)}, "1:3", `1 \Seen, 2 \Seen work, 3 \Seen \Deleted`, 1},
		{"add a keyword in another case", FlagChange{Op: AddFlags, Flags: flags("WORK")}, "2", `1, 2 \Seen work, 3 \Seen \Deleted`, 0},
		{"add a keyword", FlagChange{Op: AddFlags, Flags: flags("a", "z")}, "1:3", `1 a z, 2 \Seen a work z, 3 \Seen \Deleted a z`, 3},
		{"remove", FlagChange{Op: RemoveFlags, Flags: flags(`\Seen`)}, "1:3", `1, 2 work, 3 \Deleted`, 2},
		{"remove a keyword", FlagChange{Op: RemoveFlags, Flags: flags("Work")}, "1:3", `1, 2 \Seen, 3 \Seen \Deleted`, 1},
		{"set", FlagChange{Flags: flags(`\Draft`, "x")}, "1:2", `1 \Draft x, 2 \Draft x, 3 \Seen \Deleted`, 2},
		{"set nothing", FlagChange{}, "1:3", `1, 2, 3`, 2},
		{"set what is there", FlagChange{Flags: flags("work", `\Seen`)}, "2", `1, 2 \Seen work, 3 \Seen \Deleted`, 0},
		{"deleted", FlagChange{Op: AddFlags, Flags: flags(`\Deleted`)}, "1,3", `1 \Deleted, 2 \Seen work, 3 \Seen \Deleted`, 1},
		{"no such uid", FlagChange{Op: AddFlags, Flags: flags(`\Draft`)}, "7:9", `1, 2 \Seen work, 3 \Seen \Deleted`, 0},
		{"empty set", FlagChange{Op: AddFlags, Flags: flags(`\Draft`)}, "", `1, 2 \Seen work, 3 \Seen \Deleted`, 0},
	}
	each(t, func(t *testing.T, r *room) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				m := r.create(alice, fmt.Sprint("box", i))
				r.append(alice, m.ID, testMessage("1"))
				r.append(alice, m.ID, testMessage("2", `\Seen`, "work"))
				before := r.append(alice, m.ID, testMessage("3", `\Seen`, `\Deleted`))
				done, err := r.StoreFlags(t.Context(), alice, m.ID, set(tt.uids), tt.change)
				if err != nil || done.Changed != tt.count || len(done.Modified) > 0 || (done.ModSeq > before.ModSeq) != (tt.count > 0) {
					t.Errorf("%+v, %v; want %d changed", done, err, tt.count)
				}
				r.wantContents(alice, m.ID, tt.want)
				for _, e := range r.view(alice, m.ID).All() {
					if e.ModSeq > before.ModSeq {
						tt.count--
					}
				}
				if tt.count != 0 {
					t.Errorf("%d messages too few have a new modseq", tt.count)
				}
			})
		}
		r.sound(t, alice)
		_, err := r.StoreFlags(t.Context(), alice, 999, set("1"), FlagChange{})
		wantKind(t, err, mail.NotFound)
	})
}

func TestStoreFlagsUnchangedSince(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		r.fill(alice, in.ID, 10)
		since := r.view(alice, in.ID).Status().ModSeq
		_, err := r.StoreFlags(t.Context(), alice, in.ID, set("3,7:8"), FlagChange{Op: AddFlags, Flags: flags(`\Seen`)})
		r.must(err)
		r.rowsPerStep = 9 // three messages a step
		done, err := r.StoreFlags(t.Context(), alice, in.ID, set("1:20"), FlagChange{Op: AddFlags, Flags: flags("x"), Conditional: true, UnchangedSince: since})
		if err != nil || done.Changed != 7 || done.Modified.String() != "3,7:8" {
			t.Errorf("%+v, %v", done, err)
		}
		done, err = r.StoreFlags(t.Context(), alice, in.ID, set("1:2"), FlagChange{Op: AddFlags, Flags: flags("y"), Conditional: true}) // UNCHANGEDSINCE 0
		if err != nil || done.Changed != 0 || done.Modified.String() != "1:2" {
			t.Errorf("%+v, %v", done, err)
		}
		r.sound(t, alice)
	})
}

func TestKeywordLimit(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		r.append(alice, in.ID, testMessage("1"))
		var names []string
		for i := range mail.MaxKeywords {
			names = append(names, fmt.Sprintf("k%03d", i))
		}
		_, err := r.StoreFlags(t.Context(), alice, in.ID, set("1"), FlagChange{Op: AddFlags, Flags: flags(names...)})
		wantKind(t, err, "")
		_, err = r.StoreFlags(t.Context(), alice, in.ID, set("1"), FlagChange{Op: AddFlags, Flags: flags("one.more")})
		wantKind(t, err, mail.Limit)
		if v := r.view(alice, in.ID); len(v.KeywordsInUse()) != mail.MaxKeywords {
			t.Errorf("%d keywords in use", len(v.KeywordsInUse()))
		}
	})
}

// Flags of a message that lies in several mailboxes: all but \Deleted are the email's.
func TestFlagsOfAnEmailInSeveralMailboxes(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in, other := r.path(alice, Inbox), r.create(alice, "other")
		r.append(alice, in.ID, testMessage("1"))
		_, err := r.Copy(t.Context(), alice, in.ID, other.ID, set("1"))
		r.must(err)
		store := func(id mail.MailboxID, names ...string) mail.ModSeq {
			done, err := r.StoreFlags(t.Context(), alice, id, set("1"), FlagChange{Op: AddFlags, Flags: flags(names...)})
			r.must(err)
			return done.ModSeq
		}
		store(other.ID, `\Deleted`)
		was := r.view(alice, in.ID)
		r.wantContents(alice, in.ID, "1")
		store(in.ID, `\Seen`, "x")
		r.wantContents(alice, in.ID, `1 \Seen x`)
		r.wantContents(alice, other.ID, `1 \Seen \Deleted x`)
		if d := Compare(was, r.view(alice, in.ID)); len(d.Changed) != 1 {
			t.Errorf("diff %+v", d)
		}
		if b := r.path(alice, "other"); b.Unseen != 0 || b.Deleted != 1 {
			t.Errorf("counters %+v", b)
		}
		r.sound(t, alice)
	})
}

// Work on more rows than one commit may change, in patterns that need ranges, lists and both.
func TestLargeStoreCopyMoveExpunge(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in, to := r.path(alice, Inbox), r.create(alice, "to")
		const n = 1300
		r.fill(alice, in.ID, n)
		store := func(uids string, op FlagOp, names ...string) {
			t.Helper()
			_, err := r.StoreFlags(t.Context(), alice, in.ID, set(uids), FlagChange{Op: op, Flags: flags(names...)})
			r.must(err)
		}
		var thirds []string
		for uid := 3; uid <= n; uid += 3 {
			thirds = append(thirds, fmt.Sprint(uid))
		}
		before := r.view(alice, in.ID)
		store(strings.Join(thirds, ","), AddFlags, "third")
		store("100:1250", AddFlags, `\Flagged`)
		store("1:1300", AddFlags, `\Seen`)
		store("400:420,500,600:1200", RemoveFlags, "third")
		store("1200:1300", SetFlags, `\Deleted`)
		v := r.view(alice, in.ID)
		for seq, e := range v.All() {
			uid := int(e.UID)
			want := mail.Seen
			if uid >= 100 && uid <= 1250 {
				want |= mail.Flagged
			}
			third := uid%3 == 0 && !(uid >= 400 && uid <= 420 || uid == 500 || uid >= 600 && uid <= 1200)
			if uid >= 1200 {
				want, third = mail.Deleted, false
			}
			if e.Flags != want || (len(v.Keywords(e)) > 0) != third {
				t.Fatalf("message %d has %v %v, want %v, third: %v", seq, e.Flags, v.Keywords(e), want, third)
			}
		}
		if d := Compare(before, v); len(d.Changed) != n {
			t.Errorf("%d changed", len(d.Changed))
		}
		r.sound(t, alice)

		c, err := r.Copy(t.Context(), alice, in.ID, to.ID, set("1:700"))
		if err != nil || c.Source.String() != "1:700" || c.Target.String() != "1:700" || c.UIDValidity != to.UIDValidity {
			t.Fatalf("copied %+v, %v", c, err)
		}
		c, err = r.Move(t.Context(), alice, in.ID, to.ID, set("500:1300")) // some are there already
		if err != nil || c.Source.String() != "500:1300" || c.Target.String() != "701:1501" {
			t.Fatalf("moved %+v, %v", c, err)
		}
		r.sound(t, alice)
		gone, err := r.Expunge(t.Context(), alice, to.ID, r.view(alice, to.ID).Flagged(mail.Deleted))
		if err != nil || gone != 101 {
			t.Fatalf("%d expunged, %v", gone, err)
		}
		gone, err = r.Remove(t.Context(), alice, to.ID, set("1:600"))
		if err != nil || gone != 600 {
			t.Fatalf("%d removed, %v", gone, err)
		}
		if in, to := r.path(alice, Inbox), r.path(alice, "to"); in.Messages != 499 || to.Messages != 800 {
			t.Errorf("%d and %d messages are left", in.Messages, to.Messages)
		}
		r.sound(t, alice)
		r.must(r.Delete(t.Context(), alice, to.ID))
		if left, notes := r.rowsLeft(alice); left+notes != 0 {
			t.Errorf("%d memberships and %d notes are left", left, notes)
		}
		r.sound(t, alice)
	})
}

func TestCopyIntoTheSameMailbox(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		a := r.append(alice, in.ID, testMessage("1", `\Seen`, "x"))
		_, err := r.Copy(t.Context(), alice, in.ID, in.ID, set("1:9"))
		r.must(err)
		r.wantContents(alice, in.ID, `1 \Seen x, 2 \Seen x`)
		v := r.view(alice, in.ID)
		r.read(func(x *tx.Tx) error {
			e, err := r.Email(x, alice, v.At(2).Email)
			if e.ID == a.Email || e.Thread != a.Thread || string(e.Summary) != "summary of 1" || e.Blob != blobOf("1") {
				t.Errorf("the copy is %+v", e)
			}
			return err
		})
		c, err := r.Move(t.Context(), alice, in.ID, in.ID, set("1"))
		r.must(err)
		if r.wantContents(alice, in.ID, `2 \Seen x, 3 \Seen x`); c.Target.String() != "3" || r.view(alice, in.ID).At(2).Email != a.Email {
			t.Errorf("moved %+v", c)
		}
		r.sound(t, alice)
	})
}

func TestAnEmailInTooManyMailboxesIsCopiedAsANewOne(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		a := r.append(alice, in.ID, testMessage("1"))
		var last mail.MailboxID
		for i := range MaxMailboxesPerEmail {
			last = r.create(alice, fmt.Sprint(i)).ID
			_, err := r.Copy(t.Context(), alice, in.ID, last, set("1"))
			r.must(err)
		}
		r.read(func(x *tx.Tx) error {
			places, err := r.Memberships(x, alice, a.Email)
			if len(places) != MaxMailboxesPerEmail {
				t.Errorf("the email is in %d mailboxes", len(places))
			}
			return err
		})
		if e := r.view(alice, last).At(1); e.Email == a.Email || e.Email == 0 {
			t.Errorf("the last copy is %+v", e)
		}
		to := r.create(alice, "to")
		_, err := r.Move(t.Context(), alice, in.ID, to.ID, set("1")) // which adds no mailbox
		r.must(err)
		if e := r.view(alice, to.ID).At(1); e.Email != a.Email {
			t.Errorf("moved as %+v", e)
		}
		// One change of flags changes all hundred.
		_, err = r.StoreFlags(t.Context(), alice, to.ID, set("1"), FlagChange{Op: AddFlags, Flags: flags(`\Seen`)})
		r.must(err)
		r.sound(t, alice)
	})
}

// brokenBodies fails after some calls.
type brokenBodies struct {
	fakeBodies
	left *int
}

var errBroken = errors.New("the disk is gone")

func (b brokenBodies) HoldAgain(t *tx.Tx, account mail.AccountID, blob mail.BlobID) error {
	if *b.left--; *b.left < 0 {
		return errBroken
	}
	return b.fakeBodies.HoldAgain(t, account, blob)
}

func TestAFailedCopyLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		r.fill(alice, in.ID, 50)
		r.rowsPerStep = 30 // five copies into the same mailbox a step
		left := 23
		r.bodies = brokenBodies{left: &left}
		c, err := r.Copy(t.Context(), alice, in.ID, in.ID, set("1:50"))
		if !errors.Is(err, errBroken) || len(c.Target) != 0 {
			t.Errorf("%+v, %v", c, err)
		}
		is := r.path(alice, Inbox)
		if is.Messages != 50 || is.UIDNext != 71 { // RFC 9051 6.4.7: UIDNEXT may have grown
			t.Errorf("%+v", is)
		}
		if memberships, notes := r.rowsLeft(alice); memberships+notes != 0 {
			t.Errorf("%d notes are left", notes)
		}
		r.sound(t, alice)
	})
}

func TestAnInterruptedCopyIsUndone(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in, to := r.path(alice, Inbox), r.create(alice, "to")
		r.fill(alice, in.ID, 50)
		r.append(alice, to.ID, testMessage("was here"))
		r.rowsPerStep = 30
		r.must(r.write(alice, func(t *tx.Tx) error { // one step, then the process dies
			step, err := r.copy(t, alice, in.ID, to.ID, set("1:50"))
			if err == nil {
				_, err = noteCopy(t, alice, 0, to.ID, step.Target, true)
			}
			return err
		}))
		r.must(r.Finish(t.Context(), 10*time.Minute)) // it may still be going on
		if n := r.view(alice, to.ID).Len(); n != 16 {
			t.Fatalf("%d messages", n)
		}
		r.must(r.Finish(t.Context(), 0))
		r.wantContents(alice, to.ID, "1")
		if memberships, notes := r.rowsLeft(alice); memberships+notes != 0 {
			t.Errorf("%d notes are left", notes)
		}
		r.sound(t, alice)
	})
}

func TestExpunge(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in, other := r.path(alice, Inbox), r.create(alice, "other")
		kept := r.append(alice, in.ID, testMessage("1", `\Deleted`))
		gone := r.append(alice, in.ID, testMessage("2", `\Deleted`))
		r.append(alice, in.ID, testMessage("3"))
		_, err := r.Copy(t.Context(), alice, in.ID, other.ID, set("1"))
		r.must(err)
		n, err := r.Expunge(t.Context(), alice, in.ID, set("1:3"))
		if err != nil || n != 2 {
			t.Errorf("%d, %v", n, err)
		}
		r.wantContents(alice, in.ID, "3")
		r.wantContents(alice, other.ID, `1 \Deleted`)
		r.read(func(x *tx.Tx) error {
			_, err := r.Email(x, alice, gone.Email)
			wantKind(t, err, mail.NotFound)
			_, err = r.Email(x, alice, kept.Email)
			return err
		})
		_, err = r.Expunge(t.Context(), alice, 999, set("1"))
		wantKind(t, err, mail.NotFound)
		r.sound(t, alice)
	})
}

// RFC 8508 3.2: the new message and the end of the old one are one commit, or nothing.
func TestReplaceIsOneCommit(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in, other := r.path(alice, Inbox), r.create(alice, "other")
		old := r.append(alice, in.ID, testMessage("1"))
		shared := r.append(alice, in.ID, testMessage("2"))
		_, err := r.Copy(t.Context(), alice, in.ID, other.ID, set("2"))
		r.must(err)
		replace := func(uid mail.UID) error {
			m := testMessage("new")
			return r.write(alice, func(x *tx.Tx) error {
				if err := hold(x, alice, m.Blob); err != nil {
					return err
				}
				if _, err := r.Append(x, alice, in.ID, m); err != nil {
					return err
				}
				return r.As(alice).RemoveOne(x, alice, in.ID, uid)
			})
		}
		r.must(replace(old.UID))
		r.wantContents(alice, in.ID, "2, 3")
		wantKind(t, replace(old.UID), mail.NotFound)
		wantKind(t, replace(99), mail.NotFound)
		r.wantContents(alice, in.ID, "2, 3")
		r.must(replace(shared.UID))
		r.wantContents(alice, in.ID, "3, 4")
		r.wantContents(alice, other.ID, "1")
		r.sound(t, alice)
	})
}

// What is between messages that go stays, however the deletion is put into statements.
func TestExpungeLeavesWhatIsBetween(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		for uid := 1; uid <= 60; uid++ {
			if uid%20 == 10 {
				r.append(alice, in.ID, testMessage("stays"))
				continue
			}
			r.append(alice, in.ID, testMessage("goes", `\Deleted`))
		}
		n, err := r.Expunge(t.Context(), alice, in.ID, set("1:60"))
		if err != nil || n != 57 {
			t.Errorf("%d, %v", n, err)
		}
		r.wantContents(alice, in.ID, "10, 30, 50")
		r.sound(t, alice)
	})
}

// A change that reaches many memberships of each email keeps to the rows that one commit may change.
func TestFlagsOfManyEmailsInSeveralMailboxes(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		r.fill(alice, in.ID, 200)
		for i := range 4 {
			to := r.create(alice, fmt.Sprint(i))
			_, err := r.Copy(t.Context(), alice, in.ID, to.ID, set("1:200"))
			r.must(err)
		}
		done, err := r.StoreFlags(t.Context(), alice, in.ID, set("1:200"), FlagChange{Op: AddFlags, Flags: flags(`\Seen`)})
		if err != nil || done.Changed != 200 {
			t.Errorf("%+v, %v", done, err)
		}
		if m := r.path(alice, "3"); m.Unseen != 0 {
			t.Errorf("%+v", m)
		}
		r.sound(t, alice)
	})
}

func TestQuota(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		check := func(messages, bytes int64) (err error) {
			r.read(func(t *tx.Tx) error { err = r.CheckQuota(t, alice, messages, bytes); return nil })
			return err
		}
		wantKind(t, check(1_000_000, 1<<60), "") // no limit
		r.must(r.write(alice, func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE account SET quota_bytes = 250, quota_messages = 3 WHERE id = $1`, alice)
			return err
		}))
		r.append(alice, in.ID, testMessage("1")) // 101 bytes
		wantKind(t, check(1, 149), "")
		wantKind(t, check(1, 150), mail.OverQuota)
		wantKind(t, check(2, 0), "")
		wantKind(t, check(3, 0), mail.OverQuota)
		other := r.create(alice, "other")
		_, err := r.Copy(t.Context(), alice, in.ID, other.ID, set("1")) // the same email: counted once
		r.must(err)
		wantKind(t, check(1, 149), "")
		for i := range 3 { // what was in flight goes over
			r.append(alice, in.ID, testMessage(fmt.Sprint("over", i)))
		}
		wantKind(t, check(0, 0), mail.OverQuota)
		_, err = r.Remove(t.Context(), alice, in.ID, set("1:9"))
		r.must(err)
		wantKind(t, check(1, 149), "") // "1" is still in the other mailbox
		r.read(func(x *tx.Tx) error { wantKind(t, r.CheckQuota(x, 999, 1, 1), mail.NotFound); return nil })
		r.sound(t, alice)
	})
}
