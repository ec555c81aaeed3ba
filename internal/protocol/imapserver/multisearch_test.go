package imapserver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// createMany makes mailboxes for ann, in one commit for each few of them.
func (f *serving) createMany(n int) {
	f.T.Helper()
	for at := 0; at < n; at += 100 {
		f.Write(ann, func(t *tx.Tx) error {
			for i := at; i < min(at+100, n); i++ {
				if _, err := f.Mailbox.Create(t, ann, fmt.Sprintf("m%05d", i), ""); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// All mailboxes together cost what one search may. What was found is told, mailbox after mailbox.
func TestMultiSearchLimit(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *Options) { o.Limits.SearchBytes = 25 * costOfMailbox })
	f.createMany(40)
	for _, path := range []string{"INBOX", "m00010", "m00030"} {
		f.Deliver(ann, path, sample(1))
	}
	c := f.login()
	untagged, reply := c.do("ESEARCH IN (personal) ALL")
	if !strings.HasPrefix(reply, "NO [LIMIT] ") || len(untagged) != 2 {
		t.Errorf("%q, %s", untagged, reply)
	}
	if got := c.ok("ESEARCH IN (mailboxes (INBOX m00010 m00030)) ALL"); len(got) != 3 {
		t.Errorf("three mailboxes: %q", got)
	}
}

func BenchmarkMultiSearch(b *testing.B) {
	f := serve(b)
	f.createMany(5000)
	f.Deliver(ann, "m00100", sample(1))
	c := f.login()
	for b.Loop() {
		c.ok(`ESEARCH IN (personal) TEXT "message"`)
	}
}
