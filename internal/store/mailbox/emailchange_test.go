package mailbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// change makes changes in as many commits as they need, and returns what was refused.
func (r *room) change(who, owner mail.AccountID, list ...EmailChange) (refused []error) {
	r.t.Helper()
	for len(list) > 0 {
		var out EmailsChanged
		r.must(r.write(owner, func(t *tx.Tx) (err error) {
			out, err = r.As(who).ChangeEmails(t, owner, list)
			return err
		}))
		if len(out.Refused) == 0 {
			r.t.Fatal("a commit had room for nothing")
		}
		if last := r.lastEmail(owner); out.ModSeq != 0 && last != out.ModSeq {
			r.t.Fatalf("the last number of an email is %d, told was %d", last, out.ModSeq)
		}
		refused = append(refused, out.Refused...)
		list = list[len(out.Refused):]
	}
	return refused
}

func (r *room) lastEmail(account mail.AccountID) (last mail.ModSeq) {
	r.read(func(t *tx.Tx) (err error) {
		last, err = t.LastOf(account, tx.KindEmail, tx.KindMembership, tx.KindShown)
		return err
	})
	return last
}

// into keeps a message in several mailboxes.
func (r *room) into(who, owner mail.AccountID, m Message, ids ...mail.MailboxID) (a Appended, err error) {
	err = r.write(owner, func(t *tx.Tx) (err error) {
		if err := hold(t, owner, m.Blob); err != nil {
			return err
		}
		a, err = r.As(who).AppendInto(t, owner, ids, m)
		return err
	})
	return a, err
}

func TestAppendInto(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		inbox, folder, closed := r.path(alice, Inbox), r.create(alice, "folder"), r.create(alice, "closed")
		a, err := r.into(alice, alice, testMessage("m", `\Seen`, "x"), folder.ID, inbox.ID, folder.ID)
		r.must(err)
		r.wantContents(alice, inbox.ID, `1 \Seen x`)
		r.wantContents(alice, folder.ID, `1 \Seen x`)
		if last := r.lastEmail(alice); last != a.ModSeq {
			t.Errorf("last %d, told %d", last, a.ModSeq)
		}
		r.must(r.grant(alice, folder.ID, SetRights, Grant{Grantee: bob, Rights: mail.RightLookup | mail.RightRead | mail.RightInsert | mail.RightSeen}))
		r.must(r.grant(alice, inbox.ID, SetRights, Grant{Grantee: bob, Rights: mail.RightLookup | mail.RightRead}))
		if _, err := r.into(bob, alice, testMessage("n", `\Seen`, `\Flagged`, "x"), folder.ID); err != nil {
			t.Error(err)
		}
		r.wantContents(alice, folder.ID, `1 \Seen x, 2 \Seen`)
		var tooMany []mail.MailboxID
		for i := range MaxMailboxesPerEmail + 1 {
			tooMany = append(tooMany, mail.MailboxID(1000+i))
		}
		for name, tt := range map[string]struct {
			ids  []mail.MailboxID
			want error
			kind mail.Kind
		}{
			"nowhere":               {nil, ErrNowhere, mail.Invalid},
			"not there":             {[]mail.MailboxID{folder.ID, 99}, ErrNoPlace, mail.Invalid},
			"not to be seen":        {[]mail.MailboxID{closed.ID}, ErrNoPlace, mail.Invalid},
			"not to be inserted to": {[]mail.MailboxID{folder.ID, inbox.ID}, nil, mail.Denied},
			"too many":              {tooMany, ErrTooManyPlaces, mail.Limit},
		} {
			if _, err := r.into(bob, alice, testMessage("o"), tt.ids...); !mail.Is(err, tt.kind) || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		r.sound(t, alice, bob)
	})
}

