package method_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// identities are objects that exist in the log only.
type identities struct {
	rooms *doortest.Rooms
	there map[int64]bool
	next  int64
}

// commit makes some changes in one commit, among changes of another kind.
func (o *identities) commit(r *rapid.T) {
	count := rapid.SampledFrom([]int{1, 2, 3, 10, 300}).Draw(r, "count")
	var changes []tx.Change
	note := func(op tx.Op, id int64) {
		changes = append(changes, tx.Change{Account: doortest.Ann, Kind: tx.KindIdentity, Op: op, Object: id})
	}
	for range count {
		kind := rapid.IntRange(0, 3).Draw(r, "change")
		var some int64
		for id := range o.there {
			some = id
		}
		switch {
		case kind == 0 || some == 0:
			o.next++
			note(tx.Created, o.next)
			o.there[o.next] = true
		case kind == 1:
			note(tx.Updated, some)
			note(tx.Destroyed, some)
			delete(o.there, some)
		case kind == 2:
			note(tx.Updated, some)
		default:
			changes = append(changes, tx.Change{Account: doortest.Ann, Kind: tx.KindContact, Op: tx.Updated, Object: some})
		}
	}
	o.rooms.Write(doortest.Ann, func(t *tx.Tx) error {
		for _, c := range changes {
			t.Changed(c)
		}
		return nil
	})
}

func (o *identities) changes(since string, most uint64) (resp method.ChangesResponse, err error) {
	args := method.ChangesArgs{AccountID: doortest.Ann.String(), SinceState: since, MaxChanges: &most}
	if most == 0 {
		args.MaxChanges = nil
	}
	err = o.rooms.Tx.Read(context.Background(), func(t *tx.Tx) error {
		resp, err = method.Changes(t, doortest.Ann, states.Identity, args, func(c tx.Change) (string, tx.Op, bool) {
			return strconv.FormatInt(c.Object, 10), c.Op, c.Kind == tx.KindIdentity
		})
		return err
	})
	return resp, err
}

func (o *identities) state() (state string) {
	o.rooms.Read(func(t *tx.Tx) error {
		s, err := states.Of(t, doortest.Ann, states.Identity)
		state = s.String()
		return err
	})
	return state
}

// A client that takes the changes in pieces of any size, while more are made, ends with what there is, and hears of every object in
// an order that makes sense.
func TestChangesModel(t *testing.T) {
	for name, engine := range map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			rooms := doortest.Open(t, engine, nil)
			o := &identities{rooms: rooms, there: map[int64]bool{}, next: 0}
			known, at := map[string]bool{}, o.state()
			rapid.Check(t, func(r *rapid.T) {
				o.commit(r)
				for more := true; more; {
					most := rapid.SampledFrom([]uint64{0, 1, 2, 3, 7, 100}).Draw(r, "most")
					if rapid.IntRange(0, 9).Draw(r, "meanwhile") == 0 {
						o.commit(r)
					}
					resp, err := o.changes(at, most)
					if err != nil {
						r.Fatal(err)
					}
					follow(r, known, resp, int(most))
					if resp.HasMoreChanges == (resp.NewState == o.state()) {
						r.Fatalf("hasMoreChanges is %v at %s, the state is %s", resp.HasMoreChanges, resp.NewState, o.state())
					}
					at, more = resp.NewState, resp.HasMoreChanges
				}
				if len(known) != len(o.there) {
					r.Fatalf("the client has %d objects, the server %d", len(known), len(o.there))
				}
				for id := range o.there {
					if !known[strconv.FormatInt(id, 10)] {
						r.Fatalf("the client has not heard of %d", id)
					}
				}
			})
		})
	}
}

func follow(r *rapid.T, known map[string]bool, resp method.ChangesResponse, most int) {
	if n := len(resp.Created) + len(resp.Updated) + len(resp.Destroyed); most > 0 && n > most {
		r.Fatalf("%d changes, asked for %d", n, most)
	}
	for _, id := range resp.Created {
		if known[id] {
			r.Fatalf("%s is created once more", id)
		}
		known[id] = true
	}
	for _, id := range append(resp.Updated, resp.Destroyed...) {
		if !known[id] {
			r.Fatalf("%s is changed before it is created", id)
		}
	}
	for _, id := range resp.Destroyed {
		delete(known, id)
	}
}

