package dbtest

import (
	"errors"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// Proxy stands between the program and PostgreSQL, counts round trips and loses answers.
type Proxy struct {
	trips atomic.Int64

	mu   sync.Mutex
	loss Loss
}

// Loss is what a Proxy loses, and the connection with it.
type Loss int

const (
	nothing Loss = iota
	Request      // the server does not hear of it
	Answer       // the server has acted on the request
)

// Lose makes the proxy lose the program's next request or the answer to it, once.
func (p *Proxy) Lose(l Loss) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loss = l
}

// Trips is how many round trips there were: times the program spoke after the server, or first.
func (p *Proxy) Trips() int64 { return p.trips.Load() }

func (p *Proxy) take() Loss {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.loss
	p.loss = nothing
	return l
}

// ThroughProxy opens a PostgreSQL database behind a proxy, with one connection, so that a test knows what goes over it. A
// nil schema is an empty database.
func ThroughProxy(t testing.TB, schema fs.FS) (*Proxy, *db.DB) {
	t.Helper()
	u, err := url.Parse(PostgresURL(t, schema))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{}
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
	return p, opener(t, u.String())()
}

func (p *Proxy) serve(client net.Conn, socket string) {
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
		case Request:
			return
		case Answer:
			mute.Store(true)
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}
