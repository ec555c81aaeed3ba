package bysize_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/bysize"
	"github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// The table as store/schema has it, which this floor must not import.
var table = fstest.MapFS{"0001_blob_bytes.sql": {Data: []byte(`-- +goose Up
CREATE TABLE blob_bytes (name BIGINT NOT NULL, part BIGINT NOT NULL, bytes {{bytes}} NOT NULL, PRIMARY KEY (name, part));
`)}}

// large is what an S3 service is elsewhere: a store whose locations look different.
type large struct {
	blobtest.Memory
	cleaned time.Time
	down    error
}

func (l *large) Clean(_ context.Context, before time.Time) error { l.cleaned = before; return nil }
func (l *large) Ping(context.Context) error                      { return l.down }

func isLarge(at blob.Location) bool { return len(at) > 0 && at[0] == 'M' }

func open(t testing.TB, l *large, small bysize.Lister, most int64) *bysize.Store {
	if small == nil {
		small = sql.New(dbtest.OnSQLite(t, table)())
	}
	return bysize.New(bysize.Options{Small: small, Large: l, Most: most, IsLarge: isLarge})
}

func TestContract(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blob.Store { return open(t, new(large), nil, 64<<10) })
}

// The threshold decides, and can change: what is kept is found where it is.
func TestThreshold(t *testing.T) {
	l, small := new(large), sql.New(dbtest.OnSQLite(t, table)())
	s := open(t, l, small, 1000)
	at, above := blobtest.Put(t, s, 1, blobtest.Content(1, 1000)), blobtest.Put(t, s, 2, blobtest.Content(2, 1001))
	if isLarge(at) || !isLarge(above) {
		t.Fatalf("1000 bytes are at %x, 1001 at %x", at, above)
	}
	for _, most := range []int64{0, 1 << 20} {
		s := open(t, l, small, most)
		blobtest.Want(t, s, at, blobtest.Content(1, 1000))
		blobtest.Want(t, s, above, blobtest.Content(2, 1001))
	}
	if err := s.Remove(t.Context(), at, above); err != nil {
		t.Fatal(err)
	}
	err := s.List(t.Context(), func(f blob.Found) error { return errors.New("something is left") })
	if err != nil {
		t.Error(err)
	}
}

func TestBothAreAsked(t *testing.T) {
	l := new(large)
	s := open(t, l, nil, 1000)
	before := time.UnixMilli(12345)
	if err := s.Clean(t.Context(), before); err != nil || !l.cleaned.Equal(before) {
		t.Errorf("Clean asked for %v, %v", l.cleaned, err)
	}
	if l.down = errors.New("down"); s.Ping(t.Context()) != l.down {
		t.Error("Ping does not tell that a store is down")
	}
}

// Small bodies are left to the transaction that names them, as they are without a bucket.
func TestPutLater(t *testing.T) {
	s := open(t, new(large), nil, 1000)
	for size, wantLater := range map[int]bool{1000: true, 1001: false} {
		content := blobtest.Content(1, size)
		at, n, later, err := s.PutLater(t.Context(), 1, bytes.NewReader(content))
		if err != nil || n != int64(size) || (later != nil) != wantLater || isLarge(at) == wantLater {
			t.Errorf("%d bytes: %d at %x, left to the transaction: %t, %v", size, n, at, later != nil, err)
		}
		if later == nil {
			blobtest.Want(t, s, at, content)
		}
	}
}
