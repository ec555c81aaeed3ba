package tx_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Writes that may share a commit do not wait for one whose account another has locked, and that one keeps its place in the numbers.
func TestOnceSharedWaitsForNobody(t *testing.T) {
	s, b := fill(t, dbtest.OnPostgres(t, schema.Files)())
	locked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.Write(t.Context(), []mail.AccountID{11}, func(w *tx.Tx) error {
			w.Changed(change(11, 1))
			once.Do(func() { close(locked) })
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-locked
	late := time.AfterFunc(3*time.Second, func() {
		t.Error("the others have waited")
		close(release)
	})
	var done atomic.Int64
	for _, account := range []mail.AccountID{10, 11, 12} {
		wg.Go(func() {
			for n := range 5 {
				got, err := tx.OnceShared(t.Context(), s, tx.NewKey(), account, func(w *tx.Tx) (string, error) {
					w.Changed(change(account, int64(10+n)))
					return fmt.Sprint(account, n), nil
				})
				if err != nil || got != fmt.Sprint(account, n) {
					t.Errorf("account %v: %q, %v", account, got, err)
				}
				if account != 11 && done.Add(1) == 10 && late.Stop() {
					close(release)
				}
			}
		})
	}
	wg.Wait()
	for account, want := range map[mail.AccountID]int{10: 5, 11: 6, 12: 5} {
		lines := log(t, s, account, 0)
		for i, line := range lines {
			if i > 0 && line.ModSeq <= lines[i-1].ModSeq {
				t.Errorf("account %v: %+v", account, lines)
			}
		}
		if len(lines) != want {
			t.Errorf("account %v: the log has %d lines, want %d", account, len(lines), want)
		}
	}
	if n := len(b.take()); n != 16 {
		t.Errorf("rung %d times", n)
	}
}

// A repeat under the same key finds the first answer, also where both share a commit with others.
func TestOnceSharedRunsOnce(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		s, _ := fill(t, open())
		keys := []tx.Key{tx.NewKey(), tx.NewKey(), tx.NewKey()}
		var wg sync.WaitGroup
		for range 4 {
			for i, account := range []mail.AccountID{10, 11, 12} {
				wg.Go(func() {
					got, err := tx.OnceShared(t.Context(), s, keys[i], account, func(w *tx.Tx) (int64, error) {
						w.Changed(change(account, 1))
						return int64(w.ModSeq(account)), nil
					})
					if err != nil || got != 1 {
						t.Errorf("account %v: %d, %v", account, got, err)
					}
				})
			}
		}
		wg.Wait()
		for _, account := range []mail.AccountID{10, 11, 12} {
			if lines := log(t, s, account, 0); len(lines) != 1 {
				t.Errorf("account %v: %+v", account, lines)
			}
		}
	})
}
