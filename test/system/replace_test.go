//go:build system

package system

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

// A draft that is replaced again and again while the server is killed is there once at any time: in the version that was
// acknowledged last, or in the one after.
func TestKilledInReplace(t *testing.T) {
	s := newServer(t)
	account := s.addAccounts(1)[0]
	c := dialAs(t, s, account)
	must(t, c.appendTo("Subject: draft\r\n\r\nversion 0 end"))
	version := 0
	for range 6 {
		acknowledged, sent := replaceUntilKilled(t, s, account, version)
		s.start()
		c := dialAs(t, s, account)
		whole := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierText, Peek: true}
		left, err := c.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
		must(t, err)
		if len(left) != 1 {
			t.Fatalf("the draft is there %d times after version %d", len(left), acknowledged)
		}
		if _, err := fmt.Sscanf(string(left[0].FindBodySection(whole)), "version %d end", &version); err != nil || version < acknowledged || version > sent {
			t.Fatalf("version %d is left (%v): %d was acknowledged, %d sent", version, err, acknowledged, sent)
		}
		t.Logf("killed after version %d of %d: %d is left", acknowledged, sent, version)
	}
	s.stop()
	s.verify()
}

// replaceUntilKilled replaces the draft with further versions until the server is killed, at a moment of chance.
func replaceUntilKilled(t *testing.T, s *server, account string, version int) (acknowledged, sent int) {
	t.Helper()
	nc, err := net.Dial("tcp", s.ready.IMAP)
	must(t, err)
	defer nc.Close()
	r := bufio.NewReader(nc)
	await := func(tag string) bool {
		for {
			line, err := r.ReadString('\n')
			if rest, is := strings.CutPrefix(line, tag+" "); is && !strings.HasPrefix(rest, "OK") {
				t.Errorf("%s", line)
			} else if is || err != nil {
				return err == nil
			}
		}
	}
	fmt.Fprintf(nc, "a LOGIN %s \"%s\"\r\nb SELECT INBOX\r\n", account, password)
	if !await("b") {
		t.Fatal("no mailbox")
	}
	killed := make(chan struct{})
	go func() {
		time.Sleep(time.Duration(20+rand.IntN(150)) * time.Millisecond)
		s.kill()
		close(killed)
	}()
	acknowledged, sent = version, version
	for {
		sent++
		text := fmt.Sprintf("Subject: draft\r\n\r\nversion %d end", sent)
		fmt.Fprintf(nc, "%d REPLACE * INBOX {%d+}\r\n%s\r\n", sent, len(text), text)
		if !await(fmt.Sprint(sent)) {
			<-killed
			return acknowledged, sent
		}
		acknowledged = sent
	}
}
