package imapserver

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// Batches of any size hold every message once, in descending order, and all but the last are full.
func TestBatches(t *testing.T) {
	t.Parallel()
	f := serve(t)
	for n := range 12 {
		f.Deliver(ann, "INBOX", sample(n+1))
	}
	f.login("SELECT INBOX", `STORE 2,5:7,12 +FLAGS (\Deleted)`, "EXPUNGE")
	view, err := f.Mailbox.View(t.Context(), ann, f.Path(ann, "INBOX").ID)
	f.Must(err)
	for size := range view.Len() + 2 {
		left, next := view.Len(), uint32(view.At(view.Len()).UID)
		for r := range batches(view, imap.UIDBatches{Size: uint32(size + 1)}) {
			n := int(view.Seqs(imap.Set{{Start: r.Stop, Stop: r.Start}}).Len())
			if left -= n; r.Start != next || r.Stop > r.Start || n != size+1 && left != 0 {
				t.Fatalf("batches of %d: %d messages in %v, %d left", size+1, n, r, left)
			}
			next = uint32(view.At(left).UID)
		}
		if left != 0 {
			t.Errorf("batches of %d leave %d out", size+1, left)
		}
	}
	if got := fmt.Sprint(slices.Collect(batches(view, imap.UIDBatches{Size: 3, First: 2, Last: 9}))); got != "[{8 3} {1 1}]" {
		t.Errorf("the second batch and on: %s", got)
	}
}
