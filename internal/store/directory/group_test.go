package directory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// group makes a group with members; those whose names begin with "*" are owners.
func (w *world) group(address string, policy Policy, members ...string) {
	w.t.Helper()
	w.do(func(t *tx.Tx) error {
		_, err := w.AddGroup(t, Group{Address: addr(address), Policy: policy, Name: "Name of it"})
		return err
	})
	for _, m := range members {
		text, owner := strings.CutPrefix(m, "*")
		w.do(func(t *tx.Tx) error {
			return w.AddMember(t, Member{Group: addr(address), Address: addr(text), Owner: owner})
		})
	}
}

// groups is where an address leads, as text: the groups and their members, and how many others.
func (w *world) groups(address string) string {
	w.t.Helper()
	r, err := w.resolve(addr(address))
	if err != nil {
		return string(mail.KindOf(err))
	}
	var b strings.Builder
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "%s %v ", g.Address, g.Members)
	}
	return strings.TrimSpace(fmt.Sprintf("%s%d %v", b.String(), len(r.Accounts), r.Elsewhere))
}

func withGroups(t *testing.T, test func(w *world)) {
	each(t, func(t *testing.T, w *world) {
		w.Store = New(Options{Forwarding: true})
		w.domain("example.org", "second.example")
		for i, name := range []string{"ann", "bob", "carol"} {
			w.account(mail.AccountID(10+i), name+"@example.org")
		}
		test(w)
	})
}

// A group leads to its members, those of groups in it among them, each once; with +owner to its owners.
func TestGroupLeadsToMembers(t *testing.T) {
	withGroups(t, func(w *world) {
		w.alias("sales@example.org", "ann@example.org")
		w.group("inner@example.org", PostAnyone, "bob@example.org", "Eve@Elsewhere.example")
		w.group("team@example.org", PostMembers, "*Ann@example.org", "bob@example.org", "inner@example.org", "sales@example.org", "*x@elsewhere.example")
		w.group("empty@example.org", PostOwners)
		w.alias("all@example.org", "team@example.org", "carol@example.org")
		for address, want := range map[string]string{
			"inner@example.org":       "inner@example.org [Eve@elsewhere.example bob@example.org] 0 []",
			"Team@example.org":        "team@example.org [x@elsewhere.example Ann@example.org bob@example.org sales@example.org Eve@elsewhere.example] 0 []",
			"team+x@example.org":      "team@example.org [x@elsewhere.example Ann@example.org bob@example.org sales@example.org Eve@elsewhere.example] 0 []",
			"team+Owner@example.org":  "1 [x@elsewhere.example]",
			"inner+owner@example.org": "1 []", // the postmaster, who is the first account
			"empty@example.org":       "empty@example.org [] 0 []",
			"all@example.org":         "team@example.org [x@elsewhere.example Ann@example.org bob@example.org sales@example.org Eve@elsewhere.example] 1 []",
		} {
			if got := w.groups(address); got != want {
				t.Errorf("%s leads to %s, want %s", address, got, want)
			}
		}
		for _, login := range []string{"team@example.org", "inner@example.org", "all@example.org"} {
			w.refuses("signing in as "+login, mail.NotFound, func(t *tx.Tx) error { _, err := w.Lookup(t, login); return err })
		}
		w.do(func(tr *tx.Tx) error {
			if ok, err := w.SendsAs(tr, 10, addr("team@example.org")); ok || err != nil {
				t.Errorf("sending as a group: %v, %v", ok, err)
			}
			of, err := w.MemberOf(tr, addr("BOB@example.org"))
			if err != nil || len(of) != 2 || of[0].Group != addr("inner@example.org") || of[1].Group != addr("team@example.org") {
				t.Errorf("bob is in %+v, %v", of, err)
			}
			return err
		})
	})
}

