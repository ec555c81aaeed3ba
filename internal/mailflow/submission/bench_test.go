package submission_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// BenchmarkSubmit has 10 KiB submitted to one recipient elsewhere by many at a time, signed and committed.
func BenchmarkSubmit(b *testing.B) {
	w := &world{Rooms: mailflowtest.New(b, dbtest.OnSQLite(b, schema.Files)(), mailflowtest.Options{})}
	w.ann = w.Account("ann")
	active, err := w.Keys.Draw("example.org")
	w.Must(err)
	w.write(func(t *tx.Tx) error {
		if err := w.Keys.Begin(t, "example.org", active, nil); err != nil {
			return err
		}
		return w.Submissions.SetSending(t, w.ann, submissions.Sending{MaxRecipients: submissions.NoLimit, MaxStrangers: submissions.NoLimit})
	})
	content := plain + strings.Repeat("A line of text that is there often enough.\r\n", 230)
	b.SetBytes(int64(len(content)))
	b.SetParallelism(32)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e := &mail.Envelope{ID: fmt.Sprint("t", n.Add(1)), ReversePath: mailflowtest.Address("ann")}
			if err := w.Submit(w.ann, e, strings.NewReader(content), "carl@elsewhere.example"); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
