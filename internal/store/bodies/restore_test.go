package bodies_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Rows of before a compaction are led to where it put the bodies, also while the old places still open.
func TestRelocate(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		p, err := pack.Open(pack.Options{FS: pack.OS(t.TempDir()), PackSize: 20_000, Settle: 1, Grace: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		r := newRoom(t, open, func(o *bodies.Options) { o.Blobs = p })
		var ids []mail.BlobID
		content := func(i int) string { return fmt.Sprint("body ", i, text()) }
		for i := range 60 {
			ids = append(ids, r.hold(r.put(content(i)), 10)[0])
		}
		for i := range ids {
			if i%3 != 0 {
				r.release(10, ids[i])
			}
		}
		r.collect(0)
		backup := r.locations()
		if c, err := r.Compact(t.Context()); err != nil || c.Moved == 0 || c.Freed != 0 {
			t.Fatalf("compaction did %+v, %v", c, err)
		}
		lost := r.put("of mail that came after the backup")
		r.restore(backup)

		done, err := r.Relocate(t.Context())
		if err != nil || done.Moved == 0 || done.Unknown != 1 || done.Highest != lost.Object {
			t.Errorf("got %+v, %v; want bodies moved, one unknown, the highest object %d", done, err, lost.Object)
		}
		if again, err := r.Relocate(t.Context()); err != nil || again.Moved != 0 {
			t.Errorf("again: %+v, %v", again, err)
		}
		p.Grace = 0
		if c, err := r.Compact(t.Context()); err != nil || c.Freed == 0 { // removes the old packs
			t.Fatalf("compaction did %+v, %v", c, err)
		}
		for i := 0; i < len(ids); i += 3 {
			r.want(10, ids[i], content(i))
		}
		if found, _ := r.check(); len(found) > 1 { // one orphan
			t.Errorf("found %+v", found)
		}
	})
}

// locations are the places of all objects; restore puts them back.
func (r *room) locations() map[int64][]byte {
	r.t.Helper()
	out := map[int64][]byte{}
	err := r.tx.Read(r.t.Context(), func(t *tx.Tx) error {
		rows, err := t.SQL().Query(`SELECT id, location FROM object`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			var at []byte
			if err := rows.Scan(&id, &at); err != nil {
				return err
			}
			out[id] = at
		}
		return rows.Err()
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *room) restore(at map[int64][]byte) {
	r.t.Helper()
	for id, location := range at {
		r.exec(`UPDATE object SET location = $2 WHERE id = $1`, id, location)
	}
}
