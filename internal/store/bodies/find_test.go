package bodies_test

import (
	"fmt"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func (r *room) find(a mail.AccountID, ids ...mail.BlobID) (f bodies.Found) {
	r.t.Helper()
	err := r.tx.Read(r.t.Context(), func(t *tx.Tx) (err error) {
		f, err = r.Find(t, a, ids)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return f
}

func wantFound(t *testing.T, f bodies.Found, id mail.BlobID, content string) {
	t.Helper()
	b, err := f.Open(t.Context(), id)
	if err != nil {
		t.Fatalf("open %v: %v", id, err)
	}
	defer b.Close()
	if got, err := blob.ReadAll(b); err != nil || string(got) != content {
		t.Fatalf("blob %v: %q, %v; want %q", id, got, err, content)
	}
}

// However many are looked for at once, each is what Open finds; names of others are not found.
func TestFind(t *testing.T) {
	each(t, func(r *room) {
		t := r.t.(*testing.T)
		var ids []mail.BlobID
		for i := range 140 {
			ids = append(ids, r.hold(r.put(fmt.Sprint("body ", i)), 10)[0])
		}
		theirs := r.hold(r.put("theirs"), 11)[0]
		for _, n := range []int{0, 1, 2, 9, 64, 65, 140} {
			f := r.find(10, append([]mail.BlobID{theirs}, ids[:n]...)...)
			for i, id := range ids[:n] {
				wantFound(t, f, id, fmt.Sprint("body ", i))
			}
			if _, err := f.Open(t.Context(), theirs); !mail.Is(err, mail.NotFound) {
				t.Errorf("another account's body: %v, want it not found", err)
			}
		}
		late := r.hold(r.put("late"), 10)[0]
		wantFound(t, r.find(10, ids...), late, "late")
		r.find(10) // nothing
	})
}

// What was found opens after it has moved, too.
func TestFoundBodiesMove(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := onPacks(t, open, nil)
		content := func(i int) string { return string(make([]byte, 1500)) + fmt.Sprint(i) }
		var ids []mail.BlobID
		for i := range 60 {
			ids = append(ids, r.hold(r.put(content(i)), 10)[0])
		}
		kept := r.find(10, ids...)
		for i, id := range ids {
			if i%3 != 0 {
				r.release(10, id)
			}
		}
		r.collect(0)
		for range 3 {
			if _, err := r.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i := 0; i < len(ids); i += 3 {
			wantFound(t, kept, ids[i], content(i))
		}
	})
}
