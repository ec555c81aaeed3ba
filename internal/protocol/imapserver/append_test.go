package imapserver

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// stored counts the bodies that the store of bytes holds.
func (f *serving) stored() (n int) {
	f.T.Helper()
	f.Must(f.Blobs.List(context.Background(), func(blob.Found) error { n++; return nil }))
	return n
}

// A client that goes away in the middle of APPEND leaves nothing: no message, no bytes.
func TestAppendIsCutOff(t *testing.T) {
	f := serve(t)
	c := f.login()
	c.write("a APPEND INBOX {4+}\r\nabcd {4+}\r\nefgh {10}\r\n")
	c.hear(`\+ .*`)
	if n := f.stored(); n != 2 {
		t.Fatalf("%d bodies are stored", n)
	}
	c.write("ab")
	c.conn.Close()
	f.Stop()
	if n, m := f.stored(), f.Path(ann, mailbox.Inbox); n != 0 || m.Messages != 0 {
		t.Errorf("%d bodies and %d messages are left", n, m.Messages)
	}
	if log := f.log.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "level=WARN") {
		t.Errorf("a client that goes away is no fault: %s", log)
	}
}

// What is refused leaves no bytes; what the database refuses is discarded by the collector, which knows better whether the
// commit was lost or only its answer.
func TestAppendIsRefused(t *testing.T) {
	f := serve(t)
	c := f.login()
	if _, reply := c.do("APPEND INBOX {4+}\r\nabcd (\\Made-up) {1+}\r\nx"); !strings.HasPrefix(reply, "NO [CANNOT]") {
		t.Errorf("%s", reply)
	}
	if _, reply := c.do("APPEND INBOX {4+}\r\nabcd {0+}\r\n"); !strings.HasPrefix(reply, "NO ") {
		t.Errorf("%s", reply)
	}
	f.Blobs.Fail = func(op string) error {
		if f.stored() == 1 && op == "put" {
			return mail.E("disk", mail.Unavailable, errors.New("full"))
		}
		return nil
	}
	if _, reply := c.do("APPEND INBOX {4+}\r\nabcd {4+}\r\nefgh"); !strings.HasPrefix(reply, "NO [UNAVAILABLE]") {
		t.Errorf("%s", reply)
	}
	f.Blobs.Fail = nil
	if n, m := f.stored(), f.Path(ann, mailbox.Inbox); n != 0 || m.Messages != 0 {
		t.Errorf("%d bodies and %d messages are left", n, m.Messages)
	}
	c.ok("APPEND INBOX {4+}\r\nabcd")
}
