package finding

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Searches of an account wait for each other, those of others do not; who gives up waiting leaves nothing behind.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(Options{Turns: 2})
		end, err := f.Turn(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		other, err := f.Turn(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		waits := make(chan error, 2)
		for _, who := range []mail.AccountID{1, 3} { // for the account's own turn, and for one of all
			go func() {
				_, err := f.Turn(ctx, who)
				waits <- err
			}()
		}
		synctest.Wait()
		if len(waits) != 0 {
			t.Error("more read at a time than may")
		}
		cancel()
		for range 2 {
			if err := <-waits; !mail.Is(err, mail.Unavailable) || !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up: %v", err)
			}
		}
		if _, err := f.Turn(ctx, 4); err == nil {
			t.Error("who was gone took a turn")
		}
		end()
		other()
		if end, err = f.Turn(t.Context(), 1); err != nil {
			t.Error(err)
		}
		end()
		if len(f.accounts) != 0 || len(f.turns) != 0 {
			t.Errorf("%d accounts and %d turns are left", len(f.accounts), len(f.turns))
		}
	})
}

func TestEffort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks, gone := 0, errors.New("gone")
		var answer error
		e := NewEffort(3<<20, time.Second, func(done, goal uint64) error {
			if done != 7 || goal != 9 {
				t.Errorf("%d of %d", done, goal)
			}
			looks++
			return answer
		})
		e.Done, e.Goal = 7, 9
		for range 10 {
			time.Sleep(300 * time.Millisecond)
			if err := e.Spend(1); err != nil {
				t.Fatal(err)
			}
		}
		if looks != 2 {
			t.Errorf("looked %d times in 3 s", looks)
		}
		answer = gone
		time.Sleep(time.Second)
		if err := e.Spend(1); !errors.Is(err, gone) {
			t.Errorf("nobody waits: %v", err)
		}
		if _, err := (metered{strings.NewReader(strings.Repeat("x", 4<<20)), e}).ReadAt(make([]byte, 4<<20), 0); !mail.Is(err, mail.Limit) || !strings.Contains(err.Error(), "3 MiB") {
			t.Errorf("too much: %v", err)
		}
	})
}
