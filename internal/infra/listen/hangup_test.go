package listen

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// A hang-up is seen behind octets that nobody has read, through TLS as well.
func TestHungUp(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	l, err := TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := io.WriteString(client, "unread"); err != nil {
		t.Fatal(err)
	}
	for _, nc := range []net.Conn{server, tls.Server(server, &tls.Config{})} {
		if hungUp, known := HungUp(nc); hungUp || !known {
			t.Errorf("%T: an open connection: %v, known %v", nc, hungUp, known)
		}
	}
	client.Close()
	for _, nc := range []net.Conn{server, tls.Server(server, &tls.Config{})} {
		hungUp, known := HungUp(nc)
		for end := time.Now().Add(5 * time.Second); !hungUp && time.Now().Before(end); runtime.Gosched() {
			hungUp, known = HungUp(nc) // the loopback delivers on its own time
		}
		if !hungUp || !known {
			t.Errorf("%T: a closed connection: %v, known %v", nc, hungUp, known)
		}
	}
	pipe, _ := net.Pipe()
	if hungUp, known := HungUp(pipe); hungUp || known {
		t.Errorf("a pipe: %v, known %v", hungUp, known)
	}
}
