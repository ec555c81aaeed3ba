package bodies_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// holder stands for the rooms that hold bodies: what each account has, and how often.
type holder map[mail.AccountID]map[mail.BlobID]int

func (h holder) hold(a mail.AccountID, id mail.BlobID) {
	if h[a] == nil {
		h[a] = map[mail.BlobID]int{}
	}
	h[a][id]++
}

func (h holder) holds(_ *tx.Tx, a mail.AccountID, each func(mail.BlobID)) error {
	for id, n := range h[a] {
		for range n {
			each(id)
		}
	}
	return nil
}

// damaged is a room on a key file whose rows are damaged and rebuilt.
type damaged struct {
	*room
	emails  holder
	content map[string]mail.BlobID // of account 10
	keys    string
}

// keep puts content and holds it for account 10 as an email would, and so does account 11.
func (d *damaged) keep(content string) mail.BlobID {
	d.t.Helper()
	accounts := []mail.AccountID{10, 11}
	ids := d.hold(d.put(content), accounts...)
	for i, a := range accounts {
		d.emails.hold(a, ids[i])
	}
	d.content[content] = ids[0]
	return ids[0]
}

func (d *damaged) rebuild() bodies.Rebuilt {
	d.t.Helper()
	done, err := d.Rebuild(d.t.Context(), []bodies.Holds{d.emails.holds})
	if err != nil {
		d.t.Fatal(err)
	}
	return done
}

// Rows that were lost are made again from the bytes and the key file; those that nobody needs are not.
func TestRebuild(t *testing.T) {
	lose := func(queries ...string) func(*damaged) {
		return func(d *damaged) {
			for _, q := range queries {
				d.exec(q)
			}
		}
	}
	for _, c := range []struct {
		name   string
		damage func(*damaged)
		want   bodies.Rebuilt
	}{
		{"nothing", func(*damaged) {}, bodies.Rebuilt{}},
		{"objects", lose(`DELETE FROM object`), bodies.Rebuilt{Objects: 3}},
		{"objects that lead elsewhere", func(d *damaged) {
			d.exec(`UPDATE object SET location = $1`, []byte("nowhere"))
		}, bodies.Rebuilt{Objects: 4}},
		{"names", lose(`DELETE FROM blob`), bodies.Rebuilt{Objects: 1, Names: 6}}, // one object more than is needed: see orphan
		{"objects and names", lose(`DELETE FROM object`, `DELETE FROM blob`), bodies.Rebuilt{Objects: 5, Names: 6}},
		{"names, and the collector was at work", func(d *damaged) {
			d.exec(`DELETE FROM blob`)
			d.exec(`INSERT INTO object_unnamed (object_id, account_id, at) SELECT id, 0, 0 FROM object WHERE state = 0`)
			d.collect(bodies.DefaultKeep)
		}, bodies.Rebuilt{Objects: 5, Names: 6}},
		{"names, and the server went on after a kill", func(d *damaged) {
			d.exec(`DELETE FROM blob`)
			d.Close()
			if err := appendTo(d.keys, make([]byte, 112)); err != nil { // not its proper end
				d.t.Fatal(err)
			}
			d.Store = d.open(func(o *bodies.Options) { o.KeyFile = d.keys })
			d.collect(bodies.DefaultKeep)
		}, bodies.Rebuilt{Objects: 2, Names: 6, Damaged: 1}},
		{"the names of an account", lose(`DELETE FROM blob WHERE account_id = 11`), bodies.Rebuilt{Objects: 1, Names: 3}},
		{"bytes", func(d *damaged) {
			d.blobs.Remove(d.t.Context(), d.where(10, d.content["one"]))
			d.exec(`DELETE FROM object`)
			delete(d.content, "one")
		}, bodies.Rebuilt{Objects: 2, Lost: 2}},
		{"names and keys", func(d *damaged) {
			d.exec(`DELETE FROM blob`)
			d.Close()
			if err := os.Remove(d.keys); err != nil {
				d.t.Fatal(err)
			}
			d.Store = d.open(func(o *bodies.Options) { o.KeyFile = d.keys })
			clear(d.content)
		}, bodies.Rebuilt{Objects: 1, Lost: 6}},
		{"counts", lose(`UPDATE blob SET holds = 7`), bodies.Rebuilt{Holds: 6}},
		{"a name that nobody needs", func(d *damaged) { d.hold(d.put("forgotten"), 10, 12) }, bodies.Rebuilt{Holds: 2}},
		{"an account that is removed", lose(`DELETE FROM blob WHERE account_id = 11`, `UPDATE account SET wrapped_key = '' WHERE id = 11`), bodies.Rebuilt{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
				d := newDamaged(t, open)
				c.damage(d)
				if done := d.rebuild(); done != c.want {
					t.Errorf("did %+v, want %+v", done, c.want)
				}
				for content, id := range d.content {
					d.want(10, id, content)
				}
				if again := d.rebuild(); again.Names+again.Holds+again.Damaged > 0 || again.Lost != c.want.Lost {
					t.Errorf("then did %+v", again)
				}
				d.collect(0)
				for content, id := range d.content {
					d.want(10, id, content)
				}
				if c.want.Lost > 0 || c.name == "an account that is removed" {
					return
				}
				for _, a := range []mail.AccountID{10, 11, 12} {
					err := d.CheckHolds(t.Context(), a, []bodies.Holds{d.emails.holds}, func(f bodies.Finding) { t.Errorf("found %+v", f) })
					if err != nil {
						t.Fatal(err)
					}
				}
				if found, _ := d.check(); len(found) > 1 || len(found) == 1 && found[0].Severity != bodies.Info {
					t.Errorf("found %+v", found)
				}
			})
		})
	}
}

// newDamaged has three bodies, one of them held by two emails each, one put again, one whose first object is gone; and
// an orphan.
func newDamaged(t *testing.T, open dbtest.Open) *damaged {
	t.Helper()
	d := &damaged{emails: holder{}, content: map[string]mail.BlobID{}, keys: filepath.Join(t.TempDir(), "keys")}
	d.room = newRoom(t, open, func(o *bodies.Options) { o.KeyFile = d.keys })
	t.Cleanup(func() { d.Close() })
	d.keep("one")
	d.keep("two")
	for i, id := range d.hold(d.put("three"), 10, 11) {
		d.release(mail.AccountID(10+i), id)
	}
	d.collect(0)
	d.keep("three") // again: the key file has lines of an object that is gone
	d.keep("two")   // again, while it is held: another object, which nobody names
	d.put("orphan")
	return d
}

func TestRebuildNeedsALister(t *testing.T) {
	r := newRoom(t, dbtest.OnSQLite(t, schema.Files), nil)
	s := r.open(func(o *bodies.Options) { o.Blobs = struct{ blob.Store }{r.blobs} })
	if _, err := s.Rebuild(t.Context(), nil); !mail.Is(err, mail.Invalid) {
		t.Errorf("got %v", err)
	}
}

// The packs themselves, and more bodies than one unit of work takes.
func TestRebuildFromPacks(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	r := onPacks(t, dbtest.OnSQLite(t, schema.Files), func(o *bodies.Options) { o.KeyFile = keys })
	defer r.Close()
	h := holder{}
	const n = 700
	ids := make([]mail.BlobID, n)
	content := func(i int) string { return string(blobtest.Content(uint64(i), 100)) }
	for i := range ids {
		ids[i] = r.hold(r.put(content(i)), 10)[0]
		h.hold(10, ids[i])
	}
	for _, lost := range []string{`DELETE FROM object`, `DELETE FROM blob`} {
		r.exec(lost)
		done, err := r.Rebuild(t.Context(), []bodies.Holds{h.holds})
		if err != nil || done.Lost != 0 || done.Objects+done.Names != n {
			t.Errorf("after %s: did %+v, %v", lost, done, err)
		}
		if found, _ := r.check(); len(found) > 0 {
			t.Errorf("after it: %+v", fmt.Sprint(found)[:200])
		}
		for i, id := range ids {
			r.want(10, id, content(i))
		}
	}
}
