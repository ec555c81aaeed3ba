package wire

import (
	"bufio"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// echo answers each line with itself, and closes when the client has.
func echo(t *testing.T, network, address string) (target string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { defer c.Close(); io.Copy(c, c) })
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return l.Addr().String()
}

type client struct {
	*testing.T
	net.Conn
	r *bufio.Reader
}

func start(t *testing.T) *Wire {
	t.Helper()
	w, err := New(echo(t, "tcp", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func dial(t *testing.T, w *Wire) *client {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) say(line string) {
	c.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		c.Error(err)
	}
}

func (c *client) hear(want string) {
	c.Helper()
	if got, err := c.r.ReadString('\n'); got != want+"\n" {
		c.Errorf("heard %q, %v, want %q", got, err, want)
	}
}

// ended checks that the connection was reset, and not ended in order.
func (c *client) ended() {
	c.Helper()
	if got, err := c.r.ReadString('\n'); got != "" || err == nil || errors.Is(err, io.EOF) {
		c.Errorf("heard %q, %v, want a reset", got, err)
	}
}

// refused checks that a new connection is reset, be it while it is opened.
func refused(t *testing.T, w *Wire) {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr())
	if err != nil {
		return
	}
	(&client{t, c, bufio.NewReader(c)}).ended()
	c.Close()
}

func (w *Wire) want(t *testing.T, what string, got func(Count) int64, want int64) {
	t.Helper()
	if n := got(w.Count()); n != want {
		t.Errorf("%d %s, want %d", n, what, want)
	}
}

// awaitHeld waits until so many pieces and connections are held.
func (w *Wire) awaitHeld(t *testing.T, n int64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); w.Count().Held < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d are held, want %d", w.Count().Held, n)
		}
	}
}

func TestPasses(t *testing.T) {
	w := start(t)
	c := dial(t, w)
	c.say("hello")
	c.hear("hello")
	c.say(strings.Repeat("x", 300_000))
	c.hear(strings.Repeat("x", 300_000))
	c.Conn.(*net.TCPConn).CloseWrite()
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the orderly end was heard as %v", err)
	}
	w.want(t, "connections", func(c Count) int64 { return c.Connections }, 1)
	w.want(t, "bytes", func(c Count) int64 { return c.Bytes }, 2*300_007)
	w.want(t, "strikes", Count.Struck, 0)
}

func TestToAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	echo(t, "unix", path)
	w, err := New("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := dial(t, w)
	c.say("hello")
	c.hear("hello")
}

func TestRefuse(t *testing.T) {
	w := start(t)
	old := dial(t, w)
	old.say("hello")
	old.hear("hello")
	w.Set(Fault{Refuse: true})
	old.ended()
	refused(t, w)
	w.want(t, "resets", func(c Count) int64 { return c.Reset }, 2)
	w.Mend()
	c := dial(t, w)
	c.say("again")
	c.hear("again")
}

func TestSilence(t *testing.T) {
	w := start(t)
	c := dial(t, w)
	c.say("hello")
	c.hear("hello")
	w.Set(Fault{Silence: true})
	before := w.Count()
	c.say("held")
	late := dial(t, w)
	late.say("never")
	w.awaitHeld(t, 2)
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if got, err := c.r.ReadString('\n'); got != "" || !errors.Is(err, errTimeout(err)) {
		t.Errorf("in the silence %q was heard, %v", got, err)
	}
	if d := w.Count().Sub(before); d.Bytes != 0 || d.Connections != 0 || d.Struck() != 2 {
		t.Errorf("in the silence the wire did %+v", d)
	}
	w.Mend()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	c.hear("held")
	late.ended()
}

// errTimeout is err where it is a time-out, and another where it is not.
func errTimeout(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return errors.New("no time-out")
}

func TestDelay(t *testing.T) {
	w := start(t)
	c := dial(t, w)
	w.Set(Fault{Delay: 30 * time.Millisecond})
	begin := time.Now()
	c.say("hello")
	c.hear("hello")
	if took := time.Since(begin); took < 60*time.Millisecond {
		t.Errorf("there and back took %v", took)
	}
	w.want(t, "delayed pieces", func(c Count) int64 { return c.Delayed }, 2)
}

func TestResetAfter(t *testing.T) {
	w := start(t)
	w.Set(Fault{ResetAfter: 12})
	c := dial(t, w)
	c.say("hello")
	c.hear("hello")
	c.say("hello")
	c.hear("hello")
	c.say("hello")
	c.ended()
	w.want(t, "resets", func(c Count) int64 { return c.Reset }, 1)
}

func TestLoseAnswer(t *testing.T) {
	w := start(t)
	w.Set(Fault{LoseAnswer: "done", LoseEach: 2})
	c := dial(t, w)
	c.say("other")
	c.hear("other")
	c.say("done")
	c.hear("done")
	c.say("done")
	c.ended()
	w.want(t, "lost answers", func(c Count) int64 { return c.Lost }, 1)
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	w, err := New(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	refused(t, w)
	w.want(t, "failed connections", func(c Count) int64 { return c.Failed }, 1)
}

// A wire that is closed in a silence ends at once.
func TestCloseInSilence(t *testing.T) {
	w := start(t)
	c := dial(t, w)
	c.say("hello")
	c.hear("hello")
	w.Set(Fault{Silence: true})
	c.say("held")
	dial(t, w)
	w.awaitHeld(t, 2)
	w.Close()
	c.ended()
}
