package pack

import (
	"container/list"
	"fmt"
	"sync"
)

// handles keeps files open for reading: those in use, and of the others the ones used last, up to a limit.
type handles struct {
	fs    FS
	limit int

	mu     sync.Mutex
	byName map[string]*handle
	idle   *list.List // of *handle, the one used last in front
	closed bool
}

type handle struct {
	name  string
	file  File
	users int
	idle  *list.Element // nil while in use
	gone  bool          // the name was removed: close with the last user
}

func newHandles(fs FS, limit int) *handles {
	return &handles{fs: fs, limit: limit, byName: map[string]*handle{}, idle: list.New()}
}

// acquire opens a file or finds it open. The lock is held over the system call, which is short and makes two openings of
// one file impossible.
func (hs *handles) acquire(name string) (*handle, error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.closed {
		return nil, errClosed
	}
	if h := hs.byName[name]; h != nil {
		if h.idle != nil {
			hs.idle.Remove(h.idle)
			h.idle = nil
		}
		h.users++
		return h, nil
	}
	if len(hs.byName) >= hs.limit && !hs.evict() {
		return nil, fmt.Errorf("%d files are being read already, the limit: try again later", hs.limit)
	}
	f, err := hs.fs.Open(name)
	if err != nil {
		return nil, err
	}
	h := &handle{name: name, file: f, users: 1}
	hs.byName[name] = h
	return h, nil
}

// evict closes the file that was not used for the longest time.
func (hs *handles) evict() bool {
	last := hs.idle.Back()
	if last == nil {
		return false
	}
	h := hs.idle.Remove(last).(*handle)
	delete(hs.byName, h.name)
	h.file.Close()
	return true
}

func (hs *handles) release(h *handle) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if h.users--; h.users > 0 {
		return
	}
	if hs.closed || h.gone {
		h.file.Close()
		return
	}
	h.idle = hs.idle.PushFront(h)
}

// forget makes a removed file's room be given back as soon as nobody reads it.
func (hs *handles) forget(name string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	h := hs.byName[name]
	if h == nil {
		return
	}
	delete(hs.byName, name)
	if h.gone = true; h.idle != nil {
		hs.idle.Remove(h.idle)
		h.file.Close()
	}
}

// close closes the idle files now and the others with their last user.
func (hs *handles) close() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for hs.evict() {
	}
	hs.closed = true
}
