package spool

import (
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Retry says for every node which destinations it was for, until that is old.
func TestRetried(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		var id mail.SpoolID
		do(t, x, func(t *tx.Tx) (err error) { id, err = s.Add(t, Message{Envelope: envelope("a", "b")}); return err })
		retried := func() (ago time.Duration, is bool) {
			do(t, x, func(tr *tx.Tx) error {
				at, err := s.Retried(tr, "elsewhere.example")
				ago, is = tr.Now().Sub(at), !at.IsZero()
				return err
			})
			return ago, is
		}
		if _, is := retried(); is {
			t.Error("it is retried before it was")
		}
		for range 2 { // the second time renews the first
			do(t, x, func(t *tx.Tx) error {
				t.SQL().Queue(`UPDATE spool_retried SET at = at - $1`, RetriedKept.Milliseconds())
				return s.Retry(t, id)
			})
			do(t, x, s.ForgetRetried)
			if ago, is := retried(); !is || ago > time.Minute {
				t.Errorf("it was retried %v ago: %v", ago, is)
			}
		}
		do(t, x, func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE spool_retried SET at = at - $1`, (RetriedKept + time.Minute).Milliseconds())
			return err
		})
		do(t, x, s.ForgetRetried)
		if _, is := retried(); is {
			t.Error("what is old is kept")
		}
	})
}
