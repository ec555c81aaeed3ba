package pop3server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
)

// serving is a running server whose connections are pipes in memory.
type serving struct {
	*rooms
	*Server
	log    *logBuffer
	plain  *listentest.Pipes
	secure *listentest.Pipes
	stop   func() // drains and waits
}

// serve runs a server over new rooms until the test ends.
func serve(t testing.TB, change ...func(*Options)) *serving {
	t.Helper()
	return serveRooms(t, openRooms(t), change...)
}

func serveRooms(t testing.TB, r *rooms, change ...func(*Options)) *serving {
	t.Helper()
	f := &serving{rooms: r, log: &logBuffer{}, plain: listentest.NewPipes(), secure: listentest.NewPipes()}
	o := Options{Hostname: "mail.example.org", TLS: serverTLS(), Tx: r.tx, Auth: r.auth, Mailbox: r.mailbox, Bodies: r.bodies,
		Log: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
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

// dial connects: "" and "pop3" in clear from this host, "remote" in clear from another one, "pop3s" under TLS from there.
func (f *serving) dial(protocol string) (net.Conn, error) {
	switch protocol {
	case "remote":
		return f.plain.Dial("192.0.2.7:4711")
	case "pop3s":
		nc, err := f.secure.Dial("192.0.2.7:4711")
		if err != nil {
			return nil, err
		}
		return tls.Client(nc, &tls.Config{InsecureSkipVerify: true}), nil
	}
	return f.plain.Dial("127.0.0.1:4711")
}
