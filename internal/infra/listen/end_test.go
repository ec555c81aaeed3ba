package listen

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"
)

// A client that goes on sending can do so for a while, and then reads what was said.
func TestLinger(t *testing.T) {
	l, err := TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(nc, "bye\n")
		Linger(nc)
		nc.Close()
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for range 20 {
		if _, err := nc.Write(make([]byte, 10<<10)); err != nil {
			t.Fatalf("cut off while sending: %v", err)
		}
	}
	nc.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(nc); string(got) != "bye\n" || err != nil {
		t.Errorf("heard %q, %v", got, err)
	}
}

// The end does not wait for a client that reads nothing, which would hold up the alert that closes TLS.
func TestAbort(t *testing.T) {
	near, far := net.Pipe()
	closed := make(chan struct{})
	go func() { Abort(tls.Server(wrapped{far}, &tls.Config{})); close(closed) }()
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Fatal("it waits")
	}
	if _, err := near.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the other end reads %v", err)
	}
}

type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }
