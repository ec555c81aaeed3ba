package tx_test

import (
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Nodes that write to the same few accounts, alone and together, lose nothing, and number what they write without a gap or a double.
func TestOnceSharedOnThreeNodes(t *testing.T) {
	open := dbtest.OnPostgres(t, schema.Files)
	first, _ := fill(t, open())
	nodes := []*tx.Store{first}
	for range 2 {
		s, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, s)
	}
	const senders, each = 4, 6
	accounts := []mail.AccountID{10, 11, 12}
	var wg sync.WaitGroup
	for n, s := range nodes {
		for sender := range senders {
			for _, account := range accounts {
				wg.Go(func() {
					for i := range each {
						_, err := tx.OnceShared(t.Context(), s, tx.NewKey(), account, func(w *tx.Tx) (int64, error) {
							w.Changed(change(account, int64(1000*n+100*sender+i)))
							return int64(w.ModSeq(account)), nil
						})
						if err != nil {
							t.Errorf("account %v: %v", account, err)
						}
					}
				})
			}
		}
		wg.Go(func() { // locks all of them
			for i := range each {
				if err := s.Write(t.Context(), accounts, func(w *tx.Tx) error {
					for _, account := range accounts {
						w.Changed(change(account, int64(1000*n+900+i)))
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, account := range accounts {
		lines := log(t, first, account, 0)
		if want := len(nodes) * (senders + 1) * each; len(lines) != want {
			t.Errorf("account %v: the log has %d lines, want %d", account, len(lines), want)
		}
		for i, line := range lines {
			if line.ModSeq != mail.ModSeq(i+1) {
				t.Fatalf("account %v: line %d has number %d", account, i+1, line.ModSeq)
			}
		}
	}
}
