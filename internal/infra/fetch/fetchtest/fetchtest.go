// Package fetchtest gives tests a web server that a fetch.Client reaches under names and addresses of the internet.
package fetchtest

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/fetch"
)

// Host is a name for which the Web has a certificate, and Address the public one that it has.
const Host = "web.example.com"

// Address is that of every host of a Web, unless Resolve has said something else.
var Address = netip.MustParseAddr("192.31.196.1")

// Web is a server on loopback that stands for all of the internet. All connections that a Client of it makes come here, and Dialed
// tells where they would have gone.
type Web struct {
	server, plain *httptest.Server

	mu     sync.Mutex
	hosts  map[string][]netip.Addr
	dialed []string
}

// Start serves a handler by HTTPS, and by HTTP where port 80 or 8080 is asked for, until the test ends.
func Start(t testing.TB, h http.Handler) *Web {
	t.Helper()
	w := &Web{hosts: map[string][]netip.Addr{}, server: httptest.NewUnstartedServer(h), plain: httptest.NewServer(h)}
	w.server.EnableHTTP2 = true
	w.server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that tests want to fail
	w.server.StartTLS()
	t.Cleanup(func() { w.server.Close(); w.plain.Close() })
	return w
}

// Options are those of a Client that reaches this Web. The certificate is good for names below example.com.
func (w *Web) Options() fetch.Options {
	roots := x509.NewCertPool()
	roots.AddCert(w.server.Certificate())
	return fetch.Options{Roots: roots, Addresses: w.addresses, Dial: w.dial, Own: func() []netip.Addr { return nil }}
}

// Client makes one whose connections end with the test.
func (w *Web) Client(t testing.TB) *fetch.Client {
	c := fetch.New(w.Options())
	t.Cleanup(c.Close)
	return c
}

// URL is that of a path on Host.
func (w *Web) URL(path string) string { return "https://" + Host + path }

// Resolve gives a host the addresses that DNS will tell from now on; none: it has none.
func (w *Web) Resolve(host string, addresses ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[host] = nil
	for _, a := range addresses {
		w.hosts[host] = append(w.hosts[host], netip.MustParseAddr(a))
	}
}

// Dialed is where connections went, in order.
func (w *Web) Dialed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.dialed...)
}

func (w *Web) addresses(_ context.Context, host string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if list, known := w.hosts[host]; known {
		if len(list) == 0 {
			return nil, fmt.Errorf("%s does not exist", host)
		}
		return list, nil
	}
	return []netip.Addr{Address}, nil
}

func (w *Web) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, address)
	w.mu.Unlock()
	to := w.server
	if strings.HasSuffix(address, ":80") || strings.HasSuffix(address, ":8080") {
		to = w.plain
	}
	return new(net.Dialer).DialContext(ctx, network, to.Listener.Addr().String())
}
