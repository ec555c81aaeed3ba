package db

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// reopenWait is how long a read waits while the file is being closed, before it is opened again.
const reopenWait = time.Second

// readers is the pool of reading connections of a SQLite file. Connections are opened when first needed and kept.
type readers struct {
	path  string
	slots chan struct{} // holds one token per reader at work

	mu      sync.Mutex
	idle    []*liteConn
	active  map[*liteConn]context.CancelCauseFunc
	none    sync.Cond     // signalled when active becomes empty
	drained chan struct{} // nil while reads are served; closed when they are again, or the pool is closed
	cause   error         // why they are not served
	closed  bool
}

func newReaders(path string, n int) *readers {
	r := &readers{path: path, slots: make(chan struct{}, n), active: make(map[*liteConn]context.CancelCauseFunc)}
	r.none.L = &r.mu
	return r
}

// use lends a connection to fn, with a context that also ends when the pool is drained. It waits while all are in use.
func (r *readers) use(ctx context.Context, fn func(context.Context, *liteConn) error) error {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return failedRead(context.Cause(ctx))
	}
	defer func() { <-r.slots }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, err := r.get(ctx, cancel)
	if err != nil {
		return failedRead(err)
	}
	sound := false
	defer func() { r.put(conn, sound) }() // a connection whose closure panicked is not kept
	err = fn(ctx, conn)
	sound = !conn.inTransaction()
	return err
}

func (r *readers) get(ctx context.Context, cancel context.CancelCauseFunc) (*liteConn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.served(ctx); err != nil {
		return nil, err
	}
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

// served waits until reads are served. It is called with mu held, and gives it up meanwhile.
func (r *readers) served(ctx context.Context) error {
	if r.drained != nil && !r.closed {
		drained, err := r.drained, r.cause
		r.mu.Unlock()
		late := time.NewTimer(reopenWait)
		defer late.Stop()
		select {
		case <-drained:
		case <-late.C:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		r.mu.Lock()
		if r.drained != nil && !r.closed {
			return err
		}
	}
	if r.closed {
		return errClosed
	}
	return nil
}

func (r *readers) put(conn *liteConn, keep bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, conn)
	if len(r.active) == 0 {
		defer r.none.Broadcast()
	}
	if keep {
		r.idle = append(r.idle, conn)
		return
	}
	_ = conn.close() // read-only: there is nothing that closing could lose
}

// drain interrupts the readers at work, waits for them, and closes all connections. Reads wait until resume.
func (r *readers) drain(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drained == nil {
		r.drained = make(chan struct{})
	}
	r.cause = cause
	for _, cancel := range r.active {
		cancel(cause)
	}
	for len(r.active) > 0 {
		r.none.Wait()
	}
	for _, conn := range r.idle {
		_ = conn.close()
	}
	r.idle = nil
}

// resume serves reads again, unless the pool was closed meanwhile.
func (r *readers) resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.drained == nil {
		return
	}
	close(r.drained)
	r.drained, r.cause = nil, nil
}

// close drains the pool for good. A read that waits is answered.
func (r *readers) close() {
	r.mu.Lock()
	r.closed = true
	if r.drained != nil {
		close(r.drained)
	}
	r.mu.Unlock()
	r.drain(errClosed)
}
