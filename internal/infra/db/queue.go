package db

import (
	"context"
	"sync"
)

// MaxWaiting bounds the closures that wait for the SQLite writer.
const MaxWaiting = 10_000

// job is one closure handed to the writer.
type job struct {
	ctx        context.Context // for the closure, never cancelled
	fn         func(*Tx) error
	turn       int64
	prev, next *job       // within its turn while it waits
	done       chan error // takes exactly one answer
	err        error      // what the closure returned, until the commit makes it the answer
	waiting    bool
}

// turnQueue holds waiting jobs so that the turns (accounts) take turns: each turn's jobs stay in order, and the next job
// is that of the turn which has waited longest since its last one.
type turnQueue struct {
	mu     sync.Mutex
	wake   sync.Cond // signalled when a job arrives or the queue is closed
	turns  map[int64]*turnList
	first  *turnList // the ring of turns with waiting jobs, first is served next
	n      int
	closed bool
}

// turnList is one turn's jobs, a place in the ring of turns.
type turnList struct {
	turn        int64
	head, tail  *job
	left, right *turnList
}

func newTurnQueue() *turnQueue {
	q := &turnQueue{turns: make(map[int64]*turnList)}
	q.wake.L = &q.mu
	return q
}

// put adds a job at the end of its turn.
func (q *turnQueue) put(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return errClosed
	case q.n >= MaxWaiting:
		return errQueueFull
	}
	l := q.turns[j.turn]
	if l == nil {
		l = &turnList{turn: j.turn}
		q.turns[j.turn] = l
		q.linkLast(l)
	}
	if j.prev = l.tail; j.prev != nil {
		j.prev.next = j
	} else {
		l.head = j
	}
	l.tail = j
	j.waiting = true
	q.n++
	q.wake.Signal()
	return nil
}

// take returns the next job. With wait it blocks until there is one, and returns nil only when the queue is closed.
func (q *turnQueue) take(wait bool) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for wait && q.n == 0 && !q.closed {
		q.wake.Wait()
	}
	if q.n == 0 || q.closed {
		return nil
	}
	l := q.first
	j := l.head
	q.first = l.right // the turn goes to the end of the ring
	q.remove(l, j)
	return j
}

// len is how many jobs wait.
func (q *turnQueue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// takeIf returns the next job whose turn passes, nil when there is none.
func (q *turnQueue) takeIf(pass func(turn int64) bool) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.first
	for range q.turns {
		if pass(l.turn) {
			j := l.head
			q.first = l.right
			q.remove(l, j)
			return j
		}
		l = l.right
	}
	return nil
}

// withdraw removes a job that has not started and reports whether it was in time.
func (q *turnQueue) withdraw(j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !j.waiting {
		return false
	}
	q.remove(q.turns[j.turn], j)
	return true
}

// close refuses further jobs and returns those that wait.
func (q *turnQueue) close() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake.Broadcast()
	return q.empty()
}

// takeAll returns all jobs that wait.
func (q *turnQueue) takeAll() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.empty()
}

func (q *turnQueue) empty() (left []*job) {
	for q.n > 0 {
		j := q.first.head
		q.remove(q.first, j)
		left = append(left, j)
	}
	return left
}

func (q *turnQueue) remove(l *turnList, j *job) {
	if j.prev != nil {
		j.prev.next = j.next
	} else {
		l.head = j.next
	}
	if j.next != nil {
		j.next.prev = j.prev
	} else {
		l.tail = j.prev
	}
	j.prev, j.next, j.waiting = nil, nil, false
	q.n--
	if l.head == nil {
		q.unlink(l)
		delete(q.turns, l.turn)
	}
}

func (q *turnQueue) linkLast(l *turnList) {
	if q.first == nil {
		l.left, l.right = l, l
		q.first = l
		return
	}
	last := q.first.left
	l.left, l.right = last, q.first
	last.right, q.first.left = l, l
}

func (q *turnQueue) unlink(l *turnList) {
	if l.right == l {
		q.first = nil
		return
	}
	l.left.right, l.right.left = l.right, l.left
	if q.first == l {
		q.first = l.right
	}
}
