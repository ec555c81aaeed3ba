package listen

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// echo sends back each line, says "bye" when drained, and may refuse to end then.
type echo struct {
	nc       net.Conn
	stubborn bool
	once     sync.Once
	drained  chan struct{}
}

func (e *echo) Run() {
	defer e.nc.Close()
	go func() {
		<-e.drained
		if !e.stubborn {
			io.WriteString(e.nc, "bye\n")
			e.nc.Close()
		}
	}()
	defer e.Drain()
	io.Copy(e.nc, e.nc)
}

func (e *echo) Drain() { e.once.Do(func() { close(e.drained) }) }
func (e *echo) Abort() { e.nc.Close() }

func start(t *testing.T, o Options, stubborn bool) (addr string, stop func() error) {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	o.Start = func(_ context.Context, nc net.Conn) Session {
		return &echo{nc: nc, stubborn: stubborn, drained: make(chan struct{})}
	}
	o.TurnAway = func(nc net.Conn, why Refusal) { io.WriteString(nc, string(why)+"\n") }
	l, err := TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- NewServer(o).Serve(ctx, l) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { stop() })
	return l.Addr().String(), stop
}

// say dials, says a line, and returns the connection and the answer.
func say(t *testing.T, addr string) (*bufio.Reader, string) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	io.WriteString(nc, "hello\n")
	r := bufio.NewReader(nc)
	line, _ := r.ReadString('\n')
	return r, line
}

func TestConnectionsAreBounded(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want Refusal
	}{
		{Options{Connections: 2, PerHost: 10, Drain: time.Minute}, TooMany},
		{Options{Connections: 10, PerHost: 2, Drain: time.Minute}, TooManyFromHost},
	} {
		addr, _ := start(t, tt.o, false)
		for range 2 {
			if _, got := say(t, addr); got != "hello\n" {
				t.Errorf("an admitted connection heard %q", got)
			}
		}
		if _, got := say(t, addr); got != string(tt.want)+"\n" {
			t.Errorf("the third connection heard %q, want %q", got, tt.want)
		}
	}
}

func TestTheEndDrains(t *testing.T) {
	addr, stop := start(t, Options{Connections: 2, PerHost: 2, Drain: time.Minute}, false)
	r, _ := say(t, addr)
	if err := stop(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if line, _ := r.ReadString('\n'); line != "bye\n" {
		t.Errorf("heard %q", line)
	}
}

func TestAStubbornSessionIsAborted(t *testing.T) {
	addr, stop := start(t, Options{Connections: 2, PerHost: 2, Drain: time.Millisecond}, true)
	r, _ := say(t, addr)
	if err := stop(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := r.ReadString('\n'); err == nil {
		t.Error("the connection is still open")
	}
}

func TestHostOf(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":           "192.0.2.1/32",
		"::ffff:192.0.2.1":    "192.0.2.1/32",
		"2001:db8:1:2:3::4":   "2001:db8:1:2::/64",
		"fe80::1:2:3:4%ether": "fe80::/64",
	} {
		if got := hostOf(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s is host %s, want %s", in, got, want)
		}
	}
}
