package db

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// connections are those that are open to servers, so that those to one that is no more the primary can be cut: who waits
// there for an answer would wait for a machine that may be gone, or be answered by one that is behind.
type connections struct {
	mu   sync.Mutex
	open map[*connection]struct{}
	left map[string]bool // addresses of the server that was the primary before
}

var errLeft = errors.New("this server is no more the primary")

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
	c.mu.Lock()
	left := c.left[address]
	c.mu.Unlock()
	if left { // to cancel what ran on a connection that was cut: nobody needs that, and the server may never answer
		return nil, errLeft
	}
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

// leave cuts the connections to servers before a timeline, and makes no more to where they led.
func (c *connections) leave(before uint64) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = map[string]bool{}
	return c.end(before, func(conn *connection) { c.left[conn.RemoteAddr().String()] = true })
}

// cut ends the connections to servers before a timeline, 0 for all.
func (c *connections) cut(before uint64) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end(before, func(*connection) {})
}

func (c *connections) end(before uint64, note func(*connection)) (n int) {
	for conn := range c.open {
		if before == 0 || conn.timeline < before {
			note(conn)
			conn.Conn.Close() // who uses it sees an error and closes it again
			n++
		}
	}
	return n
}
