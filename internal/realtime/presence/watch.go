package presence

import (
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Watch is a client that listens.
type Watch struct {
	account mail.AccountID
	send    func(Signal)

	mu      sync.Mutex
	waiting []Signal
	sending bool
	closed  bool
}

// close has nothing more sent, but for what is being sent at this moment.
func (w *Watch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed, w.waiting = true, nil
}

// queue adds a signal. Who calls it has the table locked, so that signals wait in the order of what they tell.
func (w *Watch) queue(s Signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.waiting = append(w.waiting, s)
	}
}

// flush sends what waits, with nothing locked, unless somebody does so already.
func (w *Watch) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sending {
		return
	}
	w.sending = true
	for len(w.waiting) > 0 {
		list := w.waiting
		w.waiting = nil
		w.mu.Unlock()
		for _, s := range list {
			w.send(s)
		}
		w.mu.Lock()
	}
	w.sending = false
}