func TestChangeEmailsRefuses(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		inbox, folder, closed := r.path(alice, Inbox), r.create(alice, "folder"), r.create(alice, "closed")
		a, err := r.into(alice, alice, testMessage("m"), inbox.ID, folder.ID)
		r.must(err)
		hidden, err := r.into(alice, alice, testMessage("h"), closed.ID)
		r.must(err)
		r.must(r.grant(alice, inbox.ID, SetRights, Grant{Grantee: bob, Rights: mail.RightLookup | mail.RightRead | mail.RightSeen | mail.RightInsert | mail.RightDeleteMessages | mail.RightExpunge}))
		r.must(r.grant(alice, folder.ID, SetRights, Grant{Grantee: bob, Rights: mail.RightLookup | mail.RightRead}))
		many := mail.Flags{}
		for i := range mail.MaxKeywords + 1 {
			many.Keywords = append(many.Keywords, fmt.Sprintf("k%03d", i))
		}
		before := r.lastEmail(alice)
		for name, tt := range map[string]struct {
			who  mail.AccountID
			c    EmailChange
			want error
			kind mail.Kind
		}{
			"no such email":       {alice, EmailChange{Email: 99}, errNoEmail, mail.NotFound},
			"of another":          {bob, EmailChange{Email: hidden.Email, Destroy: true}, errNoEmail, mail.NotFound},
			"nowhere":             {alice, EmailChange{Email: a.Email, Mailboxes: []mail.MailboxID{}}, ErrNowhere, mail.Invalid},
			"out of all":          {alice, EmailChange{Email: a.Email, OutOf: []mail.MailboxID{inbox.ID, folder.ID}}, ErrNowhere, mail.Invalid},
			"no such mailbox":     {alice, EmailChange{Email: a.Email, Into: []mail.MailboxID{99}}, ErrNoPlace, mail.Invalid},
			"not to be seen":      {bob, EmailChange{Email: a.Email, Into: []mail.MailboxID{closed.ID}}, ErrNoPlace, mail.Invalid},
			"many keywords":       {alice, EmailChange{Email: a.Email, Keywords: &many}, ErrTooManyKeywords, mail.Limit},
			"too many to add":     {alice, EmailChange{Email: a.Email, Add: many}, ErrTooManyKeywords, mail.Limit},
			"no right to remove":  {bob, EmailChange{Email: a.Email, OutOf: []mail.MailboxID{folder.ID}}, nil, mail.Denied},
			"no right in one":     {bob, EmailChange{Email: a.Email, Add: mail.Flags{Bits: mail.Seen}}, nil, mail.Denied},
			"no right to destroy": {bob, EmailChange{Email: a.Email, Destroy: true}, nil, mail.Denied},
			"refused in part":     {bob, EmailChange{Email: a.Email, OutOf: []mail.MailboxID{inbox.ID}, Add: mail.Flags{Bits: mail.Flagged}}, nil, mail.Denied},
		} {
			tt.c.Email = max(tt.c.Email, 1)
			if refused := r.change(tt.who, alice, tt.c); !mail.Is(refused[0], tt.kind) || tt.want != nil && !errors.Is(refused[0], tt.want) {
				t.Errorf("%s: %v", name, refused)
			}
		}
		if after := r.lastEmail(alice); after != before {
			t.Errorf("something has changed: %d, %d", before, after)
		}
		// What may be done is done.
		if refused := r.change(bob, alice, EmailChange{Email: a.Email, OutOf: []mail.MailboxID{inbox.ID}}); refused[0] != nil {
			t.Error(refused)
		}
		r.wantContents(alice, inbox.ID, "")
		r.sound(t, alice, bob)
	})
}

var everyUID = imap.Set{{Start: 1, Stop: maxUID}}

// A membership with \Deleted is none for JMAP, until the email is put there again.
func TestChangeEmailsPassesOverDeleted(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		inbox, folder := r.path(alice, Inbox), r.create(alice, "folder")
		a, err := r.into(alice, alice, testMessage("m"), inbox.ID, folder.ID)
		r.must(err)
		r.must(r.write(alice, func(t *tx.Tx) error {
			_, err := r.storeFlags(t, alice, inbox.ID, everyUID, FlagChange{Op: AddFlags, Flags: mail.Flags{Bits: mail.Deleted}})
			return err
		}))
		refused := r.change(alice, alice, EmailChange{Email: a.Email, Mailboxes: []mail.MailboxID{folder.ID}, Add: mail.Flags{Bits: mail.Seen}})
		r.wantContents(alice, inbox.ID, `1 \Seen \Deleted`)
		if refused[0] != nil {
			t.Error(refused)
		}
		if refused := r.change(alice, alice, EmailChange{Email: a.Email, OutOf: []mail.MailboxID{folder.ID}}); !errors.Is(refused[0], ErrNowhere) {
			t.Error(refused)
		}
		r.change(alice, alice, EmailChange{Email: a.Email, Mailboxes: []mail.MailboxID{inbox.ID}})
		r.wantContents(alice, inbox.ID, `1 \Seen`)
		r.wantContents(alice, folder.ID, "")
		r.must(r.write(alice, func(t *tx.Tx) error {
			_, err := r.storeFlags(t, alice, inbox.ID, everyUID, FlagChange{Op: AddFlags, Flags: mail.Flags{Bits: mail.Deleted}})
			return err
		}))
		if refused := r.change(alice, alice, EmailChange{Email: a.Email, Destroy: true}); !mail.Is(refused[0], mail.NotFound) {
			t.Error(refused)
		}
		r.sound(t, alice)
	})
}

