package bodies_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	blobsql "github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// inDatabase is a room that keeps its bodies in the database.
func inDatabase(t *testing.T, test func(t *testing.T, r *room, rows func() int64)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := newRoom(t, open, nil)
		r.Store = r.open(func(o *bodies.Options) { o.Blobs = blobsql.New(r.db) })
		test(t, r, func() (n int64) {
			if err := r.db.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(`SELECT count(*) FROM blob_bytes`).Scan(&n) }); err != nil {
				t.Fatal(err)
			}
			return n
		})
	})
}

func contentOf(t *testing.T, r blob.Reader, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := blob.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// A small body of the database is written by the commit that names it, whichever of several stands.
func TestWrittenByTheCommit(t *testing.T) {
	inDatabase(t, func(t *testing.T, r *room, rows func() int64) {
		for _, content := range []string{"", "small", strings.Repeat("not so small ", 2000)} {
			before := rows()
			b := r.put(content)
			opened, err := r.OpenBody(t.Context(), b)
			if got := contentOf(t, opened, err); got != content || rows() != before {
				t.Errorf("%d bytes before the commit, %d rows; want %d bytes and %d rows", len(got), rows(), len(content), before)
			}
			refused := errors.New("refused")
			err = r.tx.Write(t.Context(), []mail.AccountID{10}, func(t *tx.Tx) error {
				_, err := r.Hold(t, 10, b)
				return errors.Join(err, refused)
			})
			if !errors.Is(err, refused) || rows() != before {
				t.Errorf("%v: %d rows, want %d", err, rows(), before)
			}
			names := append(r.hold(b, 10, 11), r.hold(b, 12)...)
			if rows() != before+1 {
				t.Errorf("%d rows, want %d", rows(), before+1)
			}
			for i, id := range names {
				opened, err := r.Open(t.Context(), mail.AccountID(10+i), id)
				if got := contentOf(t, opened, err); got != content {
					t.Errorf("account %d has %d bytes, want %d", 10+i, len(got), len(content))
				}
			}
		}
		if _, err := r.Check(t.Context(), func(f bodies.Finding) { t.Errorf("%+v", f) }); err != nil {
			t.Error(err)
		}
	})
}

// A large one is written before, and goes when it is discarded; of a small one nothing is left to go.
func TestDiscardOfWhatTheDatabaseKeeps(t *testing.T) {
	inDatabase(t, func(t *testing.T, r *room, rows func() int64) {
		for size, want := range map[int]int64{10 << 10: 0, 100 << 10: 1} {
			b, err := r.Put(t.Context(), noise(size))
			if err != nil {
				t.Fatal(err)
			}
			if rows() != want {
				t.Errorf("%d bytes: %d rows before the commit, want %d", size, rows(), want)
			}
			if err := r.Discard(t.Context(), b); err != nil || rows() != 0 {
				t.Errorf("discard: %v, %d rows are left", err, rows())
			}
			err = r.tx.Write(t.Context(), []mail.AccountID{10}, func(t *tx.Tx) error { _, err := r.Hold(t, 10, b); return err })
			if !errors.Is(err, bodies.ErrPutAgain) {
				t.Errorf("hold after discard: %v", err)
			}
		}
	})
}

// The reader's error is the caller's, and nothing is left.
func TestPutOfABrokenReader(t *testing.T) {
	inDatabase(t, func(t *testing.T, r *room, rows func() int64) {
		broken := errors.New("broken")
		for _, size := range []int{10, 40 << 10} {
			if _, err := r.Put(t.Context(), &failing{noise(size), broken}); !errors.Is(err, broken) || rows() != 0 {
				t.Errorf("%v, %d rows", err, rows())
			}
		}
	})
}

// noise is content that does not compress.
func noise(size int) *bytes.Reader {
	content := make([]byte, size)
	state := uint64(size)
	for i := range content {
		state = state*6364136223846793005 + 1442695040888963407
		content[i] = byte(state >> 56)
	}
	return bytes.NewReader(content)
}

type failing struct {
	from *bytes.Reader
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	if f.from.Len() == 0 {
		return 0, f.err
	}
	return f.from.Read(p)
}
