package imap

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// replay is a connection on which the same answer to m1 comes again and again.
type replay struct {
	net.Conn
	answer []byte
	r      bytes.Reader
}

func (c *replay) Write(p []byte) (int, error) {
	c.r.Reset(c.answer)
	return len(p), nil
}

func (c *replay) Read(p []byte) (int, error)  { return c.r.Read(p) }
func (c *replay) SetDeadline(time.Time) error { return nil }

// BenchmarkFetch is what reading an answer costs the client: it must be little
// beside what it costs a server to write it.
func BenchmarkFetch(b *testing.B) {
	lines := map[string]string{
		"flags": "* %d FETCH (FLAGS (\\Seen \\Flagged))\r\n",
		"envelope": "* %d FETCH (UID 12345 FLAGS (\\Seen) INTERNALDATE \"02-Jan-2024 03:04:05 +0000\" RFC822.SIZE 4096 ENVELOPE (\"Tue, 02 Jan 2024 03:04:05 +0000\"" +
			" \"some words in a subject\" ((\"Load Generator\" NIL \"sender\" \"example.org\")) ((\"Load Generator\" NIL \"sender\" \"example.org\")) ((\"Load Generator\" NIL" +
			" \"sender\" \"example.org\")) ((NIL NIL \"user\" \"example.org\")) NIL NIL NIL \"<0123456789abcdef.0.1@mailload.example>\")" +
			" BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3700 60 NIL NIL NIL NIL))\r\n",
		"body": "* %d FETCH (BODY[] {4096}\r\n" + string(bytes.Repeat([]byte("x"), 4096)) + ")\r\n",
	}
	const n = 10_000
	for name, line := range lines {
		b.Run(name, func(b *testing.B) {
			var answer bytes.Buffer
			for i := range n {
				fmt.Fprintf(&answer, line, i+1)
			}
			answer.WriteString("m1 OK done\r\n")
			c := newConn(&replay{answer: answer.Bytes()}, Options{})
			var it Items
			b.ReportAllocs()
			for b.Loop() {
				c.tags = 0
				count := 0
				err := c.Do("FETCH 1:* X", func(r Response) error {
					for it.Reset(r); it.Next(); {
						if string(it.Name) == "FLAGS" && !HasFlag(it.Value, `\Seen`) {
							return io.ErrUnexpectedEOF
						}
					}
					count++
					return it.Err()
				})
				if err != nil || count != n {
					b.Fatal(count, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/message")
		})
	}
}
