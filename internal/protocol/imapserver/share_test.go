package imapserver

import (
	"bufio"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// slowly delivers messages that take 100 ms each to be read, and returns how many were.
func (f *serving) slowly(account mail.AccountID, n int) *atomic.Int64 {
	contents := make([]string, n)
	for i := range contents {
		contents[i] = sample(i)
	}
	f.Deliver(account, "INBOX", contents...)
	var opened atomic.Int64
	f.Blobs.Fail = func(string) error {
		opened.Add(1)
		time.Sleep(100 * time.Millisecond)
		return nil
	}
	return &opened
}

// A search ends when nobody waits for it any more, whatever the client sent before it went away.
func TestSearchWithoutClient(t *testing.T) {
	for name, behind := range map[string]string{"silent": "", "pipelined": "\r\nt9 NOOP"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *serving) {
				opened := f.slowly(ann, 100)
				c := f.login("SELECT INBOX")
				c.ok("SEARCH BODY nothing") // a client that is silent is there
				if n := opened.Swap(0); n != 100 {
					t.Errorf("%d messages were read", n)
				}
				c.send("SEARCH BODY nothing" + behind)
				time.Sleep(3 * time.Second)
				c.conn.Close()
				time.Sleep(10 * time.Second)
				if n := opened.Load(); n < 30 || n > 50 {
					t.Errorf("%d messages were read, want those of 3 seconds", n)
				}
			})
		})
	}
}

// On a socket it is noticed too when the client sent more than the buffer holds.
func TestGoneBehindMuch(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if _, err := io.WriteString(there, strings.Repeat("a NOOP\r\n", 3*readBuffer/8)); err != nil {
		t.Fatal(err)
	}
	w := &wire{Conn: listen.NewConn(here), limits: &Limits{Stall: time.Minute}}
	w.in = bufio.NewReaderSize(feed{w}, readBuffer)
	if _, err := w.in.Peek(readBuffer); err != nil {
		t.Fatal(err)
	}
	if w.gone() {
		t.Error("a client that is there is gone")
	}
	there.Close()
	gone := w.gone()
	for end := time.Now().Add(5 * time.Second); !gone && time.Now().Before(end); runtime.Gosched() {
		gone = w.gone() // the loopback delivers on its own time
	}
	if !gone {
		t.Error("it is not noticed")
	}
}

// A search does not hold the server up that is to stop.
func TestDrainCutsSearch(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		f.slowly(ann, 100)
		c := f.login("SELECT INBOX")
		c.write("a SEARCH BODY nothing\r\nb SEARCH BODY nothing\r\n")
		time.Sleep(2500 * time.Millisecond)
		begun := time.Now()
		go f.Stop()
		c.hear(`a NO \[UNAVAILABLE\] this server is out of service for a moment, .*`)
		c.hear(`\* BYE \[UNAVAILABLE\] this server is out of service for a moment, .*`)
		c.hearClosed()
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// An account with many searches waits for itself, not others for it.
func TestSearchesAreFair(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		f.slowly(ann, 50)
		f.slowly(bob, 7)
		c := f.connect("imap")
		c.ok("LOGIN " + bobAddress + ` "` + bobPassword + `"`)
		c.ok("SELECT INBOX")
		for range 20 {
			f.login("SELECT INBOX").send("SEARCH BODY nothing")
		}
		time.Sleep(time.Second)
		begun := time.Now()
		c.ok("SEARCH BODY nothing")
		if took := time.Since(begun); took > 1700*time.Millisecond { // each message, and the look at the index, waits for one of the other account
			t.Errorf("7 messages took %v", took)
		}
	}, func(o *Options) {
		o.Finder = finderOf(o, search.NewIndex(search.Options{Tx: o.Tx, Bodies: o.Bodies}), 1)
	})
}

// One SEARCH may do so much and no more; what it says then helps.
func TestSearchEffort(t *testing.T) {
	f := serve(t, func(o *Options) { o.Limits.SearchBytes = 100_000 })
	text := "Subject: x\r\n\r\n" + strings.Repeat("some words\r\n", 1000)
	f.Deliver(ann, "INBOX", text, text, text, text, text, text, text, text, text, text)
	encoded := "Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("c29tZSB3b3Jkcwo=\r\n", 1000)
	f.Deliver(ann, "Drafts", encoded, encoded, encoded, encoded, encoded, encoded, encoded)
	c := f.login("SELECT Drafts")
	if _, reply := c.do("SEARCH BODY nothing"); !strings.HasPrefix(reply, "NO [LIMIT] ") {
		t.Errorf("encoded: %s", reply)
	}
	c.ok("SELECT INBOX")
	c.ok("SEARCH 1:5 BODY nothing")
	c.ok("SEARCH SUBJECT nothing")
	for _, command := range []string{"SEARCH BODY nothing", "SEARCH" + strings.Repeat(" NOT SUBJECT y", 100)} {
		if _, reply := c.do(command); !strings.HasPrefix(reply, "NO [LIMIT] this search has looked through") {
			t.Errorf("%.60s: %s", command, reply)
		}
	}
	if got := c.ok("SEARCH SUBJECT x"); len(got) != 1 || got[0] != "* SEARCH 1 2 3 4 5 6 7 8 9 10" {
		t.Errorf("afterwards: %q", got)
	}
}

// An account's commands above the rate wait, whichever of its sessions sends them; other accounts do not.
func TestCommandRate(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		a, b := f.login(), f.login()
		begun := time.Now()
		for range 100 {
			a.ok("NOOP")
		}
		doortest.Within(t, begun, 0) // the burst
		a.write(strings.Repeat("x NOOP\r\n", 200))
		both := make(chan struct{})
		go func() {
			defer close(both)
			for range 200 {
				b.hear("x OK .*")
			}
		}()
		b.write(strings.Repeat("x NOOP\r\n", 200))
		for range 200 {
			a.hear("x OK .*")
		}
		<-both
		if took := time.Since(begun); took < 3900*time.Millisecond || took > 4100*time.Millisecond {
			t.Errorf("400 commands at 100 a second took %v", took)
		}
		other := f.connect("imap")
		other.ok("LOGIN " + bobAddress + ` "` + bobPassword + `"`)
		now := time.Now()
		other.ok("NOOP")
		doortest.Within(t, now, 0)
		time.Sleep(time.Minute)
		now = time.Now()
		for range 90 {
			a.ok("NOOP")
		}
		doortest.Within(t, now, 0) // the bucket is full again
	}, func(o *Options) { o.Limits.CommandRate, o.Limits.CommandBurst = 100, 100 })
}
