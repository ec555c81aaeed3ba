package pop3server

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
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// commandsOf are the commands of a dialogue, as they stand, to begin fuzzing with.
func commandsOf(f *testing.F, file string) (text string) {
	content, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if _, sent, is := strings.Cut(strings.TrimSpace(line), " -> "); is && sent != "QUIT" && sent != "STLS" {
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

// Whatever a client sends, signed in or not, the session ends when the client goes, nothing is logged as a fault, every
// answer is one of POP3, and without QUIT no message goes.
func FuzzSession(f *testing.F) {
	files, err := filepath.Glob(root + "test/dialogues/pop3/*.dialogue")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(false, []byte(commandsOf(f, file)))
		f.Add(true, []byte(commandsOf(f, file)))
	}
	f.Add(true, []byte("RETR 1\r\nTOP 2 1\r\nUIDL\r\nLIST\r\nDELE 1\r\nRSET\r\nDELE 2\r\nRETR 2\n\r\n\x00\xff"))
	f.Add(false, []byte("AUTH PLAIN\r\n*\r\nAUTH LOGIN eA==\r\n\r\nauth x =\r\nUTF8\r\nLANG\r\n"))
	var faults logBuffer
	o := counted{ended: make(chan struct{}, 1)}
	var hours atomic.Int64
	patient := func(o *auth.Options) { // so that wrong passwords are forgotten
		o.Now = func() time.Time { return time.Unix(3600*hours.Add(1), 0) }
	}
	s := serveRooms(f, openRooms(f, patient), func(options *Options) {
		options.Log = slog.New(slog.NewTextHandler(&faults, &slog.HandlerOptions{Level: slog.LevelError}))
		options.Observer = o
	})
	s.deliver(ann, mailbox.Inbox, sample(1), ".\r\n..\r\n\r\n+OK\n.\n", "Subject: \u00e4\r\n\r\nx")
	inbox := s.path(ann, mailbox.Inbox).ID
	f.Fuzz(func(t *testing.T, signedIn bool, input []byte) {
		if bytes.Contains(bytes.ToUpper(input), []byte("QUIT")) {
			t.Skip("deletes what is marked")
		}
		nc, err := s.dial("pop3")
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, nc)
		c.line()
		if signedIn {
			c.signIn()
		}
		got := play(c, input)
		select {
		case <-o.ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the session goes on without its client")
		}
		if fault := faults.String(); fault != "" {
			t.Fatal(fault)
		}
		checkAnswer(t, got)
		if view, err := s.mailbox.View(t.Context(), ann, inbox); err != nil || view.Len() != 3 {
			t.Fatalf("%d messages are left (%v)", view.Len(), err)
		}
	})
}

// play sends the input and RSET, and returns what is answered until nothing comes any more.
func play(c *client, input []byte) (got []byte) {
	defer c.conn.Close()
	go func() {
		io.Copy(c.conn, io.MultiReader(bytes.NewReader(input), strings.NewReader("\r\nRSET\r\n")))
	}()
	buf := make([]byte, 32<<10)
	for {
		c.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := c.r.Read(buf)
		if got = append(got, buf[:n]...); err != nil {
			return got
		}
	}
}

// checkAnswer fails when the last line, which answers RSET or says why the session ended, is not one of POP3.
func checkAnswer(t *testing.T, got []byte) {
	text, ended := bytes.CutSuffix(got, []byte("\r\n"))
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	if len(got) > 0 && (!ended || !bytes.HasPrefix(last, []byte("+OK")) && !bytes.HasPrefix(last, []byte("-ERR")) || len(last) > 510) {
		t.Fatalf("the answer ends with %q", last)
	}
}
