package doortest

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
)

// Hostname is the name of every test's server.
const Hostname = "mail.example.org"

// TLS is the configuration of every test's server: as in the product, each connection gets the certificate of its time.
func TLS() *tls.Config {
	config := &tls.Config{Certificates: []tls.Certificate{listentest.Certificate()}}
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }}
}

// Server is what every door is.
type Server interface {
	Serve(ctx context.Context, l net.Listener) error
	ServeTLS(ctx context.Context, l net.Listener) error
}

// Running is a server whose connections are pipes in memory.
type Running struct {
	Plain  *listentest.Pipes
	Secure *listentest.Pipes
	Stop   func() // drains and waits
}

// Run runs a server until the test ends.
func Run(t testing.TB, s Server) *Running {
	r := &Running{Plain: listentest.NewPipes(), Secure: listentest.NewPipes()}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { s.Serve(ctx, r.Plain) })
	running.Go(func() { s.ServeTLS(ctx, r.Secure) })
	r.Stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(r.Stop)
	return r
}

// Dial connects: "remote" in clear from another host, what ends with "s" ("imaps") under TLS from there, and all else in clear
// from this host.
func (r *Running) Dial(protocol string) (net.Conn, error) {
	const elsewhere = "192.0.2.7:4711"
	switch {
	case protocol == "remote":
		return r.Plain.Dial(elsewhere)
	case strings.HasSuffix(protocol, "s"):
		nc, err := r.Secure.Dial(elsewhere)
		if err != nil {
			return nil, err
		}
		return tls.Client(nc, &tls.Config{InsecureSkipVerify: true}), nil
	}
	return r.Plain.Dial("127.0.0.1:4711")
}

// Log keeps what a server logs.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
