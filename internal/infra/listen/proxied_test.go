package listen

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// line reads a header for tests: CLIENT SERVER, LOCAL, or an error.
func line(nc net.Conn) (client, server netip.AddrPort, known bool, err error) {
	var text []byte
	for one := make([]byte, 1); !bytes.HasSuffix(text, []byte("\n")); text = append(text, one...) {
		if _, err := io.ReadFull(nc, one); err != nil {
			return client, server, false, err
		}
	}
	a, b, both := strings.Cut(strings.TrimSpace(string(text)), " ")
	if !both && a == "LOCAL" {
		return client, server, false, nil
	}
	if client, err = netip.ParseAddrPort(a); err == nil {
		server, err = netip.ParseAddrPort(b)
	}
	return client, server, err == nil, err
}

// lines is a log.
type lines chan string

func (l lines) Write(p []byte) (int, error) { l <- string(p); return len(p), nil }

func behindProxies(t *testing.T, networks []netip.Prefix) (net.Listener, lines) {
	t.Helper()
	l, err := TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := make(lines, 10)
	l = Behind(l, Proxies{Networks: networks, Header: line, Name: "smtp", Log: slog.New(slog.NewTextHandler(log, nil))})
	t.Cleanup(func() { l.Close() })
	return l, log
}

func dialProxied(t *testing.T, l net.Listener, say string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if _, err := io.WriteString(nc, say); err != nil {
		t.Fatal(err)
	}
	return nc
}

func TestBehind(t *testing.T) {
	l, _ := behindProxies(t, networks)
	silent := dialProxied(t, l, "") // nobody waits for it
	for _, c := range []struct{ header, remote, local string }{
		{"192.0.2.7:4321 203.0.113.1:25\n", "192.0.2.7:4321", "203.0.113.1:25"},
		{"[2001:db8::7]:4321 [2001:db8::1]:25\n", "[2001:db8::7]:4321", "[2001:db8::1]:25"},
		{"LOCAL\n", "", ""},
	} {
		client := dialProxied(t, l, c.header+"EHLO\n")
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if c.remote == "" {
			c.remote, c.local = client.LocalAddr().String(), l.Addr().String()
		}
		if Remote(nc).String() != c.remote || Local(nc).String() != c.local {
			t.Errorf("%q: from %v to %v", c.header, Remote(nc), Local(nc))
		}
		if said, err := bufio.NewReader(nc).ReadString('\n'); said != "EHLO\n" {
			t.Errorf("%q: the client's first words are %q, %v", c.header, said, err)
		}
		if _, known := HungUp(nc); !known {
			t.Errorf("%q: the socket is not found below", c.header)
		}
	}
	silent.Close()
}

// A proxy that sends no header is not believed to be a client; who is no proxy is not believed to be one.
func TestBehindRefuses(t *testing.T) {
	l, log := behindProxies(t, networks)
	nc := dialProxied(t, l, "EHLO mail.example.org\r\n")
	if n, err := nc.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("without a header the connection stays: %d octets, %v", n, err)
	}
	if said := <-log; !strings.Contains(said, "no good PROXY header") {
		t.Errorf("the log is %q", said)
	}

	stranger, _ := behindProxies(t, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})
	client := dialProxied(t, stranger, "198.51.100.1:1 198.51.100.2:2\n")
	got, err := stranger.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if Remote(got).String() != client.LocalAddr().String() {
		t.Errorf("a stranger is %v, because it says so", Remote(got))
	}
	if said, _ := bufio.NewReader(got).ReadString('\n'); !strings.HasPrefix(said, "198.51.100.1") {
		t.Errorf("what a stranger says first is %q", said)
	}
}

// Nobody waits for a listener that is closed, and no connection is left open.
func TestBehindCloses(t *testing.T) {
	l, _ := behindProxies(t, networks)
	waiting := dialProxied(t, l, "LOCAL\n") // nobody accepts it
	accepted := make(chan error, 1)
	l.Close()
	go func() { _, err := l.Accept(); accepted <- err }()
	select {
	case err := <-accepted:
		if err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Accept hangs")
	}
	waiting.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := waiting.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the connection that waited: %v", err)
	}
	if plain, _ := net.Listen("tcp", "127.0.0.1:0"); Behind(plain, Proxies{}) != plain {
		t.Error("without proxies the listener is another")
	}
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}