// A change to more objects than maxChanges is told in pieces.
func TestChangesWithin(t *testing.T) {
	rooms := doortest.Open(t, dbtest.OnSQLite, nil)
	o := &identities{rooms: rooms, there: map[int64]bool{}}
	at := o.state()
	rooms.Write(doortest.Ann, func(t *tx.Tx) error {
		for i := range int64(3) {
			t.Changed(tx.Change{Account: doortest.Ann, Kind: tx.KindIdentity, Op: tx.Updated, Object: i})
		}
		return nil
	})
	touches := map[int64]string{0: "edcba", 1: "x", 2: "bcf"}
	var told []string
	for more, most := true, uint64(2); more; {
		rooms.Read(func(t *tx.Tx) error {
			r, err := method.ChangesOfMany(t, doortest.Ann, states.Identity, method.ChangesArgs{SinceState: at, MaxChanges: &most}, func(c tx.Change) (list []method.Touch) {
				for _, id := range touches[c.Object] {
					list = append(list, method.Touch{ID: string(id), Op: c.Op})
				}
				return list
			})
			if err == nil && (r.NewState == at || r.HasMoreChanges == (r.NewState == o.state())) {
				err = errors.New("it does not go on from " + at)
			}
			told = append(told, strings.Join(r.Updated, ""))
			at, more = r.NewState, r.HasMoreChanges
			return err
		})
	}
	if got := strings.Join(told, " "); got != "ab cd ex bc f" {
		t.Errorf("told are %q", got)
	}
}

func TestChangesRefused(t *testing.T) {
	rooms := doortest.Open(t, dbtest.OnSQLite, nil)
	o := &identities{rooms: rooms, there: map[int64]bool{}}
	change := func(t *tx.Tx) error {
		t.Changed(tx.Change{Account: doortest.Ann, Kind: tx.KindIdentity, Op: tx.Created, Object: 1})
		return nil
	}
	rooms.Write(doortest.Ann, change)
	now := o.state()
	one := uint64(1)
	for since, want := range map[string]method.ErrorType{
		now:        "",
		"":         method.CannotCalculateChanges,
		"x":        method.CannotCalculateChanges,
		"1-zzzzz":  method.CannotCalculateChanges, // the future
		"2-0":      method.CannotCalculateChanges, // another epoch
		"1-0-0":    method.CannotCalculateChanges,
		"1-0-x":    method.CannotCalculateChanges,
		"1--1":     method.CannotCalculateChanges,
		"1-0-0-":   method.CannotCalculateChanges,
		"1-0-x-a":  method.CannotCalculateChanges,
		now + "-1": "", // on the way
	} {
		_, err := o.changes(since, one)
		var e *method.Error
		if errors.As(err, &e); (e == nil) != (want == "") || e != nil && e.Type != want {
			t.Errorf("since %q: %v", since, err)
		}
	}
	zero := uint64(0)
	err := rooms.Tx.Read(t.Context(), func(t *tx.Tx) error {
		_, err := method.Changes(t, doortest.Ann, states.Identity, method.ChangesArgs{SinceState: now, MaxChanges: &zero}, nil)
		return err
	})
	if e := new(method.Error); !errors.As(err, &e) || e.Type != method.InvalidArguments {
		t.Errorf("at most 0 changes: %v", err)
	}
	rooms.Write(doortest.Ann, change)
	rooms.Write(doortest.Ann, func(t *tx.Tx) error {
		t.SQL().Queue(`UPDATE account SET log_floor = modseq WHERE id = $1`, doortest.Ann)
		t.SQL().Queue(`DELETE FROM change WHERE account_id = $1`, doortest.Ann)
		return nil
	})
	_, err = o.changes(now, one)
	if e := new(method.Error); !errors.As(err, &e) || e.Type != method.CannotCalculateChanges {
		t.Errorf("the log has been trimmed: %v", err)
	}
}
