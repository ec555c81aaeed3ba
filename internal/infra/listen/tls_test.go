package listen

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	"net/http/httptest"
)

// A connection is shown the certificate that TLS names, also when another takes its place before the handshake.
func TestTLSShowsOneCertificate(t *testing.T) {
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	defer web.Close()
	first := web.TLS.Certificates[0]
	first.Leaf = web.Certificate()
	second := tls.Certificate{Leaf: new(x509.Certificate)} // has no key: a handshake with it would fail
	now := first
	config := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{now}}, nil
	}}
	near, far := net.Pipe()
	defer near.Close()
	server, shown := TLS(far, config)
	now = second
	go server.Handshake()
	client := tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if got := client.ConnectionState().PeerCertificates[0]; shown == nil || !got.Equal(shown) {
		t.Errorf("shown another certificate than the one named")
	}
	if _, shown := TLS(far, config); shown != second.Leaf {
		t.Error("a new connection gets the certificate of before")
	}
	if _, shown := TLS(far, &tls.Config{Certificates: []tls.Certificate{first, first}}); shown != nil {
		t.Error("with several certificates none is known")
	}
}
