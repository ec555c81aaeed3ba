package webpush

import (
	"slices"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// another is the sender of another node on the same database.
func (r *room) another(bus cluster.Bus) *Sender {
	r.t.Helper()
	o := r.o
	o.Bus = bus
	s, err := New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(s.Close)
	return s
}

func (s *Sender) looksAfter(account mail.AccountID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[account]
}

// Each node tells of the changes that it commits, so all hear of a new subscription at once; who does not hear of it finds it, and
// makes up for what it has missed.
func TestAllNodesLookAfterASubscription(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := start(t, open)
		hears, deaf := r.another(r.bus), r.another(inprocess.New())
		deaf.poll(t.Context())
		r.subscribe(ann, placeOfAnn, "Mailbox")
		if !r.looksAfter(ann) || !hears.looksAfter(ann) || deaf.looksAfter(ann) {
			t.Errorf("it is looked after: %v, %v, %v", r.looksAfter(ann), hears.looksAfter(ann), deaf.looksAfter(ann))
		}
		deaf.Ring(mail.StateChange{Account: ann, State: 1})
		deaf.poll(t.Context())
		if _, dirty := deaf.dirty[ann]; !dirty || !deaf.looksAfter(ann) {
			t.Error("who has missed the notice does not find it, or does not look what there was")
		}
		for _, b := range [][]byte{nil, {noticeFormat}, {noticeFormat + 1, 20}, {noticeFormat, 0x80}} {
			hears.hear(b)
		}
	})
}

// What a node has committed and not told when it ended is told by those that notice.
func TestEndedNodesAreMadeUpFor(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := start(t, open)
		r.subscribe(ann, placeOfAnn, "Mailbox")
		r.run()
		silent, err := tx.New(t.Context(), tx.Options{DB: r.db}) // it has no bell any more
		if err != nil {
			t.Fatal(err)
		}
		r.change(ann, tx.KindMembership)
		r.service.next()
		err = silent.Write(t.Context(), []mail.AccountID{ann}, func(t *tx.Tx) error {
			t.Changed(tx.Change{Account: ann, Kind: tx.KindMembership, Op: tx.Created, Object: 2})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r.NodesEnded()
		r.service.next()
	})
}

// Two nodes change an account at once: what the one leaves to the other, because that is telling, is told after.
func TestWhatComesWhileAnotherNodeTells(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := start(t, open)
		sub := r.subscribe(ann, placeOfAnn, "Mailbox", "Identity")
		r.change(ann, tx.KindMembership)
		r.write(func(t *tx.Tx) error { // another node begins
			list, err := r.o.Subscriptions.All(t, ann)
			if err == nil {
				_, err = r.o.Subscriptions.Begin(t, list[0])
			}
			return err
		})
		seen := r.at(ann)
		r.run()
		r.change(ann, tx.KindIdentity) // and this one leaves it to that
		r.write(func(t *tx.Tx) error {
			more, err := r.o.Subscriptions.Told(t, push.Ref{Account: ann, ID: sub.ID}, sub.Epoch, seen)
			if !more {
				r.t.Error("there is nothing more to tell")
			}
			return err
		})
		if got := told(t, r.service.next(), ann); !slices.Equal(got, []string{"Identity"}) {
			t.Errorf("told of %v", got)
		}
	})
}

// Nothing is looked for again and again of which there is nothing to tell.
func TestNothingIsOwedThatIsNotWanted(t *testing.T) {
	r := start(t, dbtest.OnSQLite(t, schema.Files))
	r.subscribe(ann, placeOfAnn, "Identity")
	r.change(ann, tx.KindMembership)
	r.write(r.o.Subscriptions.Recover)
	if sub := r.left(ann)[0]; !sub.Owed {
		t.Fatal("nothing is owed")
	}
	r.tell(t.Context(), ann, time.Time{})
	if sub := r.left(ann)[0]; sub.Owed || sub.Told != r.at(ann) {
		t.Errorf("left is %+v", sub)
	}
}

// at is the state of an account.
func (r *room) at(account mail.AccountID) (at mail.ModSeq) {
	r.t.Helper()
	r.write(func(t *tx.Tx) (err error) {
		at, err = t.LastOf(account, tx.KindMembership, tx.KindIdentity)
		return err
	})
	return at
}