// Random changes come to what they say, whatever a commit has room for, and the rows agree.
func TestChangeEmailsModel(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		boxes := []mail.MailboxID{r.path(alice, Inbox).ID}
		for i := range 3 {
			boxes = append(boxes, r.create(alice, fmt.Sprintf("box%d", i)).ID)
		}
		type state struct {
			in    map[mail.MailboxID]bool
			flags mail.Flags
		}
		emails := map[mail.EmailID]*state{}
		serial := 0
		flags := rapid.Custom(func(t *rapid.T) mail.Flags {
			f, err := mail.ParseFlags(rapid.SliceOfN(rapid.SampledFrom([]string{`\Seen`, `\Flagged`, "$Forwarded", "a", "B"}), 0, 3).Draw(t, "flags"))
			r.must(err)
			return f
		})
		some := rapid.SliceOfNDistinct(rapid.SampledFrom(boxes), 1, 4, rapid.ID)
		check := func(t *rapid.T) {
			r.read(func(u *tx.Tx) error {
				for id, want := range emails {
					list, err := r.Memberships(u, alice, id)
					r.must(err)
					in := map[mail.MailboxID]bool{}
					for _, m := range list {
						in[m.Mailbox] = true
						if !m.Flags.Equal(want.flags) {
							t.Fatalf("%v has %v, want %v", id, m.Flags.Names(), want.flags.Names())
						}
					}
					if !maps.Equal(in, want.in) {
						t.Fatalf("%v is in %v, want %v", id, in, want.in)
					}
				}
				return nil
			})
		}
		rapid.Check(t, func(t *rapid.T) {
			for range rapid.IntRange(0, 4).Draw(t, "new") {
				serial++
				m := testMessage(fmt.Sprint("m", serial))
				m.Flags = flags.Draw(t, "flags")
				to := some.Draw(t, "into")
				a, err := r.into(alice, alice, m, to...)
				r.must(err)
				emails[a.Email] = &state{map[mail.MailboxID]bool{}, m.Flags}
				for _, id := range to {
					emails[a.Email].in[id] = true
				}
			}
			var list []EmailChange
			for _, id := range slices.Sorted(maps.Keys(emails)) {
				if !rapid.Bool().Draw(t, "change") {
					continue
				}
				c, e := EmailChange{Email: id}, emails[id]
				next := &state{maps.Clone(e.in), e.flags}
				switch rapid.IntRange(0, 5).Draw(t, "what") {
				case 0:
					c.Destroy, next.in = true, map[mail.MailboxID]bool{}
				case 1:
					c.Mailboxes, next.in = some.Draw(t, "mailboxes"), map[mail.MailboxID]bool{}
					for _, b := range c.Mailboxes {
						next.in[b] = true
					}
				case 2, 3:
					c.Into, c.OutOf = some.Draw(t, "into"), some.Draw(t, "out of")
					for _, b := range c.OutOf {
						delete(next.in, b)
					}
					for _, b := range c.Into {
						next.in[b] = true
					}
				}
				if rapid.Bool().Draw(t, "set") {
					f := flags.Draw(t, "keywords")
					c.Keywords, next.flags = &f, f
				} else {
					c.Add, c.Remove = flags.Draw(t, "add"), flags.Draw(t, "remove")
					next.flags = e.flags.Remove(c.Remove).Add(c.Add)
				}
				list = append(list, c)
				emails[id] = next
			}
			r.rowsPerStep = rapid.SampledFrom([]int{1, 20, stepRows}).Draw(t, "rows")
			for i, err := range r.change(alice, alice, list...) {
				if err != nil {
					t.Fatalf("%+v: %v", list[i], err)
				}
			}
			check(t)
			for id, e := range emails {
				if len(e.in) == 0 {
					delete(emails, id)
				}
			}
		})
		r.sound(t, alice)
	})
}
