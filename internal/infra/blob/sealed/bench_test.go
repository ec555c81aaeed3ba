package sealed

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
)

// text makes n bytes that compress as mail does: words, and lines of encoded attachment in the larger ones.
func text(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var words [400]string
	for i := range words {
		w := make([]byte, 2+rng.IntN(8))
		for j := range w {
			w[j] = byte('a' + rng.IntN(26))
		}
		words[i] = string(w)
	}
	var b bytes.Buffer
	for b.Len() < n {
		if b.Len() > 16<<10 {
			for range 76 {
				b.WriteByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[rng.IntN(64)])
			}
			b.WriteString("\r\n")
			continue
		}
		for range 10 {
			fmt.Fprintf(&b, "%s ", words[rng.IntN(20+rng.IntN(380))])
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()[:n]
}

func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{1 << 10, 10 << 10, 75 << 10, 50 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			content := text(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var stored int64
			for b.Loop() {
				s, err := newSealer(1, Key{1}, bytes.NewReader(content))
				if err != nil {
					b.Fatal(err)
				}
				if stored, err = io.Copy(io.Discard, s); err != nil {
					b.Fatal(err)
				}
				s.release()
			}
			b.ReportMetric(float64(stored)/float64(size), "stored/clear")
		})
	}
}

type bytesReader struct{ *bytes.Reader }

func (bytesReader) Close() error { return nil }

func BenchmarkRead(b *testing.B) {
	for _, size := range []int{10 << 10, 50 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s, err := newSealer(1, Key{1}, bytes.NewReader(text(size)))
			if err != nil {
				b.Fatal(err)
			}
			object, err := io.ReadAll(s)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			buf := make([]byte, 32<<10)
			for b.Loop() {
				var src blob.Reader = bytesReader{bytes.NewReader(object)}
				r, err := NewReader(src, 1, Key{1})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.NewSectionReader(r, 0, r.Size()), buf); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}
