package listen

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
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

// A fault in one session is logged, its connection is closed, its place is free again, and the others go on.
func TestAPanicEndsOneSession(t *testing.T) {
	var log bytes.Buffer
	pipes := listentest.NewPipes()
	var calls int
	srv := NewServer(Options{Name: "door", Connections: 2, PerHost: 2, Drain: time.Minute, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Start: func(_ context.Context, nc net.Conn) Session {
			if calls++; calls == 2 {
				return panics{nc}
			}
			return &echo{nc: nc, drained: make(chan struct{})}
		},
		TurnAway: func(net.Conn, Refusal) {}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- srv.Serve(ctx, pipes) }()
	first := bufio.NewReader(dial(t, pipes))
	if _, err := dial(t, pipes).Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection of the session that failed: %v", err)
	}
	cancel()
	if line, err := first.ReadString('\n'); line != "bye\n" {
		t.Errorf("the other session says %q, %v", line, err)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve returns %v", err)
	}
	if got := log.String(); !strings.Contains(got, `msg="door: panic" fault="on purpose"`) || srv.admission.total != 0 {
		t.Errorf("%d connections are counted, logged %s", srv.admission.total, got)
	}
}

type panics struct{ nc net.Conn }

func (p panics) Run()   { panic("on purpose") }
func (p panics) Drain() {}
func (p panics) Abort() { p.nc.Close() }

func dial(t *testing.T, pipes *listentest.Pipes) net.Conn {
	t.Helper()
	nc, err := pipes.Dial("")
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

// failingListener fails a few times first.
type failingListener struct {
	*listentest.Pipes
	failures int
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.failures--; l.failures >= 0 {
		return nil, errors.New("out of descriptors")
	}
	return l.Pipes.Accept()
}

func TestAcceptGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &failingListener{listentest.NewPipes(), 5}
		srv := NewServer(Options{Connections: 1, PerHost: 1, Drain: time.Minute, Log: slog.New(slog.DiscardHandler),
			Start: func(_ context.Context, nc net.Conn) Session { return &echo{nc: nc, drained: make(chan struct{})} }})
		done := make(chan error)
		go func() { done <- srv.Serve(context.Background(), l) }()
		begin := time.Now()
		nc := dial(t, l.Pipes)
		if took := time.Since(begin); took != 155*time.Millisecond { // 5, 10, 20, 40 and 80
			t.Errorf("it took %v until the listener was asked again", took)
		}
		nc.Close()
		l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returns %v", err)
		}
	})
}

// A crowded door keeps what is left for hosts that have few connections.
func TestACrowdedDoorIsForAll(t *testing.T) {
	a := admission{max: 20, maxPerHost: 10, hosts: map[netip.Prefix]int{}}
	host := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }
	fill := func(i, n int) (admitted int) {
		for range n {
			if why, ok := a.admit(host(i)); ok {
				admitted++
			} else if why != TooManyFromHost {
				t.Fatal(why)
			}
		}
		return admitted
	}
	if n := fill(1, 11); n != 10 {
		t.Errorf("the first host has %d connections", n)
	}
	if n := fill(2, 11); n != 6 || !a.crowded() {
		t.Errorf("the second host has %d connections", n)
	}
	if n := fill(3, 2); n != 1 {
		t.Errorf("a host of a crowded door has %d connections", n)
	}
	a.release(host(1))
	a.release(host(1))
	if n := fill(3, 2); n != 1 || a.crowded() != true {
		t.Errorf("after some have left: %d", n)
	}
}

// A wait is taken in steps, and is over when the door became crowded meanwhile.
func TestWaitUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := NewServer(Options{Connections: 4, PerHost: 4})
		begun := time.Now()
		check := func(patience, want time.Duration) {
			t.Helper()
			if got := srv.WaitUntil(begun, patience).Sub(begun); got != want {
				t.Errorf("%v after the beginning: until %v, want %v", time.Since(begun), got, want)
			}
		}
		check(time.Minute, Hurried)
		check(time.Second, time.Second)
		time.Sleep(Hurried)
		check(time.Minute, 2*Hurried)
		for range 4 {
			srv.admission.admit(netip.Addr{})
		}
		check(time.Minute, Hurried) // it is over
		check(time.Second, time.Second)
		srv.admission.release(netip.Addr{})
		check(time.Minute, 2*Hurried)
	})
}

// The log says once a minute that the door is crowded and that clients are turned away.
func TestTheLogOfACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		srv := NewServer(Options{Name: "door", Connections: 4, PerHost: 4, Drain: time.Minute, Log: slog.New(slog.NewTextHandler(&log, nil)),
			Start:    func(_ context.Context, nc net.Conn) Session { return &echo{nc: nc, drained: make(chan struct{})} },
			TurnAway: func(net.Conn, Refusal) {}})
		ctx, cancel := context.WithCancel(context.Background())
		pipes, done := listentest.NewPipes(), make(chan error)
		go func() { done <- srv.Serve(ctx, pipes) }()
		for range 8 {
			defer dial(t, pipes).Close()
		}
		time.Sleep(time.Minute)
		defer dial(t, pipes).Close()
		cancel()
		<-done
		for part, want := range map[string]int{"clients are hurried": 1, "turned away": 2, "count=1 ": 1, "count=4 ": 1} {
			if got := strings.Count(log.String(), part); got != want {
				t.Errorf("%q is logged %d times, want %d: %s", part, got, want, log.String())
			}
		}
	})
}

// Hosts that are gone are forgotten: the table holds no more than there are connections.
func TestAdmissionForgets(t *testing.T) {
	a := admission{max: 10, maxPerHost: 1, hosts: map[netip.Prefix]int{}}
	for _, host := range []string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0"} {
		addr := netip.MustParseAddr(host)
		if _, ok := a.admit(addr); !ok {
			t.Errorf("%s is turned away", host)
		}
		if why, ok := a.admit(addr); ok || why != TooManyFromHost {
			t.Errorf("%s comes in twice", host)
		}
		a.release(addr)
	}
	if a.total != 0 || len(a.hosts) != 0 {
		t.Errorf("%d connections and %v are left", a.total, a.hosts)
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
	if hostOf(addrPort(&net.UnixAddr{Name: "/run/x", Net: "unix"}).Addr()).IsValid() {
		t.Error("a Unix socket has a host")
	}
}

// A flood of connections is one line in the log.
func TestTurnedAwayIsLogged(t *testing.T) {
	var log bytes.Buffer
	s := NewServer(Options{Name: "door", Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 100 {
		s.noteRefusal(netip.MustParseAddr("192.0.2.1"), TooMany)
	}
	if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "192.0.2.1") {
		t.Errorf("logged %d lines: %s", got, log.String())
	}
}
