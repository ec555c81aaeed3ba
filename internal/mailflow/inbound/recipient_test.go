package inbound_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/schema"
)

// each runs test on every engine.
func each(t *testing.T, test func(t *testing.T, r *mailflowtest.Rooms, d *db.DB)) {
	eachWith(t, mailflowtest.Options{}, test)
}

func eachWith(t *testing.T, o mailflowtest.Options, test func(t *testing.T, r *mailflowtest.Rooms, d *db.DB)) {
	t.Helper()
	t.Parallel()
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		d := open()
		test(t, mailflowtest.New(t, d, o), d)
	})
}

// Each address and who gets its mail, or why nobody does.
func TestRecipient(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		off := true
		ann, bob := r.Account("ann"), r.Account("bob")
		full := r.AccountWith("full", directory.Quota{Messages: 1})
		small := r.AccountWith("small", directory.Quota{Bytes: 1000})
		r.Send("m1", "Subject: x\r\n\r\nx\r\n", "full")
		r.Account("gone")
		_, err := r.Provision.ChangeAccount(t.Context(), mailflowtest.Address("gone"), provision.AccountChange{Disabled: &off})
		r.Must(err)
		for _, domain := range []string{"off.example", "all.example"} {
			_, err = r.Provision.AddDomain(t.Context(), domain)
			r.Must(err)
		}
		r.Account("eve@off.example")
		_, err = r.Provision.ChangeDomain(t.Context(), "off.example", provision.DomainChange{Disabled: &off})
		r.Must(err)
		all := mailflowtest.Address("ann")
		_, err = r.Provision.ChangeDomain(t.Context(), "all.example", provision.DomainChange{CatchAll: &all})
		r.Must(err)
		r.Alias("both", "ann", "bob")
		r.Alias("some-full", "full", "bob")
		r.Alias("all-full", "full", "gone")
		r.Alias("postmaster", "full")
		r.Alias("forward", "x@elsewhere.example")
		r.Alias("copied", "ann", "x@elsewhere.example")
		r.Alias("full-copied", "full", "x@elsewhere.example")
		r.Alias("srs0=taken", "bob")

		for _, tt := range []struct {
			to        string
			size      int64
			elsewhere string
			want      []mail.AccountID
			detail    string
			kind      mail.Kind
			code      string // of a reply that is no kind's
		}{
			{to: "ann", want: []mail.AccountID{ann}},
			{to: "ANN+tag", want: []mail.AccountID{ann}, detail: "tag"},
			{to: "both", want: []mail.AccountID{ann, bob}},
			{to: "whoever@all.example", want: []mail.AccountID{ann}},
			{to: "nobody", kind: mail.NotFound},
			{to: "ann@elsewhere.example", kind: mail.Denied},
			{to: "gone", kind: mail.Disabled},
			{to: "eve@off.example", kind: mail.Disabled},
			{to: "full", kind: mail.OverQuota},
			{to: "all-full", kind: mail.OverQuota},
			{to: "some-full", want: []mail.AccountID{bob, full}},
			{to: "postmaster", want: []mail.AccountID{full}},
			{to: "abuse", want: []mail.AccountID{full}},
			{to: "small", want: []mail.AccountID{small}},
			{to: "small", size: 1000, want: []mail.AccountID{small}},
			{to: "small", size: 1001, kind: mail.OverQuota},
			{to: "forward", elsewhere: "x@elsewhere.example"},
			{to: "copied", want: []mail.AccountID{ann}, elsewhere: "x@elsewhere.example"},
			{to: "full-copied", want: []mail.AccountID{full}, elsewhere: "x@elsewhere.example"},
			{to: "postmaster@mx.example.org", want: []mail.AccountID{full}},
			{to: "ann@mx.example.org", kind: mail.Denied},
			{to: "SRS0=aaaaaa=bb=elsewhere.example=x", code: "550 5.7.1"},
			{to: "SRS0=aaaaaa=bb=elsewhere.example=x@elsewhere.example", kind: mail.Denied},
			{to: "srs0=taken", want: []mail.AccountID{bob}},
		} {
			e := &mail.Envelope{ID: "e1", Size: tt.size, ReversePath: mailflowtest.Address("ann@client.example")}
			got, err := r.Recipient(t.Context(), r.Session(), e, mail.Recipient{Address: mailflowtest.Address(tt.to), Notify: mail.NotifyDelay})
			var reply mail.Reply
			switch {
			case tt.code != "":
				if !errors.As(err, &reply) || fmt.Sprint(reply.Code, " ", reply.Enhanced) != tt.code {
					t.Errorf("%s: %v, want the reply %s", tt.to, err, tt.code)
				}
			case tt.kind != mail.Other:
				if !mail.Is(err, tt.kind) || errors.As(err, &reply) {
					t.Errorf("%s: %v, want %s", tt.to, err, tt.kind)
				}
			default:
				slices.Sort(got.Accounts)
				slices.Sort(tt.want)
				if err != nil || !slices.Equal(got.Accounts, tt.want) || got.Detail != tt.detail || got.Notify != mail.NotifyDelay ||
					strings.Trim(fmt.Sprint(got.Elsewhere), "[]") != tt.elsewhere || got.Address != mailflowtest.Address(tt.to) {
					t.Errorf("%s: %+v, %v, want accounts %v, detail %q", tt.to, got, err, tt.want, tt.detail)
				}
			}
		}
		bare, err := r.Recipient(t.Context(), r.Session(), &mail.Envelope{}, mail.Recipient{Address: mail.Address{Local: "Postmaster"}})
		if err != nil || !slices.Equal(bare.Accounts, []mail.AccountID{full}) {
			t.Errorf("<Postmaster> leads to %v, %v", bare.Accounts, err)
		}
		if n := len(r.Log.Lines()); n != 2 {
			t.Errorf("what is refused is logged here as well: %q", r.Log.Lines())
		}
	})
}

// What the directory cannot answer is not answered for good.
func TestRecipientWithoutDatabase(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, d *db.DB) {
		r.Account("ann")
		r.Must(d.Close())
		_, err := r.Recipient(t.Context(), r.Session(), &mail.Envelope{}, mail.Recipient{Address: mailflowtest.Address("ann")})
		if !mail.Is(err, mail.Unavailable) {
			t.Errorf("got %v", err)
		}
	})
}
