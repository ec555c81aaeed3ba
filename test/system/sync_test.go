//go:build system

package system

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every 250 that accepts a message, and every OK of an APPEND, follows a sync of the pack that holds its body and of the log
// of the database, both after the last byte of the message came: seen from outside, by the system calls.
func TestSyncedBeforeAnswered(t *testing.T) {
	strace := tool(t, "strace")
	s := newServer(t)
	to := s.addAccounts(1)[0]
	s.stop()
	trace := filepath.Join(t.TempDir(), "trace")
	s.start(strace, "-f", "-y", "-o", trace, "-s", "64", "-e", "trace=fsync,fdatasync,write,read,sendto,recvfrom")

	const messages = 20
	smtp := dialText(t, s.ready.SMTP)
	smtp.say("", "220 ")
	smtp.say("EHLO trace.example.net\r\n", "250 ")
	for range messages {
		smtp.say("MAIL FROM:<me@example.net>\r\n", "250 ")
		smtp.say("RCPT TO:<"+to+">\r\n", "250 ")
		smtp.say("DATA\r\n", "354 ")
		smtp.say("Subject: trace\r\n\r\nbody\r\n.\r\n", "250 2.0.0 ")
	}
	imap := dialText(t, s.ready.IMAP)
	imap.say("", "* OK ")
	imap.say("a LOGIN "+to+` "`+password+"\"\r\n", "a OK ")
	const message = "X: y\r\n\r\nappended"
	for range messages {
		imap.say(fmt.Sprintf("a APPEND INBOX {%d+}\r\n%s\r\n", len(message), message), "a OK [APPENDUID ")
	}
	s.stop()
	checkTrace(t, trace, 2*messages)
}

// text is a connection of a protocol of lines.
type text struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

func dialText(t *testing.T, addr string) *text {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &text{t, nc, bufio.NewReader(nc)}
}

// say sends something and reads lines up to one that begins as it should; lines that go on, and untagged ones, may come
// before it.
func (c *text) say(words, want string) {
	c.t.Helper()
	io.WriteString(c.nc, words)
	for {
		got, err := c.r.ReadString('\n')
		if strings.HasPrefix(got, want) {
			return
		}
		if err != nil || !strings.HasPrefix(got, want[:3]+"-") && !strings.HasPrefix(got, "* ") {
			c.t.Fatalf("%q was answered %q, %v", words, got, err)
		}
	}
}

var (
	lastByte = regexp.MustCompile(`(read|recvfrom)(\(| resumed>).*(\\r\\n\.|appended)\\r\\n"`)
	answered = regexp.MustCompile(`(write|sendto)\(.*"(250 2\.0\.0 .*(queued|id|ok)|a OK \[APPENDUID )`)
	packSync = regexp.MustCompile(`f(data)?sync\(\d+<[^>]*/packs/[^>]*>(\)| <unf)`)
	logSync  = regexp.MustCompile(`f(data)?sync\(\d+<[^>]*\.db(-wal)?>(\)| <unf)`)
)

func checkTrace(t *testing.T, path string, messages int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var pack, log, seen int
	inMessage := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		switch line := lines.Text(); {
		case lastByte.MatchString(line):
			inMessage, pack, log = true, 0, 0
		case packSync.MatchString(line):
			pack++
		case logSync.MatchString(line):
			if pack == 0 && inMessage {
				continue // rows of a message must follow its bytes
			}
			log++
		case inMessage && answered.MatchString(line):
			seen++
			inMessage = false
			if pack == 0 || log == 0 {
				t.Errorf("message %d: answered after %d syncs of a pack and %d of the log behind them", seen, pack, log)
			}
		}
	}
	if seen != messages {
		t.Errorf("the trace shows %d accepted messages, want %d", seen, messages)
	}
}
