package queue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/spool"
)

// An operator asks another node to try again: we, who leave the destination alone, forget that it failed, and once.
func TestRetriedByAnotherNode(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		w.queue.o.Alone = false
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt { return all(j, deferred(true)) }
		defer w.run()()
		id := w.add(msg("m1", "a@one.example"))
		for len(w.tried()) < 8 { // then it is left alone for some 20 minutes
			time.Sleep(time.Second)
			synctest.Wait()
		}
		time.Sleep(time.Second)
		before := len(w.tried())
		other := Operator{Tx: w.Tx, Spool: spool.New(spool.Options{Bodies: w.Bodies}), Submissions: w.subs} // wakes nobody here
		if _, err := other.RetryNow(t.Context(), id.String()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(nodesNap + time.Second)
		synctest.Wait()
		if n := len(w.tried()) - before; n != 1 {
			t.Errorf("it was tried %d times", n)
		}
		time.Sleep(FirstRetry / 2) // it has failed again, and the operator's word is older
		synctest.Wait()
		if n := len(w.tried()) - before; n != 1 {
			t.Errorf("later it was tried %d times", n)
		}
	})
}

// The mail that an operator wants tried is due, and looked at, before the queue has been told to forget that its destination failed.
func TestRetriedBeforeItIsForgotten(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		w.deliver = func(_ context.Context, j mailflow.Job) []mailflow.Attempt { return all(j, deferred(true)) }
		defer w.run()()
		id := w.add(msg("m1", "a@one.example"))
		for len(w.tried()) < 8 { // then it is left alone for some 20 minutes
			time.Sleep(time.Second)
			synctest.Wait()
		}
		time.Sleep(time.Second)
		before := len(w.tried())
		late := Operator{Tx: w.Tx, Spool: w.spool, Submissions: w.subs} // wakes the queue, and Retry never comes
		if _, err := late.RetryNow(t.Context(), id.String()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(w.tried()) - before; n != 1 {
			t.Errorf("it was tried %d times", n)
		}
	})
}
