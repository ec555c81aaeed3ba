package bodies_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func (r *room) check() (found []bodies.Finding, done bodies.Checked) {
	r.t.Helper()
	done, err := r.Check(r.t.Context(), func(f bodies.Finding) { found = append(found, f) })
	if err != nil {
		r.t.Fatal(err)
	}
	return found, done
}

// where returns where the bytes of an account's body are.
func (r *room) where(a mail.AccountID, id mail.BlobID) (at blob.Location) {
	r.t.Helper()
	err := r.tx.Read(r.t.Context(), func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT location FROM object WHERE id = (SELECT object_id FROM blob WHERE account_id = $1 AND blob_id = $2)`,
			a, id[:]).Scan(&at)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return at
}

func (r *room) exec(query string, args ...any) {
	r.t.Helper()
	r.write(nil, func(t *tx.Tx) error {
		n, err := t.SQL().Exec(query, args...)
		if err == nil && n == 0 {
			err = fmt.Errorf("%s changed nothing", query)
		}
		return err
	})
}

func TestCheckFinds(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(r *room, id mail.BlobID)
		want  []bodies.Severity
	}{
		{"nothing", func(*room, mail.BlobID) {}, nil},
		{"a changed byte", func(r *room, id mail.BlobID) {
			r.blobs.Damage(r.where(100, id), func(b []byte) []byte { b[20] ^= 1; return b })
		}, []bodies.Severity{bodies.Lost}},
		{"lost bytes", func(r *room, id mail.BlobID) { r.blobs.Remove(r.t.Context(), r.where(100, id)) }, []bodies.Severity{bodies.Lost}},
		{"no object", func(r *room, _ mail.BlobID) { r.exec(`DELETE FROM object`) }, []bodies.Severity{bodies.Lost, bodies.Info}},
		{"no account", func(r *room, _ mail.BlobID) { r.exec(`DELETE FROM account WHERE id = 100`) }, []bodies.Severity{bodies.Wrong}},
		{"a doomed object", func(r *room, _ mail.BlobID) { r.exec(`UPDATE object SET state = 1`) }, []bodies.Severity{bodies.Wrong}},
		{"another size", func(r *room, _ mail.BlobID) { r.exec(`UPDATE blob SET size = 6`) }, []bodies.Severity{bodies.Lost}},
		{"another name", func(r *room, id mail.BlobID) {
			id[0] ^= 1
			r.exec(`UPDATE blob SET blob_id = $1`, id[:])
		}, []bodies.Severity{bodies.Lost}},
		{"another key", func(r *room, _ mail.BlobID) {
			r.exec(`UPDATE blob SET wrapped_key = $1`, make([]byte, 61))
		}, []bodies.Severity{bodies.Lost}},
		{"no name", func(r *room, _ mail.BlobID) { r.exec(`DELETE FROM blob`) }, []bodies.Severity{bodies.Wrong}},
		{"bytes without a row", func(r *room, _ mail.BlobID) { r.put("never named") }, []bodies.Severity{bodies.Info}},
	}
	each(t, func(r *room) {
		for _, c := range cases {
			r.addAccount(100)
			id := r.hold(r.put("hello"), 100)[0]
			c.spoil(r, id)
			found, _ := r.check()
			var got []bodies.Severity
			for _, f := range found {
				got = append(got, f.Severity)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: found %+v, want %v", c.name, found, c.want)
			}
			r.empty()
		}
	})
}

// empty removes account 100 and all bodies.
func (r *room) empty() {
	r.t.Helper()
	r.write(nil, func(t *tx.Tx) error {
		for _, q := range []string{`DELETE FROM blob`, `DELETE FROM object`, `DELETE FROM object_unnamed`, `DELETE FROM account WHERE id = 100`} {
			t.SQL().Queue(q)
		}
		return nil
	})
	r.Forget(100)
	r.blobs.List(context.Background(), func(f blob.Found) error { return r.blobs.Remove(context.Background(), f.Location) })
}

// The bytes that several accounts share are read once.
func TestCheckReadsSharedBodiesOnce(t *testing.T) {
	each(t, func(r *room) {
		r.hold(r.put("hello"), 10, 11, 12)
		r.hold(r.put("other"), 11)
		found, done := r.check()
		if len(found) > 0 || done != (bodies.Checked{Blobs: 4, Objects: 2, Bytes: 10}) {
			t.Errorf("found %v, checked %+v", found, done)
		}
	})
}

func TestCheckHolds(t *testing.T) {
	each(t, func(r *room) {
		a, b := r.hold(r.put("a"), 10)[0], r.hold(r.put("b"), 10)[0]
		r.hold(r.put("a"), 10)
		for _, c := range []struct {
			holds []mail.BlobID
			want  []bodies.Severity
		}{
			{[]mail.BlobID{a, b, a}, nil},
			{[]mail.BlobID{a, b}, []bodies.Severity{bodies.Wrong}},
			{[]mail.BlobID{a, a}, []bodies.Severity{bodies.Wrong}},
			{[]mail.BlobID{a, b, a, {}}, []bodies.Severity{bodies.Lost}},
		} {
			half := func(part int) bodies.Holds {
				return func(_ *tx.Tx, _ mail.AccountID, each func(mail.BlobID)) error {
					for i, id := range c.holds {
						if i%2 == part {
							each(id)
						}
					}
					return nil
				}
			}
			var got []bodies.Severity
			err := r.CheckHolds(t.Context(), 10, []bodies.Holds{half(0), half(1)}, func(f bodies.Finding) { got = append(got, f.Severity) })
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("holds %v: found %v, error %v; want %v", c.holds, got, err, c.want)
			}
		}
	})
}

// Bytes without a row go when sweeps have known of them for long, whichever process made them.
func TestSweepOrphans(t *testing.T) {
	each(t, func(r *room) {
		const keep = 3 * bodies.OrphanAge
		sweep := func(keep time.Duration, orphans, removed int) {
			t.Helper()
			r.Store = r.open(nil) // another process
			done, err := r.SweepOrphans(t.Context(), keep)
			if err != nil || done.Orphans != orphans || done.Removed != removed || (done.Bytes > 0) != (removed > 0) {
				t.Errorf("the sweep did %+v, %v; want %d orphans, %d of them removed", done, err, orphans, removed)
			}
		}
		id := r.hold(r.put("held"), 10)[0]
		orphan := r.put("orphan")
		late := r.put("held late")
		sweep(keep, 2, 0)
		lateID := r.hold(late, 11)[0]
		r.clock.Advance(keep - time.Millisecond)
		sweep(keep, 1, 0)
		r.put("young orphan")
		r.clock.Advance(time.Millisecond)
		sweep(keep, 2, 1)
		if _, err := r.OpenBody(t.Context(), orphan); !mail.Is(err, mail.NotFound) {
			t.Errorf("the orphan: %v, want not found", err)
		}
		r.clock.Advance(bodies.OrphanAge - time.Millisecond)
		sweep(0, 1, 0)
		r.clock.Advance(time.Millisecond)
		sweep(0, 1, 1)
		sweep(0, 0, 0)
		r.want(10, id, "held")
		r.want(11, lateID, "held late")
		if n := r.count(`SELECT COUNT(*) FROM object_orphan`); n != 0 {
			t.Errorf("%d notes are left", n)
		}
	})
}

// A sweep reads everything, so it comes once a week, however often the server starts.
func TestSweepIsDueOnceAWeek(t *testing.T) {
	each(t, func(r *room) {
		due := func(want bool) {
			t.Helper()
			if due, err := r.open(nil).SweepDue(t.Context()); due != want || err != nil {
				t.Errorf("due: %t, %v", due, err)
			}
		}
		due(true)
		if _, err := r.SweepOrphans(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		due(false)
		r.clock.Advance(bodies.SweepInterval - time.Millisecond)
		due(false)
		r.clock.Advance(time.Millisecond)
		due(true)
	})
}
