package db

import (
	"context"
	"net"
	"sync"
	"time"
)

// connections are those that are open to servers, so that those to one that is no more the primary can be cut: who waits
// there for an answer would wait for a machine that may be gone, or be answered by one that is behind.
type connections struct {
	mu   sync.Mutex
	open map[*connection]struct{}
}

// connection is one of them.
type connection struct {
	net.Conn
	of       *connections
	timeline uint64 // of the server, once it has said so
}

// A peer that has vanished is noticed by the kernel within about ten seconds, also where nothing looks after the connection.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

const userTimeout = 10 * time.Second

func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: keepAlive, Control: limitUnanswered}
	raw, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := &connection{Conn: raw, of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[*connection]struct{}{}
	}
	c.open[conn] = struct{}{}
	return conn, nil
}

func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// mark notes the timeline of the server that a connection with this local address leads to. (TLS hides the connection itself.)
func (c *connections) mark(local net.Addr, timeline uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if conn.LocalAddr().Network() == local.Network() && conn.LocalAddr().String() == local.String() {
			conn.timeline = timeline
		}
	}
}

// cut ends the connections to servers before a timeline, 0 for all.
func (c *connections) cut(before uint64) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if before == 0 || conn.timeline < before {
			conn.Conn.Close() // who uses it sees an error and closes it again
			n++
		}
	}
	return n
}
