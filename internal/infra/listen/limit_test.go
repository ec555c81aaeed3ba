package listen

import (
	"log/slog"
	"net"
	"testing"
)

// Of a limited listener come no more connections than may be open, and others when one of them was closed.
func TestLimit(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := make(chan Refusal, 1)
	l := Limit(inner, Options{Name: "test", Connections: 2, PerHost: 2, Log: slog.New(slog.DiscardHandler),
		TurnAway: func(_ net.Conn, why Refusal) { away <- why }})
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- nc
		}
	}()
	dial := func() {
		nc, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
	}
	dial()
	first := <-accepted
	dial()
	second := <-accepted
	dial()
	select {
	case why := <-away:
		if why != TooMany {
			t.Errorf("turned away for %q", why)
		}
	case <-accepted:
		t.Fatal("a third connection is open")
	}
	first.Close()
	first.Close() // counts once
	dial()
	third := <-accepted
	dial()
	<-away
	second.Close()
	third.Close()
	l.Close()
	if _, more := <-accepted; more {
		t.Error("a connection that was turned away came all the same")
	}
}
