package states

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const ann, bob = mail.AccountID(10), mail.AccountID(11)

// room is a store with the accounts ann and bob, and a feed.
type room struct {
	t    testing.TB
	tx   *tx.Store
	feed *Feed
}

func open(t testing.TB, on func(testing.TB) dbtest.Open) *room {
	t.Helper()
	rt := realtime.New(realtime.Options{Bus: inprocess.New()})
	t.Cleanup(rt.Close)
	x, err := tx.New(t.Context(), tx.Options{DB: on(t)(), Bell: rt})
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, tx: x, feed: NewFeed(FeedOptions{Tx: x, Realtime: rt, Report: func(err error) { t.Error(err) }})}
	t.Cleanup(r.feed.Close)
	d := directory.New(directory.Options{})
	for _, id := range []mail.AccountID{ann, bob} {
		if err := x.Write(t.Context(), nil, func(t *tx.Tx) error { return d.AddHome(t, id, make([]byte, 60), directory.Quota{}) }); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func onSQLite(t testing.TB) dbtest.Open { return dbtest.OnSQLite(t, schema.Files) }

// change logs a change of each of the kinds, and returns the account's number.
func (r *room) change(account mail.AccountID, kinds ...tx.Kind) (at mail.ModSeq) {
	r.t.Helper()
	var changes []tx.Change
	for i, k := range kinds {
		changes = append(changes, tx.Change{Kind: k, Op: tx.Updated, Object: int64(i + 1)})
	}
	return r.log(account, changes...)
}

// log logs changes in one commit, and returns the account's number.
func (r *room) log(account mail.AccountID, changes ...tx.Change) (at mail.ModSeq) {
	r.t.Helper()
	err := r.tx.Write(context.Background(), []mail.AccountID{account}, func(t *tx.Tx) error {
		for _, c := range changes {
			c.Account = account
			at = t.Changed(c)
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return at
}

// listen listens, with a channel that is rung.
func (r *room) listen(accounts map[mail.AccountID]Types, since PushState) (*Listener, chan struct{}) {
	r.t.Helper()
	ring := make(chan struct{}, 1)
	l, err := r.feed.Listen(r.t.Context(), Listening{Accounts: accounts, Since: since, Wake: func() {
		select {
		case ring <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(l.Close)
	return l, ring
}

// told shows what a listener has to tell.
func told(l *Listener) string {
	changed, _, _ := l.Next()
	var out []string
	for _, c := range changed {
		c.Types.Each(func(t Type) { out = append(out, c.Account.String()+" "+string(t)) })
	}
	return strings.Join(out, ", ")
}

func want(t *testing.T, l *Listener, want string) {
	t.Helper()
	if got := told(l); got != want {
		t.Errorf("told of %q, want %q", got, want)
	}
}

func TestFeedTellsOfTypesThatChanged(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, on dbtest.Open) {
		r := open(t, func(testing.TB) dbtest.Open { return on })
		all, rung := r.listen(map[mail.AccountID]Types{ann: All}, nil)
		some, quiet := r.listen(map[mail.AccountID]Types{ann: Set(Identity)}, nil)
		other, none := r.listen(map[mail.AccountID]Types{bob: All}, nil)
		last, lastRung := r.listen(map[mail.AccountID]Types{ann: All}, nil) // is woken after the others
		r.change(ann, tx.KindMembership)
		<-rung
		<-lastRung
		last.Next()
		if len(quiet) != 0 {
			t.Error("a listener was woken for a type that it does not want")
		}
		want(t, all, "Aa Email, Aa Mailbox")
		want(t, some, "")
		want(t, other, "")
		want(t, all, "")
		r.change(ann, tx.KindIdentity, tx.KindVacation)
		<-rung
		<-quiet
		want(t, all, "Aa Identity, Aa VacationResponse")
		want(t, some, "Aa Identity")
		if len(none) != 0 || len(quiet) != 0 {
			t.Error("a listener was woken for nothing")
		}
		r.change(ann, tx.KindContact) // of no type yet, or of one: never an error
	})
}

// RFC 8621 1.5: EmailDelivery is for clients that want to hear of new mail alone.
func TestEmailDeliveryIsOfArrivals(t *testing.T) {
	r := open(t, onSQLite)
	l, rung := r.listen(map[mail.AccountID]Types{ann: Set(EmailDelivery, Identity)}, nil)
	r.log(ann, tx.Change{Kind: tx.KindEmail, Op: tx.Created, Object: 1})
	<-rung
	want(t, l, "Aa EmailDelivery")
	r.log(ann, tx.Change{Kind: tx.KindEmail, Op: tx.Destroyed, Object: 1}, tx.Change{Kind: tx.KindIdentity, Op: tx.Updated})
	<-rung
	want(t, l, "Aa Identity")
}

// What is told is what Of reads.
func TestFeedSaysWhatOfSays(t *testing.T) {
	r := open(t, onSQLite)
	r.change(ann, tx.KindEmail, tx.KindMailbox, tx.KindIdentity)
	l, rung := r.listen(map[mail.AccountID]Types{ann: All}, PushState{})
	check := func() {
		t.Helper()
		changed, _, _ := l.Next()
		for _, c := range changed {
			c.Types.Each(func(typ Type) {
				if err := r.tx.Read(t.Context(), func(t2 *tx.Tx) error {
					want, err := Of(t2, ann, typ)
					if got := c.Now.Of(typ); err == nil && got != want.String() {
						t.Errorf("%s is told as %s, want %s", typ, got, want)
					}
					return err
				}); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
	check()
	r.change(ann, tx.KindSubmission)
	<-rung
	check()
}

func TestPushStateResumes(t *testing.T) {
	r := open(t, onSQLite)
	r.change(ann, tx.KindEmail)
	l, _ := r.listen(map[mail.AccountID]Types{ann: All, bob: All}, nil)
	known := ParsePushState(l.Told().String())
	if len(known) != 2 {
		t.Fatalf("%v is not both accounts", known)
	}
	l.Close()
	r.change(ann, tx.KindMailbox)
	again, _ := r.listen(map[mail.AccountID]Types{ann: All, bob: All}, known)
	want(t, again, "Aa Mailbox, Aa Quota")
	nothing, _ := r.listen(map[mail.AccountID]Types{ann: All, bob: All}, again.Told())
	want(t, nothing, "")
	fresh, _ := r.listen(map[mail.AccountID]Types{bob: Set(Email)}, ParsePushState("Ab:zz,Ax,,nonsense:1-2"))
	want(t, fresh, "Ab Email")
	after, _ := r.listen(map[mail.AccountID]Types{bob: Set(Email)}, PushState{bob: {Epoch: 77, ModSeq: 1 << 40}})
	want(t, after, "Ab Email") // a restore: no state of before compares
}

func TestFollow(t *testing.T) {
	r := open(t, onSQLite)
	l, rung := r.listen(map[mail.AccountID]Types{ann: All}, nil)
	if err := l.Follow(t.Context(), map[mail.AccountID]Types{bob: All}, nil); err != nil {
		t.Fatal(err)
	}
	if told(l) == "" {
		t.Error("an account that is new to the client is not told of")
	}
	r.change(ann, tx.KindEmail)
	r.change(bob, tx.KindIdentity)
	<-rung
	want(t, l, "Ab Identity")
	l.Close()
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	if len(r.feed.accounts) != 0 {
		t.Errorf("%d accounts are followed for nobody", len(r.feed.accounts))
	}
}

// A sign-in that may have ended is looked at, whatever the client wants to hear of.
func TestSettings(t *testing.T) {
	r := open(t, onSQLite)
	rung := make(chan struct{}, 1)
	l, err := r.feed.Listen(t.Context(), Listening{Accounts: map[mail.AccountID]Types{ann: 0}, Settings: func() { rung <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r.change(ann, tx.KindEmail)
	r.change(ann, tx.KindSettings)
	<-rung
	want(t, l, "")
	if err := l.Follow(t.Context(), map[mail.AccountID]Types{ann: All}, nil); err != nil {
		t.Fatal(err)
	}
	want(t, l, "")
	if err := l.Follow(t.Context(), map[mail.AccountID]Types{ann: Set(Email, Identity)}, PushState{}); err != nil {
		t.Fatal(err)
	}
	want(t, l, "Aa Email, Aa Identity")
}

// One reading serves all listeners of an account, and a burst of changes is few readings.
func TestAChangeIsReadOnce(t *testing.T) {
	r := open(t, onSQLite)
	const listeners = 100
	var rings []chan struct{}
	for range listeners {
		_, ring := r.listen(map[mail.AccountID]Types{ann: All}, nil)
		rings = append(rings, ring)
	}
	before := r.feed.accounts[ann].now.Load()
	r.change(ann, tx.KindEmail)
	for _, ring := range rings {
		<-ring
	}
	after := r.feed.accounts[ann].now.Load()
	if before == after || before.texts[0] == "" || after.Of(Identity) != before.Of(Identity) {
		t.Errorf("from %v to %v", before, after)
	}
	if len(r.feed.accounts) != 1 || r.feed.accounts[ann].news.Load() != 0 {
		t.Errorf("%d accounts are followed, %d notices are left", len(r.feed.accounts), r.feed.accounts[ann].news.Load())
	}
}

// A reading that fails is repeated: the notice that led to it comes once.
func TestAFailedReadingIsRepeated(t *testing.T) {
	r := open(t, onSQLite)
	failed := make(chan error, 100)
	r.feed.o.Report = func(err error) { failed <- err }
	const nobody = mail.AccountID(999)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-failed; <-failed; cancel() }()
	if _, err := r.feed.Listen(ctx, Listening{Accounts: map[mail.AccountID]Types{nobody: All}}); err == nil {
		t.Error("an account that is not there is listened to")
	}
	if r.feed.mu.Lock(); len(r.feed.accounts) != 0 {
		t.Error("it is followed still")
	}
	r.feed.mu.Unlock()
}

// However changes, listeners and their questions follow each other: a listener that asks when it is woken ends with the states
// that there are.
func TestFeedModel(t *testing.T) {
	r := open(t, onSQLite)
	kindsThere := []tx.Kind{tx.KindEmail, tx.KindMailbox, tx.KindMembership, tx.KindIdentity, tx.KindSubmission}
	rapid.Check(t, func(t *rapid.T) {
		types := Types(rapid.Uint32Range(1, uint32(All)).Draw(t, "types"))
		l, ring := r.listen(map[mail.AccountID]Types{ann: types}, PushState{})
		defer l.Close()
		last, lastRing := r.listen(map[mail.AccountID]Types{ann: All}, nil) // is woken after l
		defer last.Close()
		known := map[Type]string{}
		learn := func() {
			changed, _, _ := l.Next()
			for _, c := range changed {
				c.Types.Each(func(typ Type) { known[typ] = c.Now.Of(typ) })
			}
		}
		learn()
		for _, k := range rapid.SliceOfN(rapid.SampledFrom(kindsThere), 1, 5).Draw(t, "kinds") {
			r.change(ann, k)
			<-lastRing
			last.Next()
			select {
			case <-ring:
				learn()
			default:
			}
		}
		now := r.feed.accounts[ann].now.Load()
		types.Each(func(typ Type) {
			if known[typ] != now.Of(typ) {
				t.Fatalf("%s is %s, the client knows %s", typ, now.Of(typ), known[typ])
			}
		})
		if extra := slices.Collect(maps.Keys(known)); len(extra) > 0 && Set(extra...)&^types != 0 {
			t.Fatalf("told of %v, asked for %b", extra, types)
		}
	})
}

func TestSetLeavesOutWhatIsUnknown(t *testing.T) {
	if Set("Email", "Nonsense") != Set(Email) || Set() != 0 || Set(order...) != All {
		t.Error("the set is another")
	}
}
