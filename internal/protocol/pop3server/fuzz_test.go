package pop3server

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// counted tells when sessions end.
type counted struct {
	noObserver
	ended chan struct{}
}

func (c counted) SessionEnded() { c.ended <- struct{}{} }

// Whatever a client sends, signed in or not, the session ends when the client goes, nothing is logged as a fault, every
// answer is one of POP3, and without QUIT no message goes.
func FuzzSession(f *testing.F) {
	may := func(sent string) bool { return sent != "QUIT" && sent != "STLS" }
	for _, seed := range doortest.Seeds(f, root+"test/dialogues/pop3/*.dialogue", may) {
		f.Add(false, seed)
		f.Add(true, seed)
	}
	f.Add(true, []byte("RETR 1\r\nTOP 2 1\r\nUIDL\r\nLIST\r\nDELE 1\r\nRSET\r\nDELE 2\r\nRETR 2\n\r\n\x00\xff"))
	f.Add(false, []byte("AUTH PLAIN\r\n*\r\nAUTH LOGIN eA==\r\n\r\nauth x =\r\nUTF8\r\nLANG\r\n"))
	var faults doortest.Log
	o := counted{ended: make(chan struct{}, 1)}
	s := serveRooms(f, openRooms(f, doortest.Forgiving()), func(options *Options) {
		options.Log = slog.New(slog.NewTextHandler(&faults, &slog.HandlerOptions{Level: slog.LevelError}))
		options.Observer = o
	})
	s.Deliver(ann, mailbox.Inbox, sample(1), ".\r\n..\r\n\r\n+OK\n.\n", "Subject: \u00e4\r\n\r\nx")
	inbox := s.Path(ann, mailbox.Inbox).ID
	f.Fuzz(func(t *testing.T, signedIn bool, input []byte) {
		if bytes.Contains(bytes.ToUpper(input), []byte("QUIT")) {
			t.Skip("deletes what is marked")
		}
		nc, err := s.Dial("pop3")
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, nc)
		c.line()
		if signedIn {
			c.signIn()
		}
		got := doortest.Play(c.conn, c.r, input, "\r\nRSET\r\n", 20*time.Millisecond)
		if err := doortest.Ended(o.ended); err != nil {
			t.Fatal(err)
		}
		if fault := faults.String(); fault != "" {
			t.Fatal(fault)
		}
		checkAnswer(t, got)
		if view, err := s.Mailbox.View(t.Context(), ann, inbox); err != nil || view.Len() != 3 {
			t.Fatalf("%d messages are left (%v)", view.Len(), err)
		}
	})
}

// checkAnswer fails when the last line, which answers RSET or says why the session ended, is not one of POP3.
func checkAnswer(t *testing.T, got []byte) {
	text, ended := bytes.CutSuffix(got, []byte("\r\n"))
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	if len(got) > 0 && (!ended || !bytes.HasPrefix(last, []byte("+OK")) && !bytes.HasPrefix(last, []byte("-ERR")) || len(last) > 510) {
		t.Fatalf("the answer ends with %q", last)
	}
}
