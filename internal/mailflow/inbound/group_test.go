package inbound_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/directory"
)

const groupFields = "Delivered-To: team@example.org\r\nList-Id: The group <team.example.org>\r\nList-Post: <mailto:team@example.org>\r\n" +
	"List-Owner: <mailto:team+owner@example.org>\r\nPrecedence: list\r\n"

// Mail to a group is owed to each member in the commit that accepts it, under the owners' address; for its sender it has arrived.
func TestGroup(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		r.Group("inner", directory.PostOwners, members(150)...)
		r.Group("team", directory.PostMembers, "*ann", "inner", "bob@client.example")
		r.Alias("everybody", "team", "ann")
		_, err := take(r, "bob@client.example", plain, "team", "everybody")
		r.Must(err)
		owed := r.Owing()
		if len(owed) != 3 || len(r.Inbox(ann)) != 1 {
			t.Fatalf("%d messages in the spool, ann has %d", len(owed), len(r.Inbox(ann)))
		}
		var to []string
		for _, m := range owed[:2] {
			e := m.Envelope
			if e.ReversePath != mailflowtest.Address("team+owner") || e.EnvID != "" || e.Ret != "" || len(e.Recipients) > 100 {
				t.Errorf("it goes on by %+v", e)
			}
			for _, one := range e.Recipients {
				if one.Notify != mail.NotifyFailure || one.Original != (mail.OriginalRecipient{}) {
					t.Errorf("to %+v", one)
				}
				to = append(to, one.Address.String())
			}
			if want := groupFields + received("id1") + plain; m.Content != want || m.Size != int64(len(want)) {
				t.Errorf("%d bytes go on: %q", m.Size, m.Content)
			}
		}
		want := append(members(150), "ann@example.org", "bob@client.example")
		slices.Sort(want)
		if slices.Sort(to); !slices.Equal(to, want) {
			t.Errorf("it goes on to %v", to)
		}
		toldOf(t, owed[2], "bob@client.example", "team@example.org delivered 2.0.0", "everybody@example.org delivered 2.0.0")
		// What is said to the owners is for them, and a report about a member is.
		e := &mail.Envelope{ID: "id2"}
		known, err := r.Recipient(t.Context(), r.Session(), e, mail.Recipient{Address: mailflowtest.Address("team+owner")})
		if err != nil || !slices.Equal(known.Accounts, []mail.AccountID{ann}) || len(known.Groups) != 0 {
			t.Errorf("the owners are %+v, %v", known, err)
		}
	})
}

// Who may not send to a group hears it at RCPT.
func TestGroupRefusesPosters(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		r.Group("open", directory.PostAnyone, "ann")
		r.Group("members", directory.PostMembers, "*ann", "bob@client.example")
		r.Group("domain", directory.PostDomain, "ann")
		r.Group("empty", directory.PostAnyone)
		r.Alias("way", "members")
		for _, c := range []struct {
			from, to, code string
			lmtp           bool
		}{
			{from: "x@client.example", to: "open"},
			{from: "ann", to: "open"},
			{from: "", to: "open", code: "550 5.7.2"},
			{from: "bob@client.example", to: "members"},
			{from: "x@client.example", to: "members", code: "550 5.7.2"},
			{from: "x@client.example", to: "way", code: "550 5.7.2"},
			{from: "ann", to: "members", code: "550 5.7.2"}, // so anybody could say
			{from: "ann", to: "members", lmtp: true},
			{from: "ann", to: "domain", code: "550 5.7.2"},
			{from: "", to: "members", code: "550 5.7.2"},
			{from: "", to: "members+owner"},
			{from: "x@client.example", to: "empty", code: "550 5.2.4"},
		} {
			s := r.Session()
			s.LMTP = c.lmtp
			_, err := r.Recipient(t.Context(), s, &mail.Envelope{ReversePath: mailflowtest.Address(c.from)}, mail.Recipient{Address: mailflowtest.Address(c.to)})
			var reply mail.Reply
			if errors.As(err, &reply); c.code == "" && err != nil || c.code != "" && fmt.Sprint(reply.Code, " ", reply.Enhanced) != c.code {
				t.Errorf("%q to %s: %v, want %q", c.from, c.to, err, c.code)
			}
		}
		all := mailflowtest.Address("members")
		_, err := r.Provision.ChangeDomain(t.Context(), "example.org", provision.DomainChange{CatchAll: &all})
		r.Must(err)
		for _, to := range []string{"whoever", "SRS0=aaaaaa=bb=client.example=x"} { // no way around it
			if _, err := r.Recipient(t.Context(), r.Session(), &mail.Envelope{ReversePath: mailflowtest.Address("x@client.example")}, mail.Recipient{Address: mailflowtest.Address(to)}); err == nil {
				t.Errorf("by the catch-all %s is taken", to)
			}
		}
		// Who has signed in is who he says.
		for to, ok := range map[string]bool{"members": true, "domain": true, "way": true} {
			if err := r.Submit(ann, &mail.Envelope{ID: "s1", ReversePath: mailflowtest.Address("ann")}, strings.NewReader("From: ann@example.org\r\n"+plain), to); (err == nil) != ok {
				t.Errorf("ann to %s: %v", to, err)
			}
		}
		bob := r.Account("bob")
		var reply mail.Reply
		if err := r.Submit(bob, &mail.Envelope{ID: "s2", ReversePath: mailflowtest.Address("bob")}, strings.NewReader(plain), "members"); !errors.As(err, &reply) || reply.Enhanced != (mail.EnhancedCode{5, 7, 2}) {
			t.Errorf("bob to members: %v", err)
		}
	})
}

// A group's own mail and a program's answers do not go to it.
func TestGroupRefusesContent(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		r.Group("team", directory.PostAnyone, "x@client.example")
		for field, code := range map[string]string{
			"Delivered-To: TEAM@example.org":                         "554 5.4.6",
			"List-Id: anything <Team.Example.ORG>":                   "554 5.4.6",
			"Auto-Submitted: Auto-Replied (vacation); owner=x":       "550 5.7.2",
			"Auto-Submitted: auto-generated":                         "",
			"Auto-Submitted: no":                                     "",
			"List-Id: <other.example.org>":                           "",
			"Subject: x\r\n\r\nList-Id: anything <team.example.org>": "",
		} {
			_, err := take(r, "bob@client.example", field+"\r\n"+plain, "team")
			var reply mail.Reply
			if errors.As(err, &reply); code == "" && err != nil || code != "" && fmt.Sprint(reply.Code, " ", reply.Enhanced) != code {
				t.Errorf("%s: %v, want %q", field, err, code)
			}
		}
	})
}
