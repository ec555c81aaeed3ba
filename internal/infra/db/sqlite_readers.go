package db

import (
	"context"
	"fmt"
	"sync"
)

// readers is the pool of reading connections of a SQLite file. Connections are opened when first needed and kept.
type readers struct {
	path  string
	slots chan struct{} // holds one token per reader at work; drain takes them all
	done  chan struct{} // closed by close

	mu     sync.Mutex
	idle   []*liteConn
	active map[*liteConn]context.CancelCauseFunc
}

func newReaders(path string, n int) *readers {
	return &readers{path: path, slots: make(chan struct{}, n), done: make(chan struct{}),
		active: make(map[*liteConn]context.CancelCauseFunc)}
}

// use lends a connection to fn, with a context that also ends when the pool is drained. It waits while all are in use.
func (r *readers) use(ctx context.Context, fn func(context.Context, *liteConn) error) error {
	select {
	case r.slots <- struct{}{}:
	case <-r.done:
		return failedRead(errClosed)
	case <-ctx.Done():
		return failedRead(context.Cause(ctx))
	}
	defer func() { <-r.slots }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, err := r.get(cancel)
	if err != nil {
		return failedRead(err)
	}
	sound := false
	defer func() { r.put(conn, sound) }() // a connection whose closure panicked is not kept
	err = fn(ctx, conn)
	sound = !conn.inTransaction()
	return err
}

func (r *readers) get(cancel context.CancelCauseFunc) (*liteConn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var conn *liteConn
	if n := len(r.idle); n > 0 {
		conn, r.idle = r.idle[n-1], r.idle[:n-1]
	} else {
		var err error
		if conn, err = openLite(r.path, readerPragmas); err != nil {
			return nil, fmt.Errorf("open %s for reading: %w", r.path, err)
		}
	}
	r.active[conn] = cancel
	return conn, nil
}

func (r *readers) put(conn *liteConn, keep bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, conn)
	if keep {
		r.idle = append(r.idle, conn)
		return
	}
	_ = conn.close() // read-only: there is nothing that closing could lose
}

// drain interrupts the readers at work, waits for them, and closes all connections. Reads wait until resume.
func (r *readers) drain(cause error) {
	r.mu.Lock()
	for _, cancel := range r.active {
		cancel(cause)
	}
	r.mu.Unlock()
	for range cap(r.slots) {
		r.slots <- struct{}{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.idle {
		_ = conn.close()
	}
	r.idle = nil
}

func (r *readers) resume() {
	for range cap(r.slots) {
		<-r.slots
	}
}

// close drains the pool for good.
func (r *readers) close() {
	close(r.done)
	r.drain(errClosed)
}
