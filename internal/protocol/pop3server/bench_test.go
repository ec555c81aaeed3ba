package pop3server

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// memory is what the program holds, after collecting what it does not.
func memory() (heap uint64) {
	doortest.EmptyPools()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A session that waits holds no buffers: it costs a few KiB besides what the connection costs by itself.
func TestIdleSessionsAreCheap(t *testing.T) {
	f := serve(t, func(o *Options) { o.Limits.ConnectionsPerHost = 10_000; o.Log = nil })
	f.Deliver(ann, mailbox.Inbox, sample(1), sample(2))
	const sessions = 300
	f.login().text("RETR 1")
	before := memory()
	for range sessions {
		c := f.login()
		c.text("RETR 1")
		c.text("UIDL")
		c.r.Reset(nil)
		c.r = nil // the client's own buffer does not count
	}
	const most = 8 << 10
	each := uint64(math.MaxUint64)
	for begun := time.Now(); each > most && time.Since(begun) < 10*time.Second; { // a session gives its buffers back a moment after it has answered
		each = (max(before, memory()) - before) / sessions
	}
	t.Logf("a session costs %d bytes of heap, with both ends of its pipe", each)
	if each > most {
		t.Errorf("a session costs %d bytes of heap", each)
	}
}

// A message of any size is sent in bounded memory.
func TestRetrievalIsBounded(t *testing.T) {
	f := serve(t, func(o *Options) { o.Log = nil })
	f.Deliver(ann, mailbox.Inbox, "Subject: large\r\n\r\n"+strings.Repeat(strings.Repeat("x", 76)+"\r\n", 500_000))
	c := f.login()
	c.ok("RETR 1")
	before, most := memory(), uint64(0)
	for n := 0; ; n++ {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			t.Fatal(err)
		}
		if string(line) == ".\r\n" {
			break
		}
		if n%50_000 == 0 {
			most = max(most, memory())
		}
	}
	if most > before+1<<20 {
		t.Errorf("%d KiB more are held while 38 MB are sent", (most-before)>>10)
	}
}

// BenchmarkMaildropOf10000 fetches messages of 4 KiB, pipelined as mpop does it.
func BenchmarkMaildropOf10000(b *testing.B) {
	f := serve(b, func(o *Options) { o.Log = nil })
	batch := make([]string, 50)
	for i := range 200 {
		for j := range batch {
			batch[j] = sample(50*i+j) + strings.Repeat(fmt.Sprintf("%076d\r\n", i*50+j), 50)
		}
		f.Deliver(ann, mailbox.Inbox, batch...)
	}
	c := f.login()
	for name, command := range map[string]func(n int) string{
		"UIDL": nil, "LIST": nil, "STAT": nil,
		"RETR": func(n int) string { return fmt.Sprintf("RETR %d\r\n", n) }, "TOP": func(n int) string { return fmt.Sprintf("TOP %d 0\r\n", n) },
	} {
		b.Run(name, func(b *testing.B) {
			const group = 100
			at, ends := 0, 1
			for b.Loop() {
				var out bytes.Buffer
				if command == nil {
					out.WriteString(name + "\r\n")
				} else {
					ends = group
					for range group {
						out.WriteString(command(at%10_000 + 1))
						at++
					}
				}
				go c.conn.Write(out.Bytes())
				for left := ends; left > 0; {
					line, err := c.r.ReadSlice('\n')
					if err != nil {
						b.Fatal(err)
					}
					if string(line) == ".\r\n" || name == "STAT" {
						left--
					}
				}
			}
			if command != nil {
				b.ReportMetric(float64(b.N*group)/b.Elapsed().Seconds(), "messages/s")
			}
		})
	}
}
