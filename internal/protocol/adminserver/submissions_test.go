package adminserver

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/schema"
)

func TestDKIMKeys(t *testing.T) {
	r := mailflowtest.New(t, dbtest.OnSQLite(t, schema.Files)(), mailflowtest.Options{})
	p := provision.New(provision.Options{Tx: r.Tx, Directory: r.Directory, Keys: r.Keys})
	c := Direct(Handler(Options{Provision: p, Log: discard}))
	ctx := t.Context()
	must(c.AddDomain(ctx, NewDomain{"Bücher.example"}))(t)
	states := func(keys []DKIMKey, state string) (selectors []string) {
		for _, k := range keys {
			if k.State == state {
				selectors = append(selectors, k.Selector)
			}
			if k.Name != k.Selector+"._domainkey.xn--bcher-kva.example" || !strings.HasPrefix(k.Record, "v=DKIM1; k="+k.Algorithm+"; p=") || k.Since.IsZero() {
				t.Errorf("a key is %+v", k)
			}
		}
		slices.Sort(selectors)
		return selectors
	}
	before := must(c.DKIMKeys(ctx, "bücher.example"))(t)
	if len(states(before, "active")) != 2 || len(states(before, "next")) != 2 {
		t.Fatalf("a new domain has %+v", before)
	}
	_, err := c.RotateDKIM(ctx, "bücher.example", Rotation{})
	refused(t, "rotating to fresh keys", err, mail.Conflict, "or force it")
	after := must(c.RotateDKIM(ctx, "bücher.example", Rotation{Now: true}))(t)
	if !slices.Equal(states(after, "active"), states(before, "next")) || !slices.Equal(states(after, "retired"), states(before, "active")) {
		t.Errorf("before %+v, after %+v", before, after)
	}
	_, err = c.DKIMKeys(ctx, "elsewhere.example")
	refused(t, "a domain that is not ours", err, mail.NotFound, "elsewhere.example is not a domain")
	if err := c.RemoveDomain(ctx, "bücher.example"); err != nil {
		t.Error(err)
	}
	must(c.AddDomain(ctx, NewDomain{"Bücher.example"}))(t)
	if again := must(c.DKIMKeys(ctx, "bücher.example"))(t); len(again) != 4 || slices.Equal(states(again, "active"), states(after, "active")) {
		t.Errorf("a domain that is ours again has %+v", again)
	}
}

func TestSubmissions(t *testing.T) {
	r := mailflowtest.New(t, dbtest.OnSQLite(t, schema.Files)(), mailflowtest.Options{})
	ann := r.Account("ann")
	r.Account("bob")
	c := Direct(Handler(Options{Provision: r.Provision, Submission: r.Submission, Log: discard}))
	ctx := t.Context()
	maximum, copies, undo := int64(5), true, int64(3600)
	got := must(c.ChangeAccount(ctx, "ann@example.org", AccountChange{MaxRecipients: &maximum, SentCopy: &copies, UndoSeconds: &undo}))(t)
	if got.MaxRecipients != 5 || got.MaxStrangers != 0 || !got.SentCopy || got.UndoSeconds != 3600 {
		t.Errorf("the account is %+v", got)
	}
	much := int64(1) << 60
	_, err := c.ChangeAccount(ctx, "ann@example.org", AccountChange{UndoSeconds: &much})
	refused(t, "too long", err, mail.Invalid, "up to 1h")
	for _, to := range []string{"bob", "x@elsewhere.example"} {
		e := &mail.Envelope{ID: "t-" + to, ReversePath: mailflowtest.Address("ann")}
		r.Must(r.Submit(ann, e, strings.NewReader("Subject: x\r\n\r\n"), to))
	}
	list := all(t, c.Submissions(ctx, "ann@example.org"))
	if len(list) != 2 || list[0].Recipients[0].Address != "x@elsewhere.example" || list[1].Trace != "t-bob" || list[1].From != "ann@example.org" || list[1].Due.Sub(list[1].Created) != time.Hour {
		t.Fatalf("listed are %+v", list)
	}
	if len(all(t, c.Submissions(ctx, "bob@example.org"))) != 0 {
		t.Error("another account lists them")
	}
	done := must(c.CancelSubmission(ctx, "ann@example.org", list[0].ID))(t)
	if !slices.Equal(done.Taken, []string{"x@elsewhere.example"}) || len(done.Late) != 0 {
		t.Errorf("taken back is %+v", done)
	}
	one := must(c.Submission(ctx, "ann@example.org", list[0].ID))(t)
	if e := one.Recipients[0].Events; len(e) != 2 || e[0].Kind != "queued" || e[1].Kind != "canceled" || e[1].By != mailflowtest.Hostname {
		t.Errorf("its events are %+v", e)
	}
	_, err = c.Submission(ctx, "bob@example.org", list[0].ID)
	refused(t, "another account", err, mail.NotFound, "no submission "+list[0].ID)
	_, err = c.CancelSubmission(ctx, "ann@example.org", "x")
	refused(t, "no id", err, mail.Invalid, "as it is listed")
}

// What names no domain is the caller's mistake, not the server's.
func TestDestination(t *testing.T) {
	if _, err := destination("!!"); !mail.Is(err, mail.Invalid) {
		t.Error(err)
	}
	if domain, err := destination("Bücher.example"); err != nil || domain != "xn--bcher-kva.example" {
		t.Errorf("%q, %v", domain, err)
	}
}
