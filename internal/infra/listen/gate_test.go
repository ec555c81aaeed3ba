package listen

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
)

// gated is two doors behind a gate, in a bubble.
type gated struct {
	t     *testing.T
	gate  Gate
	doors [2]*listentest.Pipes
}

func behindAGate(t *testing.T, stubborn bool, test func(*gated)) {
	synctest.Test(t, func(t *testing.T) {
		g := &gated{t: t}
		ctx, cancel := context.WithCancel(t.Context())
		for i := range g.doors {
			g.doors[i] = listentest.NewPipes()
			srv := NewServer(Options{Name: "door", Connections: 200, PerHost: 200, Drain: 10 * time.Second, Gate: &g.gate, Log: slog.New(slog.DiscardHandler),
				Start: func(_ context.Context, nc net.Conn) Session {
					return &echo{nc: nc, stubborn: stubborn, drained: make(chan struct{})}
				},
				TurnAway: func(net.Conn, Refusal) {}})
			go srv.Serve(ctx, g.doors[i])
		}
		synctest.Wait()
		test(g)
		cancel()
		time.Sleep(time.Minute)
		g.gate.mu.Lock()
		defer g.gate.mu.Unlock()
		if len(g.gate.crowd) > 0 {
			t.Errorf("%d doors are behind the gate after their end", len(g.gate.crowd))
		}
	})
}

// heard is what a connection has heard until its end, and when that was.
func (g *gated) dial(door int) (heard func() (string, time.Time)) {
	nc := dial(g.t, g.doors[door])
	var text []byte
	var end time.Time
	done := make(chan struct{})
	go func() {
		text, _ = io.ReadAll(bufio.NewReader(nc))
		end = time.Now()
		close(done)
	}()
	synctest.Wait()
	return func() (string, time.Time) {
		synctest.Wait()
		select {
		case <-done:
			return string(text), end
		default:
			return "", time.Time{}
		}
	}
}

func (g *gated) want(what string, heard func() (string, time.Time), want string) {
	g.t.Helper()
	if got, _ := heard(); got != want {
		g.t.Errorf("%s has heard %q, want %q", what, got, want)
	}
}

func TestAShutGateDrainsAllDoors(t *testing.T) {
	behindAGate(t, false, func(g *gated) {
		a, b := g.dial(0), g.dial(1)
		if g.gate.Sessions() != 2 || g.gate.IsShut() {
			t.Errorf("%d sessions, shut: %v", g.gate.Sessions(), g.gate.IsShut())
		}
		g.gate.Shut()
		g.want("a", a, "bye\n")
		g.want("b", b, "bye\n")
		g.want("who comes while it is shut", g.dial(0), "bye\n")
		g.gate.Open()
		c := g.dial(1)
		time.Sleep(time.Minute)
		g.want("who comes later", c, "")
	})
}

// A session that does not end is aborted; one that began after the gate was opened again is not, though the door is the same.
func TestAShutGateAborts(t *testing.T) {
	behindAGate(t, true, func(g *gated) {
		stubborn, begun := g.dial(0), time.Now()
		g.gate.Shut()
		time.Sleep(5 * time.Second)
		g.gate.Open()
		later := g.dial(0)
		time.Sleep(time.Minute)
		if _, end := stubborn(); end.Sub(begun) != 10*time.Second {
			t.Errorf("it was aborted after %v", end.Sub(begun))
		}
		if _, end := later(); !end.IsZero() {
			t.Error("a session that was not drained is aborted")
		}
	})
}

// Goodbyes are spread, and who comes meanwhile is served.
func TestGoodbyesAreSpread(t *testing.T) {
	behindAGate(t, false, func(g *gated) {
		var all []func() (string, time.Time)
		for i := range 100 {
			all = append(all, g.dial(i%2))
		}
		begun := time.Now()
		go g.gate.Spread(g.t.Context(), 10*time.Second)
		time.Sleep(5 * time.Second)
		between := g.dial(0)
		time.Sleep(10 * time.Second)
		var early, last time.Duration
		for _, heard := range all {
			text, end := heard()
			if text != "bye\n" {
				t.Fatalf("heard %q", text)
			}
			after := end.Sub(begun)
			last = max(last, after)
			if after < 5*time.Second {
				early++
			}
		}
		if early < 45 || early > 55 || last < 9*time.Second || last > 10*time.Second {
			t.Errorf("%d of 100 have heard it after half the time, the last after %v", early, last)
		}
		g.want("who came meanwhile", between, "")
	})
}
