package pack_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// BenchmarkPut is the rate of acknowledged bodies from 64 senders at once, on the disk of the temporary folder.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{10 << 10, 75 << 10, 2 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			var syncs, bodies atomic.Int64
			s := open(b, pack.Options{FS: pack.OS(b.TempDir()), Observe: func(g pack.Batch) {
				syncs.Add(1)
				bodies.Add(int64(g.Bodies))
			}})
			content := blobtest.Content(1, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			putFrom(b, s, 64, content)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bodies/s")
			if n := syncs.Load(); n > 0 {
				b.ReportMetric(float64(bodies.Load())/float64(n), "bodies/sync")
			}
		})
	}
}

func putFrom(b *testing.B, s *pack.Store, senders int, content []byte) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range senders {
		wait.Go(func() {
			r := bytes.NewReader(nil)
			for {
				id := next.Add(1)
				if id > int64(b.N) {
					return
				}
				r.Reset(content)
				if _, _, err := s.Put(b.Context(), mail.ObjectID(id), r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func BenchmarkOpenRead(b *testing.B) {
	s := open(b, pack.Options{FS: pack.OS(b.TempDir())})
	at := blobtest.Put(b, s, 1, blobtest.Content(1, 10<<10))
	p := make([]byte, 10<<10)
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Open(b.Context(), at)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.ReadAt(p, 0); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
