package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
)

var (
	errLate    = errors.New("late")
	errGoodbye = errors.New("good bye")
)

// patient waits a minute, and half a minute more when the session is to end.
func patient(since time.Time) Deadline {
	return func(drained time.Time) (time.Time, error) {
		if !drained.IsZero() {
			return drained.Add(30 * time.Second), errGoodbye
		}
		return since.Add(time.Minute), errLate
	}
}

// impatient ends the wait as soon as the session is to end.
func impatient(since time.Time) Deadline {
	return func(drained time.Time) (time.Time, error) {
		if !drained.IsZero() {
			return time.Time{}, errGoodbye
		}
		return since.Add(time.Minute), errLate
	}
}

// What a wait ends with, and when: what came, the deadline, or the end of the session.
func TestConnRead(t *testing.T) {
	const never = time.Hour
	for _, tt := range []struct {
		name               string
		by                 func(time.Time) Deadline
		comes, drain, want time.Duration
		err                error
	}{
		{"something comes", patient, 59 * time.Second, never, 59 * time.Second, nil},
		{"nothing comes", patient, never, never, time.Minute, errLate},
		{"the end does not wait", impatient, never, 10 * time.Second, 10 * time.Second, errGoodbye},
		{"the end waits a while", patient, never, 10 * time.Second, 40 * time.Second, errGoodbye},
		{"the end waits longer", patient, never, 50 * time.Second, 80 * time.Second, errGoodbye},
		{"something comes before the end", patient, 20 * time.Second, 10 * time.Second, 20 * time.Second, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				theirs, ours := net.Pipe()
				defer theirs.Close()
				c := NewConn(ours)
				defer c.Close()
				time.AfterFunc(tt.comes, func() { theirs.Write([]byte("x")) })
				time.AfterFunc(tt.drain, c.Drain)
				begun := time.Now()
				n, err := c.Read(make([]byte, 1), ours, tt.by(begun))
				if took := time.Since(begun); took != tt.want || err != tt.err || (n == 1) != (err == nil) {
					t.Errorf("%d octets and %v after %v", n, err, took)
				}
				if c.IsDraining() != (tt.drain <= tt.want) {
					t.Errorf("the session is to end: %v", c.IsDraining())
				}
			})
		})
	}
}

// A session that is to end before it begins to wait does not wait, and a read that is over has no deadline any more.
func TestConnDrainBetweenReads(t *testing.T) {
	theirs, ours := net.Pipe()
	defer theirs.Close()
	c := NewConn(ours)
	go theirs.Write([]byte("x"))
	by := impatient(time.Now())
	if _, err := c.Read(make([]byte, 1), ours, by); err != nil {
		t.Fatal(err)
	}
	c.Drain()
	if _, err := c.Read(make([]byte, 1), ours, by); err != errGoodbye {
		t.Error(err)
	}
	c.Abort()
	if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}

// A wait may be taken in steps: the deadline is asked for the next one.
func TestConnReadInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		theirs, ours := net.Pipe()
		defer theirs.Close()
		c := NewConn(ours)
		begun, asked := time.Now(), 0
		_, err := c.Read(make([]byte, 1), ours, func(time.Time) (time.Time, error) {
			if asked++; asked > 3 {
				return time.Time{}, errLate
			}
			return time.Now().Add(10 * time.Second), errGoodbye
		})
		if took := time.Since(begun); err != errLate || took != 30*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestConnStartTLS(t *testing.T) {
	theirs, ours := net.Pipe()
	c := NewConn(ours)
	if c.TLS() != nil || c.IsPrivate() || c.Handshake(0) != nil {
		t.Error("a connection in clear from nowhere")
	}
	done := make(chan error)
	go func() { // a client that begins the handshake with its command
		client := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true})
		done <- client.Handshake()
		io.Copy(io.Discard, client)
	}()
	read := make([]byte, 5)
	if _, err := io.ReadFull(ours, read); err != nil {
		t.Fatal(err)
	}
	certificate := listentest.Certificate()
	if err := c.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}, read, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || c.TLS() == nil || !c.IsPrivate() || c.Shown() != certificate.Leaf {
		t.Errorf("%v, state %v, shown %v", err, c.TLS(), c.Shown())
	}
	c.Close()
}

// A handshake that does not come is not waited for, in clear or not.
func TestConnHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		theirs, ours := net.Pipe()
		defer theirs.Close()
		c, begun := NewConn(ours), time.Now()
		err := c.StartTLS(&tls.Config{Certificates: []tls.Certificate{listentest.Certificate()}}, nil, time.Minute)
		if took := time.Since(begun); err == nil || took != time.Minute {
			t.Errorf("%v after %v", err, took)
		}
		c.Abort()
	})
}

// greeter says hello and ends.
type greeter struct{ c *Conn }

func (g greeter) Run() {
	defer g.c.Close()
	if g.c.Handshake(time.Minute) == nil {
		io.WriteString(g.c.NetConn(), "hello\n")
	}
}
func (g greeter) Drain() { g.c.Drain() }
func (g greeter) Abort() { g.c.Abort() }

// Both kinds of connections are served; one that is turned away hears why in clear only.
func TestDoor(t *testing.T) {
	var refused []Refusal
	o := DoorOptions{
		Options: Options{Name: "test", Connections: 1, PerHost: 1, Log: slog.New(slog.DiscardHandler)},
		Begin:   func(_ context.Context, c *Conn) Session { return greeter{c} },
		Refused: func(why Refusal) string { refused = append(refused, why); return "not now" },
	}
	if err := NewDoor(o).ServeTLS(t.Context(), listentest.NewPipes()); err == nil || !strings.HasPrefix(err.Error(), "test: ") {
		t.Errorf("without a certificate: %v", err)
	}
	o.TLS = &tls.Config{Certificates: []tls.Certificate{listentest.Certificate()}}
	for _, kind := range []struct {
		name  string
		serve func(*Door) func(context.Context, net.Listener) error
		dial  func(net.Conn) net.Conn
		away  string
	}{
		{"in clear", func(d *Door) func(context.Context, net.Listener) error { return d.Serve }, func(nc net.Conn) net.Conn { return nc }, "not now"},
		{"over TLS", func(d *Door) func(context.Context, net.Listener) error { return d.ServeTLS },
			func(nc net.Conn) net.Conn { return tls.Client(nc, &tls.Config{InsecureSkipVerify: true}) }, ""},
	} {
		refused = nil
		pipes := listentest.NewPipes()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- kind.serve(NewDoor(o))(ctx, pipes) }()
		first, err := pipes.Dial("192.0.2.1:1")
		if err != nil {
			t.Fatal(err)
		}
		second, err := pipes.Dial("192.0.2.2:1")
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(second); string(got) != kind.away || len(refused) != 1 || refused[0] != TooMany {
			t.Errorf("%s: turned away with %q, told %q", kind.name, got, refused)
		}
		if got, err := io.ReadAll(kind.dial(first)); err != nil || string(got) != "hello\n" {
			t.Errorf("%s: %q %v", kind.name, got, err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
