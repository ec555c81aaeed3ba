package threadcount_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/threadcount"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Many ask at once, of accounts that push each other out, while mail arrives.
func TestManyAskAtOnce(t *testing.T) {
	r := doortest.Open(t, dbtest.OnSQLite, boxes)
	s := threadcount.New(threadcount.Options{Bytes: 1000})
	inbox := map[mail.AccountID]mail.MailboxID{doortest.Ann: r.Path(doortest.Ann, "INBOX").ID, doortest.Bob: r.Path(doortest.Bob, "INBOX").ID}
	var all sync.WaitGroup
	for account, box := range inbox {
		for range 4 {
			all.Go(func() {
				for last := int64(0); last < 20; {
					var got map[mail.MailboxID]threadcount.Count
					err := r.Tx.Read(t.Context(), func(t *tx.Tx) (err error) { got, err = s.Counts(t, account); return err })
					if n := got[box].Threads; err != nil || n < last {
						t.Errorf("%v has %d threads after %d (%v)", account, n, last, err)
						return
					} else {
						last = n
					}
				}
			})
		}
	}
	for i := range 20 {
		r.Deliver(doortest.Ann, "INBOX", fmt.Sprintf("Message-ID: <%d@x>\r\nSubject: %d\r\n\r\n", i, i))
		r.Deliver(doortest.Bob, "INBOX", fmt.Sprintf("Message-ID: <%d@x>\r\nSubject: %d\r\n\r\n", i, i))
	}
	all.Wait()
	for account := range inbox {
		if got, want := counts(r, s, account), naive(r, account); !maps.Equal(got, want) {
			t.Errorf("counted %v, want %v", got, want)
		}
	}
}
