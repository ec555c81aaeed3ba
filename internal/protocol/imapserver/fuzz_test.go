package imapserver

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
)

// counted tells when sessions end.
type counted struct {
	noObserver
	ended chan struct{}
}

func (c counted) SessionEnded() { c.ended <- struct{}{} }

// Whatever a client sends, from whatever depth of a session, the session ends when the client goes, nothing is logged as
// a fault, and every line of the answer is one of IMAP.
func FuzzSession(f *testing.F) {
	may := func(sent string) bool { return !strings.Contains(sent, "$") }
	for _, seed := range doortest.Seeds(f, root+"test/dialogues/imap/*.dialogue", may) {
		f.Add(uint8(0), seed)
		f.Add(uint8(2), seed)
	}
	f.Add(uint8(2), []byte("a APPEND INBOX {3+}\r\nabc (\\Seen) ~{2+}\r\n\x00\xff\r\nb SEARCH RETURN (SAVE) TEXT x\r\nc UID MOVE $ Sent\r\n"))
	f.Add(uint8(3), []byte("DONE\r\na IDLE\r\ndone\r\nb FETCH 1:* (BODY[1.2.HEADER.FIELDS (X)]<1.2> BINARY[1])\r\n"))
	var faults doortest.Log
	o := counted{ended: make(chan struct{}, 1)}
	s := serveRooms(f, openRooms(f, doortest.Forgiving()), func(options *Options) {
		options.Log = slog.New(slog.NewTextHandler(&faults, &slog.HandlerOptions{Level: slog.LevelError}))
		options.Observer = o
		options.Limits.MessageSize = 10_000
	})
	f.Fuzz(func(t *testing.T, depth uint8, input []byte) {
		c := s.at(t, int(depth)%len(depths))
		got := doortest.Play(c.conn, c.r, input, "\r\nzz LOGOUT\r\n", 50*time.Millisecond)
		if err := doortest.Ended(o.ended); err != nil {
			t.Fatal(err)
		}
		if fault := faults.String(); fault != "" {
			t.Fatal(fault)
		}
		checkLines(t, got)
	})
}

// depths are the commands that lead to where fuzzing begins.
var depths = [][]string{
	{},
	{`LOGIN ann@example.org "correct horse"`},
	{`LOGIN ann@example.org "correct horse"`, "SELECT INBOX", "APPEND INBOX {14+}\r\nSubject: s\r\n\r\n"},
	{`LOGIN ann@example.org "correct horse"`, "ENABLE IMAP4rev2 QRESYNC", "SELECT INBOX"},
}

func (f *serving) at(t *testing.T, depth int) *client {
	nc, err := f.Dial("imap")
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, nc)
	c.line()
	for _, command := range depths[depth] {
		c.ok(command)
	}
	if depth == 3 {
		c.idle()
	}
	return c
}

// checkLines fails on a line that does not begin as responses do. Content of literals is passed over.
func checkLines(t *testing.T, got []byte) {
	for len(got) > 0 {
		line, rest, whole := bytes.Cut(got, []byte("\r\n"))
		if !whole {
			return
		}
		if m := literal.FindSubmatch(line); m != nil {
			n := number(string(m[1]))
			if n > len(rest) {
				return
			}
			got = append([]byte("* "), rest[n:]...)
			continue
		}
		tag, text, _ := bytes.Cut(line, []byte(" "))
		if bytes.Equal(text, []byte("OK "+compressed)) {
			return // and so is the rest
		}
		status := bytes.HasPrefix(text, []byte("OK ")) || bytes.HasPrefix(text, []byte("NO ")) || bytes.HasPrefix(text, []byte("BAD "))
		if string(tag) != "*" && string(tag) != "+" && !status {
			t.Fatalf("the answer has the line %q", line)
		}
		got = rest
	}
}
