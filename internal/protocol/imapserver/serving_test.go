package imapserver

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// serving is a running server whose connections are pipes in memory.
type serving struct {
	*rooms
	*Server
	log    *logBuffer
	plain  *pipeListener
	secure *pipeListener
	stop   func() // drains and waits
}

// serve runs a server over new rooms until the test ends.
func serve(t testing.TB, change ...func(*Options)) *serving {
	t.Helper()
	return serveRooms(t, openRooms(t), change...)
}

func serveRooms(t testing.TB, r *rooms, change ...func(*Options)) *serving {
	t.Helper()
	f := &serving{rooms: r, log: &logBuffer{}, plain: newPipeListener(), secure: newPipeListener()}
	o := Options{Hostname: "mail.example.org", TLS: serverTLS(), Tx: r.tx, Auth: r.auth, Mailbox: r.mailbox, Bodies: r.bodies, Index: r.index,
		Realtime: r.realtime, Directory: r.directory, Log: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&o)
	}
	var err error
	f.Server, err = New(o)
	r.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { f.Serve(ctx, f.plain) })
	running.Go(func() { f.ServeTLS(ctx, f.secure) })
	f.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(f.stop)
	return f
}

// dial connects: "" and "imap" in clear from this host, "remote" in clear from another one, "imaps" under TLS from there.
func (f *serving) dial(protocol string) (net.Conn, error) {
	switch protocol {
	case "remote":
		return f.plain.connect("192.0.2.7:4711")
	case "imaps":
		nc, err := f.secure.connect("192.0.2.7:4711")
		if err != nil {
			return nil, err
		}
		return tls.Client(nc, &tls.Config{InsecureSkipVerify: true}), nil
	}
	return f.plain.connect("127.0.0.1:4711")
}

// pipeListener accepts pipes.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipeListener() *pipeListener {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	return l
}

// connect returns the client's end of a pipe whose server end seems to come from an address.
func (l *pipeListener) connect(from string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- remoteConn{server, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.close(); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// remoteConn is a connection from an address.
type remoteConn struct {
	net.Conn
	from net.Addr
}

func (c remoteConn) RemoteAddr() net.Addr { return c.from }