// Groups do not contain themselves, and everything has its limit.
func TestGroupRefuses(t *testing.T) {
	withGroups(t, func(w *world) {
		w.group("a@example.org", PostAnyone, "ann@example.org")
		w.group("b@example.org", PostAnyone, "a@example.org")
		w.group("c@example.org", PostAnyone, "b@example.org")
		add := func(g Group) func(*tx.Tx) error {
			return func(t *tx.Tx) error { _, err := w.AddGroup(t, g); return err }
		}
		member := func(group, a string) func(*tx.Tx) error {
			return func(t *tx.Tx) error { return w.AddMember(t, Member{Group: addr(group), Address: addr(a)}) }
		}
		for _, c := range []struct {
			what string
			kind mail.Kind
			fn   func(*tx.Tx) error
		}{
			{"an account's address", mail.Exists, add(Group{Address: addr("ann@example.org")})},
			{"a group's address", mail.Exists, add(Group{Address: addr("A@example.org")})},
			{"a domain that is not ours", mail.NotFound, add(Group{Address: addr("a@elsewhere.example")})},
			{"a policy that is none", mail.Invalid, add(Group{Address: addr("n@example.org"), Policy: "all"})},
			{"a role", mail.Invalid, add(Group{Address: addr("abuse@example.org")})},
			{"a long address", mail.Invalid, add(Group{Address: addr(strings.Repeat("x", 60) + "@example.org")})},
			{"a long name", mail.Invalid, add(Group{Address: addr("n@example.org"), Name: strings.Repeat("x", maxName+1)})},
			{"an alias of that name", mail.Exists, func(t *tx.Tx) error { return w.AddAlias(t, addr("a@example.org"), addr("ann@example.org")) }},
			{"an account of that name", mail.Exists, func(t *tx.Tx) error {
				_, err := w.AddAccount(t, Account{ID: 99, Address: addr("a@example.org")})
				return err
			}},
			{"itself", mail.Conflict, member("a@example.org", "a@example.org")},
			{"a ring of two", mail.Conflict, member("a@example.org", "b@example.org")},
			{"a ring of three", mail.Conflict, member("a@example.org", "c@example.org")},
			{"nobody", mail.NotFound, member("a@example.org", "nobody@example.org")},
			{"a member of no group", mail.NotFound, member("d@example.org", "ann@example.org")},
			{"a member of an account", mail.NotFound, member("ann@example.org", "bob@example.org")},
			{"removing who is no member", mail.NotFound, func(t *tx.Tx) error { return w.RemoveMember(t, addr("a@example.org"), addr("bob@example.org")) }},
			{"removing what is no group", mail.NotFound, func(t *tx.Tx) error { return w.RemoveGroup(t, addr("ann@example.org")) }},
			{"changing what is no group", mail.NotFound, func(t *tx.Tx) error { return w.SetGroup(t, Group{Address: addr("x@example.org"), Policy: PostAnyone}) }},
		} {
			w.refuses(c.what, c.kind, c.fn)
		}
		for first := 1; first < MaxMembers; first += 333 {
			w.do(func(t *tx.Tx) error {
				for i := range 333 {
					if err := w.AddMember(t, Member{Group: addr("a@example.org"), Address: addr(fmt.Sprintf("m%d@elsewhere.example", first+i))}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		w.refuses("one more", mail.Limit, member("a@example.org", "bob@example.org"))
		w.refuses("a group of too many together", mail.Limit, func(t *tx.Tx) error {
			if _, err := w.AddGroup(t, Group{Address: addr("d@example.org")}); err != nil {
				return err
			}
			if err := w.AddMember(t, Member{Group: addr("d@example.org"), Address: addr("bob@example.org")}); err != nil {
				return err
			}
			return w.AddMember(t, Member{Group: addr("d@example.org"), Address: addr("a@example.org")})
		})
	})
}

// Two groups that were put into each other at the same moment are gone into once.
func TestGroupsInARing(t *testing.T) {
	withGroups(t, func(w *world) {
		w.group("a@example.org", PostAnyone, "ann@example.org")
		w.group("b@example.org", PostAnyone, "bob@example.org", "a@example.org")
		w.do(func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`INSERT INTO group_member (domain, local, member_domain, member_local, member, owner, created)
				VALUES ('example.org', 'a', 'example.org', 'b', 'b@example.org', 0, 0)`)
			return err
		})
		if got := w.groups("a@example.org"); got != "a@example.org [ann@example.org bob@example.org] 0 []" {
			t.Error(got)
		}
	})
}

// Who may send to a group.
func TestMayPost(t *testing.T) {
	withGroups(t, func(w *world) {
		w.alias("sales@example.org", "bob@example.org")
		w.account(20, "dan@second.example")
		w.group("inner@example.org", PostAnyone, "dan@second.example")
		members := []string{"*ann@example.org", "Bob@example.org", "*x@elsewhere.example", "inner@example.org"}
		for _, p := range policies {
			w.group(string(p)+"@example.org", p, members...)
		}
		all := map[Policy]string{
			PostAnyone: "ann bob sales carol dan x y", PostDomain: "ann bob sales carol x", PostMembers: "ann bob sales dan x", PostOwners: "ann x",
		}
		for _, from := range []string{"ann@example.org", "bob+tag@example.org", "SALES@example.org", "carol@example.org", "dan@second.example", "X@elsewhere.example", "y@elsewhere.example", ""} {
			for _, p := range policies {
				var a mail.Address
				if from != "" {
					a = addr(from)
				}
				err := w.try(func(t *tx.Tx) error { return w.MayPost(t, addr(string(p)+"@example.org"), a) })
				name, _, _ := strings.Cut(strings.ToLower(userOf(a.Local)), "@")
				want := from != "" && strings.Contains(" "+all[p]+" ", " "+name+" ")
				if (err == nil) != want || err != nil && !mail.Is(err, mail.Denied) {
					t.Errorf("%q to %s: %v", from, p, err)
				}
			}
		}
	})
}

// What a group was goes with it, and with its domain; who is removed is no member any more.
func TestGroupsGo(t *testing.T) {
	withGroups(t, func(w *world) {
		w.group("a@second.example", PostAnyone, "ann@example.org", "bob@example.org")
		w.group("b@second.example", PostAnyone, "a@second.example", "bob@example.org")
		w.group("c@example.org", PostAnyone, "a@second.example", "ann@example.org")
		left := func() (text string) {
			w.do(func(t *tx.Tx) error {
				text = ""
				groups, err := w.Groups(t, "", mail.Address{}, 0)
				for _, g := range groups {
					members, err := w.Members(t, g.Address, mail.Address{}, 0)
					if err != nil || len(members) != g.Members {
						return fmt.Errorf("%d members of %d: %w", len(members), g.Members, err)
					}
					text += g.Address.String() + ":"
					for _, m := range members {
						text += " " + m.Address.String()
					}
					text += "\n"
				}
				return err
			})
			return text
		}
		w.do(func(t *tx.Tx) error { return w.RemoveAccount(t, 11) })
		if got, want := left(), "c@example.org: ann@example.org a@second.example\na@second.example: ann@example.org\nb@second.example: a@second.example\n"; got != want {
			t.Errorf("after an account has gone: %s", got)
		}
		w.do(func(t *tx.Tx) error {
			return w.SetGroup(t, Group{Address: addr("C@example.org"), Name: "New", Policy: PostOwners})
		})
		w.do(func(tr *tx.Tx) error {
			g, err := w.Group(tr, addr("c@example.org"))
			if g.Name != "New" || g.Policy != PostOwners || g.Members != 2 {
				t.Errorf("changed to %+v", g)
			}
			return err
		})
		w.do(func(t *tx.Tx) error { return w.RemoveGroup(t, addr("a@second.example")) })
		if got, want := left(), "c@example.org: ann@example.org\nb@second.example:\n"; got != want {
			t.Errorf("after a group has gone: %s", got)
		}
		for more := true; more; {
			w.do(func(t *tx.Tx) (err error) { more, err = w.RemoveDomain(t, "second.example"); return err })
		}
		if got, want := left(), "c@example.org: ann@example.org\n"; got != want {
			t.Errorf("after a domain has gone: %s", got)
		}
	})
}
