package db_test

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// proxy stands between the program and PostgreSQL, counts round trips and loses answers.
type proxy struct {
	trips atomic.Int64 // times the client spoke after the server, or first

	mu  sync.Mutex
	cut cut
}

// cut is what happens at the client's next message.
type cut int

const (
	never        cut = iota
	beforeServer     // the message is lost and the connection with it
	beforeClient     // the server gets the message, its answer is lost and the connection with it
)

// next sets what happens at the client's next message, once.
func (p *proxy) next(c cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = c
}

func (p *proxy) take() cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.cut
	p.cut = never
	return c
}

// throughProxy opens the test's database behind a proxy, with one connection, so that a test knows what goes over it.
func throughProxy(t *testing.T) (*proxy, *db.DB) {
	t.Helper()
	direct := dbtest.PostgresURL(t, schema)
	u, err := url.Parse(direct)
	must(t, err)
	socket := filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(client, socket) })
		}
	})
	t.Cleanup(func() { listener.Close(); wg.Wait() })
	u.Host = listener.Addr().String()
	u.RawQuery = "sslmode=disable&pool_max_conns=1"
	d, err := db.Open(t.Context(), db.Options{URL: u.String()})
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return p, d
}

func (p *proxy) serve(client net.Conn, socket string) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer server.Close()
	var mute, clientsTurn atomic.Bool
	clientsTurn.Store(true)
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if n > 0 && mute.Load() {
				err = errors.New("the answer is lost")
			}
			if err != nil {
				client.Close()
				return
			}
			clientsTurn.Store(true)
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if clientsTurn.Swap(false) {
			p.trips.Add(1)
		}
		switch p.take() {
		case beforeServer:
			return
		case beforeClient:
			mute.Store(true)
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}
