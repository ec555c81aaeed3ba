package auth

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// A refusal is held, for the same time whatever was wrong; a sign-in, and a failure of the store, are not.
func TestRefusalsAreHeld(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, shown := w.addApp(t, annID, "phone")
		held := func(what string, want ...time.Duration) {
			t.Helper()
			if !slices.Equal(w.held, want) {
				t.Errorf("%s is held %v, want %v", what, w.held, want)
			}
			w.held = nil
		}
		w.want(t, "ann@example.org", annPassword, "")
		w.want(t, "ann@example.org", shown, "")
		held("a sign-in")
		for _, c := range [][2]string{{"ann@example.org", "wrong"}, {"ann@example.org", "wrong"}, {"nobody@example.org", "wrong"},
			{"ann@example.org", "\x7f"}, {"ann@example.org", ""}, {strings.Repeat("x", 1000), "wrong"}} {
			w.want(t, c[0], c[1], mail.Denied)
			held(fmt.Sprintf("%.20q", c), time.Second)
		}
		if err := scramWith(w.begin(t, sasl.SCRAMSHA256, peer), "ann@example.org", annPassword, nil); !mail.Is(err, mail.Denied) {
			t.Error(err)
		}
		held("SCRAM", time.Second)
		w.begin(t, sasl.Plain, peer).Next([]byte("bob@example.org\x00ann@example.org\x00" + annPassword))
		held("acting as another", time.Second)
		w.begin(t, sasl.Plain, peer).Next([]byte("\x00ann@example.org\x00wrong again"))
		held("PLAIN", time.Second)
		for i := range freeForAccount {
			w.verify(t, "bob@example.org", fmt.Sprint("wrong ", i))
		}
		w.want(t, "bob@example.org", "wrong", mail.Denied)
		w.held = nil
		w.want(t, "bob@example.org", "wronger", mail.Limit)
		held("too many", 2*time.Second)

		w.Store.lookup = func(*tx.Tx, string) (mail.AccountID, bool, error) {
			return 0, false, mail.E("x", mail.Unavailable, nil)
		}
		w.want(t, "ann@example.org", "wrong", mail.Unavailable)
		held("a failing store")
	})
}

// What an attempt has taken is part of the time that it is held.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		begun := time.Now()
		time.Sleep(300 * time.Millisecond)
		s.hold(t.Context(), begun, time.Second)
		s.hold(t.Context(), begun, time.Second)
		if took := time.Since(begun); took != time.Second {
			t.Errorf("held %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		s.hold(ctx, time.Now(), time.Second)
		if took := time.Since(begun); took != 1100*time.Millisecond {
			t.Errorf("a client that is gone is held until %v", took)
		}
	})
}

// A password that cannot be one is a guess like any other: counted, for each name alike, and never hashed.
func TestImpossiblePasswordsCount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		runs := w.hasher.runs.Load()
		for _, login := range []string{"ann@example.org", "nobody@example.org"} {
			for i := range freeForAccount + 1 {
				w.want(t, login, strings.Repeat("\x7f", i), mail.Denied)
			}
			w.want(t, login, strings.Repeat("\x7f", freeForAccount), mail.Denied) // known
			w.want(t, login, "\x01", mail.Limit)
			w.want(t, login, strings.Repeat("x", 1<<20), mail.Limit)
		}
		if n := w.hasher.runs.Load() - runs; n != 0 {
			t.Errorf("%d were hashed", n)
		}
	})
}

// Each guess that was checked has its line; the rest has one a minute for an account and a network.
func TestRefusalLog(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		lines := func(what string, want int, with ...string) {
			t.Helper()
			got := w.log.String()
			w.log.Reset()
			if n := strings.Count(got, `msg="sign-in refused"`); n != want {
				t.Errorf("%s: %d lines, want %d\n%s", what, n, want, got)
			}
			for _, text := range with {
				if !strings.Contains(got, text) {
					t.Errorf("%s: %q is missing in\n%s", what, text, got)
				}
			}
		}
		a := Attempt{Login: "ann@example.org", Remote: netip.MustParseAddr("192.0.2.1"), Protocol: "imap", Session: "s1", TLS: true}
		attempts := func(n int, login, password, from string) {
			a.Login, a.Password, a.Remote = login, password, netip.MustParseAddr(from)
			for range n {
				w.Verify(t.Context(), a)
			}
		}
		for i := range freeForAccount + 1 {
			attempts(1, "ann@example.org", fmt.Sprint("wrong ", i), "192.0.2.1")
		}
		lines("guesses", freeForAccount+1, "protocol=imap session=s1 remote=192.0.2.1 tls=true account="+annID.String())
		attempts(100, "ann@example.org", annPassword, "192.0.2.1")
		lines("throttled", 1, "too many failed sign-ins")
		attempts(100, "ann@example.org", annPassword, "198.51.100.7")
		lines("from elsewhere", 0)
		attempts(100, "nobody@example.org", "\x7f", "192.0.2.1")
		lines("another name, one guess and repeats", 1)
		w.clock.pass(quietFor)
		attempts(3, "ann@example.org", "wrong 10", "192.0.2.1") // repeats
		lines("a minute later", 1, "as it was before", "more=298")
	})
}
