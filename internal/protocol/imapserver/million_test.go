package imapserver

import (
	"bufio"
	"bytes"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// heapInUse is what objects take on the heap, those that are not collected yet included. It stops nothing.
func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// watchHeap looks at the heap again and again until stop is called, which returns by how much it grew at most.
func watchHeap() (stop func() uint64) {
	before, _ := memory()
	most, done, ended := before, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(time.Millisecond); ; {
			most = max(most, heapInUse())
			select {
			case <-tick.C:
			case <-done:
				tick.Stop()
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return max(most, heapInUse()) - before
	}
}

// answered sends a command and reads its answer without keeping it. It returns how many octets that has.
func (c *client) answered(command string) (octets int) {
	c.t.Helper()
	tag := []byte(c.send(command) + " OK")
	for done, middle := false, false; !done; {
		line, err := c.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			c.t.Fatalf("%s: %v after %d octets, %.100q", command, err, octets, line)
		}
		octets += len(line)
		done = !middle && bytes.HasPrefix(line, tag)
		middle = err != nil
	}
	return octets
}

// putMany puts n messages into INBOX without the rooms: rows of what is listed, searched by flag and put in order by date. Every
// other has \Flagged.
func (f *serving) putMany(n int) {
	f.T.Helper()
	const step = 1400 // rows that one commit may change
	inbox := f.Path(ann, "INBOX")
	for done := 0; done < n; done += step {
		f.Must(f.DB.Write(f.T.Context(), int64(ann), func(d *db.Tx) error {
			_, err := d.Exec(`WITH RECURSIVE n (i) AS (SELECT $4 + 1 UNION ALL SELECT i + 1 FROM n WHERE i < $5)
				INSERT INTO membership (account_id, mailbox_id, uid, email_id, modseq, flags, keywords, size, received, saved,
					thread_id, sent, attachment)
				SELECT $1, $2, i, i, $3, $6 * (i % 2), '', 4096, 1000000000000 + 1000 * (i * 7919 % 1000003), 0, i, 0, 0 FROM n`,
				ann, inbox.ID, inbox.ModSeq, done, min(n, done+step), mail.Flagged)
			return err
		}))
	}
	f.Must(f.DB.Write(f.T.Context(), int64(ann), func(d *db.Tx) error {
		_, err := d.Exec(`UPDATE mailbox SET uidnext = $3 + 1, messages = $3, unseen = $3, bytes = 4096 * $3, recent_below = $3 + 1
			WHERE account_id = $1 AND id = $2`, ann, inbox.ID, n)
		return err
	}))
}

// What a search costs that matches a million messages, and that its memory is bounded by their number, not by the answer.
//
//	go test -run xxx -bench MillionMessages -benchtime 1x ./internal/protocol/imapserver
func BenchmarkMillionMessages(b *testing.B) {
	const messages, bound = 1_000_000, 300 << 20 // octets of heap beside the view of the mailbox, which all sessions share
	f := serve(b, func(o *Options) { o.Log = nil })
	f.putMany(messages)
	c := f.login()
	for _, command := range []string{"SELECT INBOX", "SEARCH ALL", "SEARCH UNSEEN", "SEARCH FLAGGED", "UID SEARCH RETURN (COUNT) UNSEEN",
		"SEARCH RETURN (ALL) FLAGGED", "SEARCH RETURN (SAVE) FLAGGED", "SEARCH RETURN (COUNT) $", "UID SEARCH RETURN (PARTIAL -1:-100) FLAGGED",
		"SORT (REVERSE ARRIVAL) UTF-8 UNSEEN", "ESEARCH IN (personal) RETURN (COUNT) UNSEEN", "FETCH 1:* FLAGS"} {
		b.Run(strings.ReplaceAll(command, " ", "_"), func(b *testing.B) {
			var most uint64
			octets := 0
			for b.Loop() {
				b.StopTimer()
				stop := watchHeap()
				b.StartTimer()
				octets = c.answered(command)
				most = max(most, stop())
			}
			b.ReportMetric(float64(most)/(1<<20), "MiB-grown")
			b.ReportMetric(float64(octets)/(1<<20), "MiB-answer")
			if most > bound {
				b.Errorf("the heap grew by %d MiB", most>>20)
			}
		})
	}
	// A client that sends the largest search and takes nothing.
	b.Run("never_read", func(b *testing.B) {
		for b.Loop() {
			before, _ := memory()
			c := f.login("SELECT INBOX")
			c.send("SEARCH FLAGGED")
			if _, err := c.r.Peek(1000); err != nil {
				b.Fatal(err)
			}
			after, _ := memory()
			b.ReportMetric((float64(after)-float64(before))/(1<<20), "MiB-held")
			c.conn.Close()
		}
	})
}
