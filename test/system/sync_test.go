//go:build system

package system

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every 250 that accepts a message follows a sync of the pack that holds its body and of the log of the database, both
// after the last byte of the message came: seen from outside, by the system calls.
func TestSyncedBeforeAnswered(t *testing.T) {
	strace := tool(t, "strace")
	s := newServer(t)
	to := s.addAccounts(1)[0]
	s.stop()
	trace := filepath.Join(t.TempDir(), "trace")
	s.start(strace, "-f", "-y", "-o", trace, "-s", "64", "-e", "trace=fsync,fdatasync,write,read,sendto,recvfrom")

	const messages = 20
	nc, err := net.Dial("tcp", s.ready.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	say := func(line, want string) {
		t.Helper()
		if line != "" {
			nc.Write([]byte(line + "\r\n"))
		}
		for {
			got, err := r.ReadString('\n')
			if err != nil || !strings.HasPrefix(got, want) {
				t.Fatalf("%q was answered %q, %v", line, got, err)
			}
			if len(got) > 3 && got[3] == ' ' {
				return
			}
		}
	}
	say("", "220")
	say("EHLO trace.example.net", "250")
	for range messages {
		say("MAIL FROM:<me@example.net>", "250")
		say("RCPT TO:<"+to+">", "250")
		say("DATA", "354")
		say("Subject: trace\r\n\r\nbody\r\n.", "250 2.0.0")
	}
	s.stop()
	checkTrace(t, trace, messages)
}

var (
	lastByte = regexp.MustCompile(`(read|recvfrom)\(.*\\r\\n\.\\r\\n"`)
	answered = regexp.MustCompile(`(write|sendto)\(.*"250 2\.0\.0 .*(queued|id|ok)`)
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
