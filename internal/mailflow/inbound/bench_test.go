package inbound_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
)

// BenchmarkReceive has 10 KiB received for one of 200 accounts by many at a time, and committed.
func BenchmarkReceive(b *testing.B) {
	r := mailflowtest.New(b, dbtest.OnSQLite(b, schema.Files)(), mailflowtest.Options{})
	accounts := r.Accounts(200)
	content := "From: Ann <ann@client.example>\r\nSubject: hello\r\n\r\n" + strings.Repeat("A line of text that is there often enough.\r\n", 230)
	b.SetBytes(int64(len(content)))
	b.SetParallelism(32)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			e := &mail.Envelope{ID: fmt.Sprint("t", i), ReversePath: mailflowtest.Address("ann@client.example")}
			at := int(i) % len(accounts)
			e.Recipients = []mail.Recipient{{Address: mailflowtest.Address(fmt.Sprint("u", at)), Accounts: accounts[at : at+1]}}
			if _, err := r.Take(e, strings.NewReader(content)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
