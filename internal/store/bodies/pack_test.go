package bodies_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// onPacks is a room over local packs that may be compacted at once.
func onPacks(t *testing.T, open dbtest.Open, change func(*bodies.Options)) *room {
	t.Helper()
	p, err := pack.Open(pack.Options{FS: pack.OS(t.TempDir()), PackSize: 20_000, Settle: 1, Grace: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return newRoom(t, open, func(o *bodies.Options) {
		o.Blobs = p
		if change != nil {
			change(o)
		}
	})
}

// Bodies are read while they are moved, and all are there when room has been made.
func TestReadWhileCompacting(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := onPacks(t, open, nil)
		content := func(i int) string { return string(blobtest.Content(uint64(i), 1500)) }
		var ids []mail.BlobID
		for i := range 60 {
			ids = append(ids, r.hold(r.put(content(i)), 10)[0])
		}
		for i := range ids {
			if i%3 != 0 {
				r.release(10, ids[i])
			}
		}
		r.collect(0)
		stop := make(chan struct{})
		var wait sync.WaitGroup
		for reader := range 2 {
			wait.Go(func() {
				for i := reader * 3; ; i = (i + 3) % 60 {
					select {
					case <-stop:
						return
					default:
					}
					if err := sameBytes(r.Store, 10, ids[i], content(i)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		var done blob.Compacted
		for range 3 {
			c, err := r.Compact(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			done.Moved += c.Moved
			done.Freed += c.Freed
		}
		close(stop)
		wait.Wait()
		if done.Moved == 0 || done.Freed == 0 {
			t.Errorf("compaction did %+v", done)
		}
		if found, checked := r.check(); len(found) > 0 || checked.Blobs != 20 {
			t.Errorf("after it: %+v, checked %+v", found, checked)
		}
	})
}

func sameBytes(s *bodies.Store, a mail.AccountID, id mail.BlobID, content string) error {
	r, err := s.Open(context.Background(), a, id)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := blob.ReadAll(r)
	if err == nil && string(got) != content {
		err = fmt.Errorf("blob %v has other bytes", id)
	}
	return err
}

// BenchmarkDeliver is a delivery as far as this room goes: put a body of 10 KiB, name it, commit; 64 at a time.
func BenchmarkDeliver(b *testing.B) {
	p, err := pack.Open(pack.Options{FS: pack.OS(b.TempDir())})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	r := newRoom(b, dbtest.OnSQLite(b, schema.Files), func(o *bodies.Options) {
		o.Blobs, o.KeyFile = p, filepath.Join(b.TempDir(), "keys")
	})
	defer r.Close()
	content := bytes.Repeat([]byte(text()), 10)[:10<<10]
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	b.SetParallelism(16)
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := next.Add(1)
			account := mail.AccountID(10 + n%3)
			body, err := r.Put(context.Background(), io.MultiReader(strings.NewReader(fmt.Sprint(n)), bytes.NewReader(content)))
			if err != nil {
				b.Error(err)
				return
			}
			err = r.tx.Write(context.Background(), []mail.AccountID{account}, func(t *tx.Tx) error {
				_, err := r.Hold(t, account, body)
				return err
			})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

// text is a piece of what people write.
func text() string {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "%d words of line %d,\r\n", i*7919%1000, i)
	}
	return b.String()
}
