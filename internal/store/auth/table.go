package auth

import "container/list"

// tableSize bounds every table of this package.
const tableSize = 1 << 16

// table is a map of at most size entries, of which the longest unused one goes when it is full. Its owner locks.
type table[K comparable, V any] struct {
	size  int
	order *list.List // of *row, the last used first
	rows  map[K]*list.Element
}

type row[K comparable, V any] struct {
	key   K
	value V
}

func newTable[K comparable, V any](size int) *table[K, V] {
	return &table[K, V]{size: size, order: list.New(), rows: make(map[K]*list.Element)}
}

// get returns the value of a key and marks it as used.
func (t *table[K, V]) get(k K) (v V, found bool) {
	e := t.rows[k]
	if e == nil {
		return v, false
	}
	t.order.MoveToFront(e)
	return e.Value.(*row[K, V]).value, true
}

func (t *table[K, V]) put(k K, v V) {
	if e := t.rows[k]; e != nil {
		e.Value.(*row[K, V]).value = v
		t.order.MoveToFront(e)
		return
	}
	if len(t.rows) >= t.size {
		oldest := t.order.Back()
		delete(t.rows, oldest.Value.(*row[K, V]).key)
		t.order.Remove(oldest)
	}
	t.rows[k] = t.order.PushFront(&row[K, V]{k, v})
}

func (t *table[K, V]) remove(k K) {
	if e := t.rows[k]; e != nil {
		delete(t.rows, k)
		t.order.Remove(e)
	}
}
