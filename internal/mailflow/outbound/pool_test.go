package outbound

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
)

func TestConnectionsAreKept(t *testing.T) {
	inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
		var seen []SessionKind
		o := n.outbound(func(o *Options) { o.Observe = func(k SessionKind) { seen = append(seen, k) } })
		deliver := func(conns int) {
			t.Helper()
			want(t, o.Deliver(t.Context(), job("them.example", "bob")), "relayed 250 2.6.0"+byFirst)
			if first.connections() != conns {
				t.Errorf("%d connections, not %d", first.connections(), conns)
			}
		}
		deliver(1)
		deliver(1)
		time.Sleep(idleTime - time.Second)
		deliver(1)
		time.Sleep(idleTime + time.Second)
		synctest.Wait()
		if first.commands[len(first.commands)-1] != "QUIT" {
			t.Errorf("the last command is %q", first.commands)
		}
		deliver(2)
		if len(seen) != 4 || seen[1] != SessionReused || seen[3] != SessionClear {
			t.Errorf("seen are %v", seen)
		}
		// What met one requirement does not do for another.
		n.need["mx.them.example"] = mailflow.TLSRequirement{ID: "other"}
		deliver(3)
	})
}

func TestAConnectionGetsOld(t *testing.T) {
	inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
		o := n.outbound()
		for begun := time.Now(); time.Since(begun) < 3*maxAge; time.Sleep(idleTime / 2) {
			want(t, o.Deliver(t.Context(), job("them.example", "bob")), "relayed 250 2.6.0"+byFirst)
		}
		if first.connections() != 3 {
			t.Errorf("%d connections", first.connections())
		}
	})
}

// A kept connection that the host has closed meanwhile, silently or with 421, costs the message nothing.
func TestStaleConnections(t *testing.T) {
	inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
		o := n.outbound()
		for _, end := range []func(){
			func() { first.does["MAIL"] = reset },
			func() { first.says["MAIL"] = "421 4.4.2 idle" },
		} {
			want(t, o.Deliver(t.Context(), job("them.example", "bob")), "relayed 250 2.6.0"+byFirst)
			before := first.connections()
			end()
			// The next connection is a good one again.
			n.hosts[n.addrs["mx.them.example"][0]] = plainHost("mx.them.example")
			want(t, o.Deliver(t.Context(), job("them.example", "bob")), "relayed 250 2.6.0"+byFirst)
			o.Close()
			clear(first.does)
			clear(first.says)
			n.hosts[n.addrs["mx.them.example"][0]] = first
			if first.connections() != before || second.connections() != 0 {
				t.Errorf("%d and %d connections", first.connections(), second.connections())
			}
			o = n.outbound()
		}
	})
}

// A delivery that is called off ends at once, and says that it may go on later.
func TestCalledOff(t *testing.T) {
	inBubble(t, func(t *testing.T, n *internet, first, second *fakeHost) {
		first.does["RCPT bob@them.example"] = hang
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begun := time.Now()
		a := n.outbound().Deliver(ctx, job("them.example", "bob"))
		if a[0].Event.Kind != mail.EventDeferred || !elapsed(begun, time.Second, time.Second) || second.connections() > 0 {
			t.Errorf("%+v after %v", a, time.Since(begun))
		}
	})
}
