package imapserver

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// commandsOf are the commands of a dialogue, as they stand, to begin fuzzing with.
func commandsOf(f *testing.F, file string) (text string) {
	content, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if _, sent, is := strings.Cut(strings.TrimSpace(line), " -> "); is && !strings.Contains(sent, "$") {
			text += sent + "\r\n"
		}
	}
	return text
}

// counted tells when sessions end.
type counted struct {
	noObserver
	ended chan struct{}
}

func (c counted) SessionEnded() { c.ended <- struct{}{} }

// Whatever a client sends, from whatever depth of a session, the session ends when the client goes, nothing is logged as
// a fault, and every line of the answer is one of IMAP.
func FuzzSession(f *testing.F) {
	files, err := filepath.Glob(root + "test/dialogues/imap/*.dialogue")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(uint8(0), []byte(commandsOf(f, file)))
		f.Add(uint8(2), []byte(commandsOf(f, file)))
	}
	f.Add(uint8(2), []byte("a APPEND INBOX {3+}\r\nabc (\\Seen) ~{2+}\r\n\x00\xff\r\nb SEARCH RETURN (SAVE) TEXT x\r\nc UID MOVE $ Sent\r\n"))
	f.Add(uint8(3), []byte("DONE\r\na IDLE\r\ndone\r\nb FETCH 1:* (BODY[1.2.HEADER.FIELDS (X)]<1.2> BINARY[1])\r\n"))
	var faults logBuffer
	o := counted{ended: make(chan struct{}, 1)}
	var hours atomic.Int64
	patient := func(o *auth.Options) { // so that wrong passwords are forgotten
		o.Now = func() time.Time { return time.Unix(3600*hours.Add(1), 0) }
	}
	s := serveRooms(f, openRooms(f, patient), func(options *Options) {
		options.Log = slog.New(slog.NewTextHandler(&faults, &slog.HandlerOptions{Level: slog.LevelError}))
		options.Observer = o
		options.Limits.MessageSize = 10_000
	})
	f.Fuzz(func(t *testing.T, depth uint8, input []byte) {
		c := s.at(t, int(depth)%len(depths))
		got := play(c, input)
		select {
		case <-o.ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the session goes on without its client")
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
	nc, err := f.dial("imap")
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

// play sends the input and a farewell, and returns what is answered until nothing comes any more.
func play(c *client, input []byte) (got []byte) {
	defer c.conn.Close()
	go func() {
		io.Copy(c.conn, io.MultiReader(bytes.NewReader(input), strings.NewReader("\r\nzz LOGOUT\r\n")))
	}()
	buf := make([]byte, 32<<10)
	for {
		c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := c.r.Read(buf)
		if got = append(got, buf[:n]...); err != nil {
			return got
		}
	}
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
