package imapserver

import (
	"bufio"
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
)

// memory is what the program holds, after collecting what it does not.
func memory() (heap, stacks uint64) {
	doortest.EmptyPools()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.StackInuse
}

// A session that waits, in IDLE or between commands, holds no buffers: it costs a few KiB besides what the connection
// costs by itself.
func TestIdleSessionsAreCheap(t *testing.T) {
	f := serve(t, func(o *Options) { o.Limits.ConnectionsPerHost = 10_000; o.Log = nil })
	f.Deliver(ann, "INBOX", sample(1), sample(2))
	const sessions = 300
	for _, idle := range []bool{false, true} {
		f.login("SELECT INBOX").idle()
		heap, stacks := memory()
		for range sessions {
			c := f.login("SELECT INBOX", "FETCH 1:* (FLAGS ENVELOPE)", "FETCH 1 BODY[]")
			if idle {
				c.idle()
			}
			c.r.Reset(nil)
			c.r = nil // the client's own buffer does not count
		}
		h, s := memory()
		perHeap, perStacks := (h-heap)/sessions, (s-stacks)/sessions
		t.Logf("a session (idle: %v) costs %d bytes of heap and %d of stacks, with both ends of its pipe", idle, perHeap, perStacks)
		if perHeap > 8<<10 {
			t.Errorf("a session (idle: %v) costs %d bytes of heap", idle, perHeap)
		}
	}
}

// full is a server with a mailbox of 10,000 messages.
func full(b *testing.B) *client {
	f := serve(b, func(o *Options) { o.Log = nil })
	batch := make([]string, 50)
	for i := range 200 {
		for j := range batch {
			batch[j] = sample(50*i + j)
		}
		f.Deliver(ann, "INBOX", batch...)
	}
	return f.login("SELECT INBOX", "STORE 1:5000 +FLAGS.SILENT (\\Seen)")
}

// timed runs a command again and again, reading its answer without looking at it.
func timed(b *testing.B, c *client, command string) {
	b.ReportAllocs()
	for b.Loop() {
		tag := []byte(c.send(command) + " OK")
		for done, middle := false, false; !done; {
			line, err := c.r.ReadSlice('\n')
			if err != nil && err != bufio.ErrBufferFull {
				b.Fatal(err)
			}
			done = !middle && bytes.HasPrefix(line, tag)
			middle = err != nil
		}
	}
}

func BenchmarkMailboxOf10000(b *testing.B) {
	c := full(b)
	for _, command := range []string{"SELECT INBOX", "FETCH 1:* (UID FLAGS)", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
		"FETCH 1:* BODYSTRUCTURE", "FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "FETCH 1:1000 BODY.PEEK[]", "SEARCH UNSEEN",
		"SEARCH SUBJECT nothing", "FETCH 5000 FLAGS", "NOOP"} {
		b.Run(strings.ReplaceAll(command, " ", "_"), func(b *testing.B) { timed(b, c, command) })
	}
	i := 0
	b.Run("STORE", func(b *testing.B) {
		for b.Loop() {
			i++
			if _, err := fmt.Fprintf(c.conn, "a STORE %d %cFLAGS.SILENT (\\Flagged)\r\n", i%10_000+1, "+-"[i/10_000%2]); err != nil {
				b.Fatal(err)
			}
			if _, err := c.r.ReadSlice('\n'); err != nil {
				b.Fatal(err)
			}
		}
	})
}
