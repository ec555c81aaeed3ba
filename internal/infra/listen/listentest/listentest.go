// Package listentest helps to test doors without sockets: connections are pipes in memory, and there is a certificate.
package listentest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Pipes is a listener that accepts pipes.
type Pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

// NewPipes opens a listener. Whoever is to use it in a bubble of testing/synctest makes it there.
func NewPipes() *Pipes {
	l := &Pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	return l
}

// Dial returns the client's end of a pipe whose server end seems to come from an address and port; from "" it has no
// Internet address.
func (l *Pipes) Dial(from string) (net.Conn, error) {
	client, server := net.Pipe()
	if from != "" {
		server = remoteConn{server, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
	}
	if err := l.Hand(server); err != nil {
		return nil, err
	}
	return client, nil
}

// Hand gives the server a connection.
func (l *Pipes) Hand(server net.Conn) error {
	select {
	case l.conns <- server:
		return nil
	case <-l.closed:
		return net.ErrClosed
	}
}

// Accept waits for Dial.
func (l *Pipes) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial.
func (l *Pipes) Close() error { l.close(); return nil }

// Addr is no address anybody could connect to.
func (l *Pipes) Addr() net.Addr { return &net.TCPAddr{} }

// remoteConn is a connection from an address.
type remoteConn struct {
	net.Conn
	from net.Addr
}

func (c remoteConn) RemoteAddr() net.Addr { return c.from }

// Certificate returns a self-signed certificate for mail.example.org, the same one for the whole process.
var Certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"mail.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})
