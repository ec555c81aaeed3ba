package sasl

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"testing"
)

// Both ends of a TLS connection find the same bindings, and another connection has another exporter.
func TestBindings(t *testing.T) {
	web := httptest.NewUnstartedServer(nil) // for its certificate only
	web.StartTLS()
	defer web.Close()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var last []byte
		for range 2 {
			client, server := handshake(t, web.TLS.Certificates[0], version)
			a, b := Bindings(&client, web.Certificate()), Bindings(&server, web.Certificate())
			if len(a) != len(b) || len(a) == 0 || a[len(a)-1].Type != TLSServerEndPoint || len(a[len(a)-1].Data) != 32 {
				t.Fatalf("TLS %x: the client finds %v, the server %v", version, a, b)
			}
			for i := range a {
				if a[i].Type != b[i].Type || !bytes.Equal(a[i].Data, b[i].Data) {
					t.Errorf("TLS %x: the client finds %v, the server %v", version, a[i], b[i])
				}
			}
			if has := a[0].Type == TLSExporter; has != (version == tls.VersionTLS13) || has && bytes.Equal(a[0].Data, last) {
				t.Errorf("TLS %x: exporter offered %v, or the same for two connections", version, has)
			}
			last = a[0].Data
		}
	}
}

func handshake(t *testing.T, certificate tls.Certificate, version uint16) (client, server tls.ConnectionState) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	c := tls.Client(a, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	s := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{certificate}})
	failed := make(chan error, 1)
	go func() { failed <- s.Handshake() }()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	go c.Read(make([]byte, 1)) // takes the session tickets that the server's handshake writes
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState(), s.ConnectionState()
}
