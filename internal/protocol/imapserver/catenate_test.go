package imapserver

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// What is refused half-way leaves no bytes, wherever it came from.
func TestCatenateIsRefused(t *testing.T) {
	t.Parallel()
	f := serve(t)
	c := f.login("APPEND INBOX {4+}\r\nabcd")
	for _, parts := range []string{"URL /INBOX/;UID=1 URL /INBOX/;UID=2", "TEXT {1+}\r\nx URL bad", "URL /INBOX/;UID=1 TEXT {99999999}",
		"URL /INBOX/;UID=1 BOGUS", "URL /INBOX/;UID=1/;PARTIAL=4"} {
		if _, reply := c.do("APPEND INBOX CATENATE (URL /INBOX/;UID=1) CATENATE (" + parts + ")"); strings.HasPrefix(reply, "OK") {
			t.Errorf("%s: %s", parts, reply)
		}
		if n, m := f.stored(), f.Path(ann, mailbox.Inbox); n != 1 || m.Messages != 1 {
			t.Fatalf("%s: %d bodies and %d messages", parts, n, m.Messages)
		}
	}
	c.ok("APPEND INBOX CATENATE (URL /INBOX/;UID=1)")
}

// A part is never held in memory, however large it is.
func TestCatenateStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector's build lets pooled buffers go, and allocates them again")
	}
	f := serve(t)
	const size = 24 << 20
	c := f.login()
	c.ok(fmt.Sprintf("APPEND INBOX {%d+}\r\nSubject: s\r\n\r\n%s", size+14, strings.Repeat("0123456789abcde\n", size/16)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.ok("APPEND INBOX CATENATE (URL /INBOX/;UID=1/;SECTION=TEXT)")
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > size/2 {
		t.Errorf("a part of %d MiB took %d MiB", size>>20, took>>20)
	}
	f.login("SELECT INBOX").ok("FETCH 2 RFC822.SIZE")
}
